"""Waiting for a job in a cell: show it, and stop it when the person interrupts."""

from __future__ import annotations

from collections.abc import Callable

from ..client.engine import EngineClient
from ..client.follow import Event, Follow, LogWritten, StateChanged
from ..model.job import Job
from .interrupts import Interrupts
from .screens import Screen

#: How soon an interrupt is heeded at the latest.
_LOOK_EVERY_S = 0.2


class Attendance:
    """Follows one job on a screen until it ended."""

    def __init__(
        self, client: EngineClient, job: Job, screen: Screen, interrupts: Interrupts
    ) -> None:
        self._client = client
        self._job = job
        self._screen = screen
        self._interrupts = interrupts
        self._heeded = 0

    def until_done(self, spares: Callable[[], bool]) -> Job:
        """Return the record at the end.

        The first interrupt stops the job (TERM, grace, KILL), the second kills it; then
        KeyboardInterrupt is raised once it ended. Where ``spares()`` holds after an interrupt,
        that ends only the waiting.
        """
        self._screen.state(self._job)
        self._screen.tick()
        try:
            with self._client.follow({self._job.id: 0}) as follow:
                self._attend(follow, spares)
        finally:
            self._screen.end()
        if self._interrupts.count:
            raise KeyboardInterrupt
        return self._job

    def _attend(self, follow: Follow, spares: Callable[[], bool]) -> None:
        while not follow.finished:
            for event in follow.poll(self._wait_s()):
                self._take(event)
            self._screen.tick()
            if self._interrupts.count > self._heeded:
                if spares():
                    return
                self._stop()

    def _wait_s(self) -> float:
        due = self._screen.wait_s()
        return _LOOK_EVERY_S if due is None else min(due, _LOOK_EVERY_S)

    def _take(self, event: Event) -> None:
        match event:
            case StateChanged(job):
                self._job = job
                self._screen.state(job, self._hint())
            case LogWritten(_, _, stream, data):
                self._screen.wrote(stream, data)

    def _stop(self) -> None:
        self._heeded = self._interrupts.count
        self._job = self._client.cancel(self._job.id, kill=self._heeded > 1)
        self._screen.state(self._job, self._hint())

    def _hint(self) -> str:
        if self._job.done or not self._heeded:
            return ""
        return "interrupt again to kill it now" if self._heeded == 1 else "being killed"
