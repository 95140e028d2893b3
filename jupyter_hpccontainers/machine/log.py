"""Reading a job's log: bytes by offset, of both streams together or of one, and who wrote which."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import folder as names

_RECORD = struct.Struct(names.INDEX_RECORD)
#: Bytes of index read at a time; a multiple of a record.
_INDEX_BLOCK = _RECORD.size * 4096

BOTH, STDOUT, STDERR = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes [start, end) of ``output`` that came from one stream (1 stdout, 2 stderr)."""

    start: int
    end: int
    stream: int


@dataclass(frozen=True, slots=True)
class Log:
    """The log in an attempt's folder; absent files read as an empty log."""

    folder: Path

    def size(self, stream: int = BOTH) -> int:
        """Return the bytes written so far, of both streams or of one."""
        if stream == BOTH:
            return _size(self.folder / names.OUTPUT)
        return sum(part.end - part.start for part in self.segments() if part.stream == stream)

    def read(self, offset: int, length: int, stream: int = BOTH) -> bytes:
        """Return at most ``length`` bytes from ``offset`` on, counted in what was asked for.

        A negative offset counts from the end. Beyond the end there is nothing: b"".
        """
        if offset < 0:
            offset = max(0, self.size(stream) + offset)
        try:
            handle = os.open(self.folder / names.OUTPUT, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        try:
            if stream == BOTH:
                return os.pread(handle, length, offset)
            return b"".join(_cut(handle, self._of(stream, offset, length)))
        finally:
            os.close(handle)

    def segments(self, start: int = 0, end: int | None = None) -> Iterator[Segment]:
        """Yield the parts of ``output`` between two offsets, in order, with their streams.

        The writer appends to the index before it appends the bytes, so the last record may stand
        for bytes that are still to come: it is left out until they do.
        """
        size = _size(self.folder / names.OUTPUT)
        end = size if end is None else min(end, size)
        previous: tuple[int, int] | None = None
        for record in self._records(start):
            if previous is not None:
                yield from _clipped(previous[0], record[0], previous[1], start, end)
            if record[0] >= end:
                return
            previous = record
        if previous is not None:
            yield from _clipped(previous[0], end, previous[1], start, end)

    def _of(self, stream: int, offset: int, length: int) -> Iterator[Segment]:
        """Yield where ``length`` bytes of one stream lie, from its byte ``offset`` on."""
        seen, wanted = 0, offset + length
        for part in self.segments():
            if part.stream != stream:
                continue
            begin, size = seen, part.end - part.start
            seen += size
            low, high = max(offset, begin), min(wanted, seen)
            if low < high:
                yield Segment(part.start + low - begin, part.start + high - begin, stream)
            if seen >= wanted:
                return

    def _records(self, start: int) -> Iterator[tuple[int, int]]:
        """Yield the index from the record that stands for byte ``start`` on."""
        try:
            handle = os.open(self.folder / names.INDEX, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            at = _record_before(handle, start) * _RECORD.size
            while block := os.pread(handle, _INDEX_BLOCK, at):
                whole = len(block) - len(block) % _RECORD.size
                if whole == 0:
                    return
                yield from _RECORD.iter_unpack(block[:whole])
                at += whole
        finally:
            os.close(handle)


def _record_before(handle: int, start: int) -> int:
    """Return the number of the last record that begins at or before a byte (binary search)."""
    low, high = 0, os.fstat(handle).st_size // _RECORD.size
    while high - low > 1:
        middle = (low + high) // 2
        offset, _ = _RECORD.unpack(os.pread(handle, _RECORD.size, middle * _RECORD.size))
        low, high = (middle, high) if offset <= start else (low, middle)
    return low


def _clipped(start: int, end: int, stream: int, low: int, high: int) -> Iterator[Segment]:
    start, end = max(start, low), min(end, high)
    if start < end:
        yield Segment(start, end, stream)


def _cut(handle: int, parts: Iterator[Segment]) -> Iterator[bytes]:
    for part in parts:
        yield os.pread(handle, part.end - part.start, part.start)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
