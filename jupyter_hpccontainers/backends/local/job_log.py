"""The log of a job: those of its attempts, one after the other, as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...machine.log import BOTH, Log, Segment


class JobLog:
    """Reads as ``machine.log.Log`` does; offsets count from the first attempt's first byte.

    Only the last attempt's log still grows, so an offset always means the same byte.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._logs = [Log(folder) for folder in folders]

    def size(self, stream: int = BOTH) -> int:
        """Return the bytes written so far, of both streams or of one."""
        return sum(log.size(stream) for log in self._logs)

    def read(self, offset: int, length: int, stream: int = BOTH) -> bytes:
        """Return at most ``length`` bytes from ``offset`` on; a negative one is from the end."""
        if len(self._logs) == 1:
            return self._logs[0].read(offset, length, stream)
        if offset < 0:
            offset = max(0, self.size(stream) + offset)
        data = b""
        for begin, log in self._placed(stream):
            if length > len(data):
                at = offset + len(data) - begin
                data += log.read(at, length - len(data), stream) if at >= 0 else b""
        return data

    def segments(self, start: int, end: int) -> Iterator[Segment]:
        """Yield the parts between two offsets, in order, with their streams."""
        for begin, log in self._placed(BOTH):
            if end > begin:
                for part in log.segments(max(start - begin, 0), end - begin):
                    yield Segment(part.start + begin, part.end + begin, part.stream)

    def _placed(self, stream: int) -> Iterator[tuple[int, Log]]:
        """Yield each log with the offset at which it begins."""
        begin = 0
        for log in self._logs:
            yield begin, log
            begin += log.size(stream) if log is not self._logs[-1] else 0
