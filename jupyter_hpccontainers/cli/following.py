"""Following jobs in a terminal: output as it comes, and stopping them when interrupted."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping
from types import FrameType

from ..client.engine import EngineClient
from ..client.follow import Event, LogWritten, StateChanged
from ..client.lines import headline
from ..model.job import Job

_LOOK_EVERY_S = 0.2


class Output:
    """Where the bytes of jobs go: one stream or both, stderr apart or not."""

    def __init__(self, stream: str = "both", *, apart: bool = False) -> None:
        self._stream = stream
        self._apart = apart

    def write(self, stream: str, data: bytes) -> None:
        """Write bytes as they are, and let them be seen."""
        if self._stream in {"both", stream}:
            file = sys.stderr if self._apart and stream == "stderr" else sys.stdout
            file.buffer.write(data)
            file.buffer.flush()


class Follower:
    """Follows jobs until each ended; without ``output`` only their states."""

    def __init__(
        self, client: EngineClient, offsets: Mapping[int, int], output: Output | None = None
    ) -> None:
        self._client = client
        self._offsets = offsets
        self._output = output
        self._jobs: dict[int, Job] = {}
        self._waits_told = ""
        self._interrupts = 0

    def until_done(self, *, stops: bool = False, until: float | None = None) -> dict[int, Job]:
        """Return the records at the end, or at the moment ``until`` of the monotonic clock.

        With ``stops`` the first interrupt (INT or TERM) stops the jobs, the second kills them,
        and their end is waited for; else it ends the waiting with KeyboardInterrupt.
        """
        numbers = (signal.SIGINT, signal.SIGTERM) if stops else ()
        before = {number: signal.signal(number, self._note) for number in numbers}
        try:
            self._follow(until)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return self._jobs

    def _follow(self, until: float | None) -> None:
        heeded = 0
        with self._client.follow(self._offsets, logs=self._output is not None) as follow:
            while not follow.finished and (until is None or time.monotonic() < until):
                for event in follow.poll(_LOOK_EVERY_S):
                    self._take(event)
                if self._interrupts > heeded:
                    heeded = self._interrupts
                    for job_id in self._offsets:
                        self._client.cancel(job_id, kill=heeded > 1)

    def _take(self, event: Event) -> None:
        match event:
            case StateChanged(job):
                self._jobs[job.id] = job
                self._tell_wait(job)
            case LogWritten(_, _, stream, data) if self._output is not None:
                self._output.write(stream, data)

    def _tell_wait(self, job: Job) -> None:
        """Tell a person, and only a person, why nothing happens yet."""
        line = headline(job)
        if job.state.waits and sys.stderr.isatty() and line != self._waits_told:
            self._waits_told = line
            print(line, file=sys.stderr, flush=True)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._interrupts += 1
