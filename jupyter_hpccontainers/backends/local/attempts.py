"""The attempts that live: their start and end become events, their stop becomes a signal."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ...machine.attempt import Ask, Attempt, Exit
from ...model.states import Reason, ReasonCode
from ...scheduler.events import Exited, Started, StartFailed
from .clock import Clock
from .housekeeping import disk_bytes
from .watching import Watching

_log = logging.getLogger(__name__)

_OOM_WARNING = "something in the job was killed for memory, the job itself was not"
#: How soon a living supervisor without a name is looked at again.
_NAME_S = 0.05


@dataclass
class _Living:
    """One attempt under a supervisor."""

    job_id: int
    attempt: Attempt
    popen: subprocess.Popen[bytes] | None
    pidfd: int
    started: bool = False
    stop_watching: Callable[[], None] = field(default=lambda: None)


class Attempts:
    """Watches supervisors by pidfd and their folders by inotify; nothing is polled."""

    def __init__(
        self,
        watch: Watching,
        clock: Clock,
        put: Callable[[Started | StartFailed | Exited], None],
        abandoned: Callable[[int, Attempt], None],
    ) -> None:
        self._watch = watch
        self._clock = clock
        self._put = put
        self._abandoned = abandoned
        self._living: dict[int, _Living] = {}
        #: Supervisors that live and have not written their name yet, and what they are asked.
        self._unnamed: dict[int, Ask | None] = {}
        #: What the record of a job's end says beside its result; taken by the inbox's writer.
        self.notes: dict[int, dict[str, Any]] = {}

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._living or job_id in self._unnamed

    def pids(self) -> list[int]:
        """Return the supervisors and the containers' first processes, where they are known."""
        known = []
        for living in self._living.values():
            started, holder = living.attempt.started(), living.attempt.supervisor()
            known += [started.pid] if started and started.pid else []
            known += [holder.pid] if holder else []
        return known

    def look_after(
        self, job_id: int, attempt: Attempt, popen: subprocess.Popen[bytes] | None = None
    ) -> None:
        """Turn this attempt's start and end into events; ``popen`` where it is our own child."""
        pidfd = os.pidfd_open(popen.pid) if popen else attempt.pidfd()
        if pidfd is None and attempt.alive():
            self._await_name(job_id, attempt)
            return
        asked = self._unnamed.pop(job_id, None)
        if pidfd is None:
            self._end(job_id, attempt)
            return
        living = _Living(job_id, attempt, popen, pidfd)
        self._living[job_id] = living
        living.stop_watching = self._watch.add(
            attempt.folder, lambda _: self._look_for_start(living)
        )
        asyncio.get_running_loop().add_reader(pidfd, self._gone, living)
        self._look_for_start(living)
        if asked is not None:
            self.ask(job_id, asked)

    def ask(self, job_id: int, what: Ask) -> bool:
        """Signal the supervisor of a job; False when none lives."""
        if job_id in self._unnamed:
            if self._unnamed[job_id] is not Ask.KILL:
                self._unnamed[job_id] = what
            return True
        living = self._living.get(job_id)
        if living is None:
            return False
        try:
            heard = living.attempt.ask(what)
        except OSError as error:
            _log.error("job %d: its supervisor can't be told to %s: %s", job_id, what.name, error)
            return True
        if not heard and living.popen is not None:
            # Just spawned: it has not written its name yet, but its number is ours to use.
            with suppress(ProcessLookupError):
                living.popen.send_signal(int(what))
        return True

    def let_go(self) -> None:
        """Stop watching; the supervisors go on without us."""
        for living in self._living.values():
            living.stop_watching()
            asyncio.get_running_loop().remove_reader(living.pidfd)
            os.close(living.pidfd)
            if living.popen is not None:
                # Not ours to wait for any more: the next engine adopts it.
                living.popen.returncode = 0
        self._living.clear()
        self._unnamed.clear()

    def _await_name(self, job_id: int, attempt: Attempt) -> None:
        """Look again soon: a supervisor whose engine died has the lock before it has its name."""
        self._unnamed.setdefault(job_id, None)
        asyncio.get_running_loop().call_later(_NAME_S, self._look_again, job_id, attempt)

    def _look_again(self, job_id: int, attempt: Attempt) -> None:
        if job_id in self._unnamed:
            self.look_after(job_id, attempt)

    def _look_for_start(self, living: _Living) -> None:
        if living.started or living.job_id not in self._living:
            return
        started = living.attempt.started()
        if started is not None:
            living.started = True
            self._put(Started(living.job_id, attempt=living.attempt.number))

    def _gone(self, living: _Living) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(living.pidfd)
        os.close(living.pidfd)
        living.stop_watching()
        if living.popen is not None:
            living.popen.wait()
        self._look_for_start(living)
        del self._living[living.job_id]
        self._end(living.job_id, living.attempt)

    def _end(self, job_id: int, attempt: Attempt) -> None:
        found = attempt.exit()
        if found is None:
            _log.warning("job %d: its supervisor is gone and left no exit file", job_id)
            self._abandoned(job_id, attempt)
            return
        self.notes[job_id] = end_notes(attempt, found)
        self._put(end_event(job_id, attempt.number, found, self._clock))


def end_notes(attempt: Attempt, found: Exit) -> dict[str, Any]:
    """Return what the record of the end says beside the result."""
    warnings = found.warnings
    if found.oom_seen and not found.oom_killed:
        warnings = (*warnings, _OOM_WARNING)
    size = attempt.output.stat().st_size if attempt.output.exists() else 0
    held = disk_bytes(attempt.folder.parent)
    return {"warnings": warnings, "log_bytes": size, "disk_bytes": held}


def end_event(job_id: int, attempt: int, found: Exit, clock: Clock) -> Exited | StartFailed:
    """Return the event an exit file stands for; its time of day becomes the scheduler's time."""
    reason = None
    if found.error_code:
        details = {"message": found.error_message, "exit_code": found.exit_code}
        reason = Reason(ReasonCode(found.error_code), details)
        if found.started_at is None:
            return StartFailed(job_id, reason, attempt)
    return Exited(
        job_id=job_id,
        exit_code=found.exit_code,
        signal=found.signal,
        oom_killed=found.oom_killed,
        reason=reason,
        ended_at=clock.now() - (clock.wall() - found.ended_at),
        attempt=attempt,
    )
