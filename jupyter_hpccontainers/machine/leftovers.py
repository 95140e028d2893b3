"""Ending what an Apptainer job left running after its supervisor was killed."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterable

from . import folder as names
from .attempt import Attempt
from .cgroups import JobCgroup
from .processes import Process, all_processes, boot_id, descendants, process, send

_GIVE_UP_S = 5.0
_PAUSE_S = 0.005


def end_leftovers(attempt: Attempt) -> int:
    """Kill every process of the attempt's session and remove its control group.

    Blocks until they are gone, at most 5 s; returns how many processes there were. The session
    was written down before Apptainer was executed, so there is none that is not found; from
    another boot, or once its number was given to others, there is nothing to end.
    """
    try:
        noted = json.loads((attempt.folder / names.SESSION).read_bytes())
    except (FileNotFoundError, ValueError):
        return 0
    if noted["boot_id"] != boot_id():
        return 0
    cgroup = JobCgroup(noted["cgroup"])
    ended: set[int] = set()
    give_up = time.monotonic() + _GIVE_UP_S
    while time.monotonic() < give_up:
        living = _members(noted["session"], noted["start_ticks"], cgroup)
        if not living:
            break
        cgroup.kill()
        for one in living:
            send(one, signal.SIGKILL)
        ended.update(one.pid for one in living)
        time.sleep(_PAUSE_S)
    cgroup.remove()
    return len(ended)


def _members(session: int, start_ticks: int, cgroup: JobCgroup) -> list[Process]:
    """Return the session's processes, what descends from them, and who is in the group."""
    seen = all_processes()
    leader = next((one for one in seen if one.pid == session), None)
    if leader is not None and leader.start_ticks != start_ticks:
        return _living(filter(None, map(process, cgroup.pids())))
    mine = {one.pid: one for one in seen if one.session == session}
    # A number is not given anew while it names a session: only later processes are members.
    mine = {pid: one for pid, one in mine.items() if one.start_ticks >= start_ticks}
    for one in list(mine.values()):
        mine.update((child.pid, child) for child in descendants(one.pid, seen))
    grouped = filter(None, map(process, cgroup.pids()))
    return _living({**{one.pid: one for one in grouped}, **mine}.values())


def _living(found: Iterable[Process]) -> list[Process]:
    return [one for one in found if not one.dead]
