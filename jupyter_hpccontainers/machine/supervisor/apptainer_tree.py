"""The processes of one Apptainer job: when its program began, TERM and KILL to all of it."""

from __future__ import annotations

import os
import time

from ..light import signal
from ..processes import Process, all_processes, descendants, process, read_proc, send, signal_main

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cgroups import JobCgroup

#: What PID 1 of the container calls itself once the program's execve(2) has succeeded
#: (Apptainer, SingularityCE): nothing in the image is needed to know that it runs.
_INIT_NAMES = {b"appinit\n", b"sinit\n"}
#: How long Apptainer may take to clear up after its container was killed.
_CLEAR_UP_S = 1.0
_END_S = 5.0
#: How often we look for processes that started while others were stopped.
_SWEEPS = 50
_PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>


class ApptainerTree:
    """All that descends from the Apptainer process ``leader``, which leads a session."""

    def __init__(self, leader: int, cgroup: JobCgroup | None) -> None:
        self._leader = leader
        self._cgroup = cgroup
        self._init: Process | None = None

    def find_init(self) -> int:
        """Return the pid of the container's init once the program was executed, else 0.

        Apptainer's init renames itself only after its child's execve(2) succeeded (Go's
        ``os/exec`` reports that through a close-on-exec pipe).
        """
        if self._init is None:
            pid = _named_below(self._leader)
            self._init = process(pid) if pid else None
        return self._init.pid if self._init is not None else 0

    def terminate(self) -> bool:
        """TERM to every process of the job, its init excepted, which ends with the last."""
        return self._signal(signal.SIGTERM)

    def suspend(self) -> bool:
        """Stop every process of the job, also those that were started since we looked."""
        told: set[int] = set()
        for _ in range(_SWEEPS):
            new = [one for one in self._inside() if one.pid not in told]
            if not new:
                break
            told |= {one.pid for one in new if send(one, signal.SIGSTOP)}
        return bool(told)

    def resume(self) -> bool:
        """Let every process of the job run again."""
        return self._signal(signal.SIGCONT)

    def signal(self, name: str) -> bool:
        """A signal to the job's main process; True also when that has ended."""
        pid = self.find_init()
        return pid > 0 and signal_main(pid, name)

    def kill(self) -> bool:
        """KILL the container's init, with which the kernel ends all processes inside.

        Apptainer then unmounts the image itself; ``end_all`` ends what it leaves.
        """
        self.find_init()
        if self._init is not None and send(self._init, signal.SIGKILL):
            return True
        self._kill_rest()
        return True

    def end_all(self) -> None:
        """Kill until no process of the job is left; those that became ours are reaped."""
        give_up = time.monotonic() + _END_S
        while self._kill_rest() and time.monotonic() < give_up:
            reap()
            time.sleep(0.002)

    def wait_for_clear_up(self) -> None:
        """Give Apptainer the time to unmount after a KILL of its container."""
        give_up = time.monotonic() + _CLEAR_UP_S
        while time.monotonic() < give_up:
            leader = process(self._leader)
            if leader is None or leader.dead:
                return
            time.sleep(0.005)

    def _signal(self, number: int) -> bool:
        # A set, not a generator: every one of them must get it.
        return any({send(one, number) for one in self._inside()})

    def _inside(self) -> list[Process]:
        """Return the job's living processes, its init excepted."""
        self.find_init()
        if self._init is None:
            return []
        return [one for one in descendants(self._init.pid) if not one.dead]

    def _kill_rest(self) -> bool:
        """KILL what is left and say whether there was anything."""
        if self._cgroup is not None:
            self._cgroup.kill()
        seen = all_processes()
        mine = {one.pid: one for one in seen if one.session == self._leader}
        mine.update((one.pid, one) for one in descendants(os.getpid(), seen))
        living = [one for one in mine.values() if not one.dead and one.pid != os.getpid()]
        for one in living:
            send(one, signal.SIGKILL)
        return bool(living)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends (PR_SET_CHILD_SUBREAPER).

    Called when Apptainer has just been executed: loading ctypes before would cost it 3 ms, and
    it takes tens of them to have a child that has one.
    """
    import ctypes  # noqa: PLC0415

    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap() -> dict[int, int]:
    """Collect every child that has ended (we are the subreaper): pid → wait status."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = status


def _named_below(leader: int) -> int:
    if not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
        # A kernel built without CONFIG_PROC_CHILDREN: all processes are looked through.
        below = [leader, *(one.pid for one in descendants(leader))]
        return next((pid for pid in below if read_proc(f"{pid}/comm") in _INIT_NAMES), 0)
    waiting = [leader]
    while waiting:
        pid = waiting.pop()
        if read_proc(f"{pid}/comm") in _INIT_NAMES:
            return pid
        waiting.extend(_children(pid))
    return 0


def _children(pid: int) -> list[int]:
    """Return the children of a process, of all its threads (proc(5), Linux 3.5)."""
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found.extend(map(int, read_proc(f"{pid}/task/{task}/children").split()))
    except OSError:
        return found
    return found
