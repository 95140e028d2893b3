"""The job's log: bytes in order of arrival, and an index of which stream wrote them."""

from __future__ import annotations

import os
import struct

from .. import folder as names

_RECORD = struct.Struct(names.INDEX_RECORD)
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
#: How much of the end is kept at hand, to tell a runtime's own last words from a program's.
_TAIL_BYTES = 4096


class OutputFile:
    """Appends without buffering: what was read is in the file before the next read.

    When the disk is full the job goes on and what no longer fits is counted in ``lost_bytes``;
    nothing is appended after a loss, so the file is always a true beginning of the output.
    """

    def __init__(self, folder: str) -> None:
        self._output = os.open(f"{folder}/{names.OUTPUT}", _FLAGS, 0o600)
        self._index = os.open(f"{folder}/{names.INDEX}", _FLAGS, 0o600)
        self._stream = 0
        self._tails = {1: b"", 2: b""}
        self.size = 0
        self.lost_bytes = 0
        self.bytes_of = {1: 0, 2: 0}

    def append(self, stream: int, data: bytes | memoryview) -> None:
        """Append bytes of a stream (1 stdout, 2 stderr); index first when the stream changes."""
        self.bytes_of[stream] += len(data)
        self._keep_tail(stream, data)
        if self.lost_bytes:
            self.lost_bytes += len(data)
            return
        try:
            if stream != self._stream:
                _write_all(self._index, _RECORD.pack(self.size, stream))
                self._stream = stream
            self._append(data)
        except OSError:
            self.lost_bytes += len(data) - (os.fstat(self._output).st_size - self.size)
            self.size = os.fstat(self._output).st_size

    def tail(self, stream: int) -> bytes:
        """Return the last few kilobytes of a stream."""
        return self._tails[stream]

    def _append(self, data: bytes | memoryview) -> None:
        _write_all(self._output, data)
        self.size += len(data)

    def _keep_tail(self, stream: int, data: bytes | memoryview) -> None:
        if len(data) >= _TAIL_BYTES:
            self._tails[stream] = bytes(data[-_TAIL_BYTES:])
        else:
            self._tails[stream] = (self._tails[stream] + data)[-_TAIL_BYTES:]


def _write_all(handle: int, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
