"""A follow stream: frames into events, and resuming at the offsets when it is cut."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..model.errors import EngineError
from ..model.job import Job
from ..model.wire import decode

#: The engine sends a beat every 10 s; three of them missing means that the stream is dead.
_SILENCE_S = 30.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0
_MAX_LINE = 2**22


@dataclass(frozen=True, slots=True)
class StateChanged:
    """A job's record after a change, or as it was when the stream began."""

    job: Job


@dataclass(frozen=True, slots=True)
class LogWritten:
    """Bytes of a job's output from ``offset`` on, all of one stream (stdout or stderr)."""

    job_id: int
    offset: int
    stream: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The job is DONE and every byte of its log was sent."""

    job_id: int


@dataclass(frozen=True, slots=True)
class Beat:
    """Nothing happened for a while; the engine lives."""


Event = StateChanged | LogWritten | Ended | Beat


class Source(Protocol):
    """Where the bytes of a stream come from (``http.Stream``)."""

    def read(self, timeout_s: float) -> bytes | None:
        """Return bytes, None after ``timeout_s`` of silence, b"" at the end."""

    def close(self) -> None:
        """Let go of it."""


#: Opens a stream at these offsets; None when no engine answers for now.
Opener = Callable[[Mapping[int, int]], Source | None]


class FrameParser:
    """Turns bytes, however they are cut, into events; a log frame comes out whole."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._head: dict[str, Any] | None = None

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield the events that are complete with these bytes; raises EngineError on nonsense."""
        self._held += data
        while (event := self._next()) is not None:
            yield event

    def _next(self) -> Event | None:
        if self._head is None:
            end = self._held.find(b"\n")
            if end < 0:
                if len(self._held) > _MAX_LINE:
                    raise _nonsense(bytes(self._held[:80]))
                return None
            line = bytes(self._held[:end])
            del self._held[: end + 1]
            self._head = _head(line)
        return self._complete(self._head)

    def _complete(self, head: dict[str, Any]) -> Event | None:
        length = head.get("length", 0)
        if len(self._held) < length:
            return None
        data = bytes(self._held[:length])
        del self._held[:length]
        self._head = None
        return _event(head, data)


class Follow:
    """Events of a set of jobs, until each of them ended; ``None`` follows the states of all.

    Iterate over it, or ``poll`` with a time limit. A cut stream is opened again at the offset
    after the last byte handed out, so the bytes of a job add up to its log exactly, also when
    the engine was ended and another one took over. Raises what the engine refuses with.
    """

    def __init__(
        self, open_stream: Opener, wanted: Mapping[int, int] | None, *, patience_s: float = 60.0
    ) -> None:
        self._open_stream = open_stream
        self._all = wanted is None
        self._offsets = dict(wanted or {})
        self._patience_s = patience_s
        self._source: Source | None = None
        self._parser = FrameParser()
        self._shown: dict[int, Job] = {}
        self._heard = self._alone_since = time.monotonic()
        self._pause_s = 0.0

    @property
    def finished(self) -> bool:
        """Whether every job ended (never, when all are followed)."""
        return not self._all and not self._offsets

    def __iter__(self) -> Iterator[Event]:
        """Wait for events and yield them until every job ended."""
        while not self.finished:
            yield from self.poll(_SILENCE_S)

    def poll(self, timeout_s: float) -> list[Event]:
        """Return the next events, or none after about ``timeout_s`` seconds."""
        source = self._source or self._connect(timeout_s)
        if source is None:
            return []
        data = source.read(timeout_s)
        if data is None:
            if time.monotonic() - self._heard > _SILENCE_S:
                self._cut()
            return []
        if not data:
            self._cut()
            return []
        self._heard, self._pause_s = time.monotonic(), 0.0
        return [event for event in self._parser.feed(data) if self._take(event)]

    def close(self) -> None:
        """Let go of the stream."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def __enter__(self) -> Follow:
        """Return itself; the stream is let go of at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the stream."""
        self.close()

    def _connect(self, timeout_s: float) -> Source | None:
        if self._pause_s:
            time.sleep(min(self._pause_s, timeout_s))
        self._pause_s = min(max(self._pause_s * 2, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        self._source = self._open_stream(self._offsets)
        if self._source is None and time.monotonic() - self._alone_since > self._patience_s:
            raise EngineError(
                f"the engine has not answered for {self._patience_s:.0f} s",
                cure="see `jupyter hpccontainers doctor`; the job goes on, follow it again later",
            )
        if self._source is not None:
            self._parser = FrameParser()
            self._heard = time.monotonic()
        return self._source

    def _cut(self) -> None:
        self.close()
        self._alone_since = time.monotonic()

    def _take(self, event: Event) -> bool:
        """Note how far the reader is; False for what the reader has seen before."""
        match event:
            case StateChanged(job):
                seen = self._shown.get(job.id) == job
                self._shown[job.id] = job
                return not seen
            case LogWritten(job_id, offset, _, data):
                self._expect(job_id, offset)
                self._offsets[job_id] = offset + len(data)
            case Ended(job_id):
                self._offsets.pop(job_id, None)
                self._shown.pop(job_id, None)
        return True

    def _expect(self, job_id: int, offset: int) -> None:
        expected = self._offsets.get(job_id)
        if offset != expected:
            raise EngineError(
                f"the log of job {job_id} went on at byte {offset}, not at {expected}",
                cure="read it again from the start, and report this: it must not happen",
            )


def _head(line: bytes) -> dict[str, Any]:
    try:
        head = json.loads(line)
    except ValueError:
        raise _nonsense(line) from None
    if not isinstance(head, dict):
        raise _nonsense(line)
    return head


def _event(head: dict[str, Any], data: bytes) -> Event:
    try:
        match head.get("type"):
            case "state":
                return StateChanged(decode(Job, head["job"]))
            case "log":
                return LogWritten(head["job"], head["offset"], head["stream"], data)
            case "end":
                return Ended(head["job"])
    except (KeyError, TypeError):
        raise _nonsense(json.dumps(head).encode()) from None
    # A frame of a newer engine says nothing to this door.
    return Beat()


def _nonsense(line: bytes) -> EngineError:
    return EngineError(
        f"the engine sent what is no frame: {line[:80]!r}",
        cure="do the door and the engine have the same version? `jupyter hpccontainers info`",
    )
