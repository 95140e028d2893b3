"""The last bytes of a log, and where in it they lie."""

from __future__ import annotations

#: What is kept of a log that is being written: as much as a widget is sent without an answer.
RING_BYTES = 2**20


class Ring:
    """Bytes from ``start`` to ``end`` of a log; what is older than its capacity is forgotten."""

    def __init__(self, start: int = 0, capacity: int = RING_BYTES) -> None:
        self.start = start
        self._capacity = capacity
        self._data = bytearray()

    @property
    def end(self) -> int:
        """The offset at which the next bytes begin."""
        return self.start + len(self._data)

    def append(self, data: bytes) -> None:
        """Take the bytes that follow."""
        self._data += data
        self.shrink(self._capacity)

    def shrink(self, capacity: int) -> None:
        """Keep so many bytes at most, from now on."""
        self._capacity = capacity
        excess = len(self._data) - capacity
        if excess > 0:
            del self._data[:excess]
            self.start += excess

    def read(self, offset: int, limit: int) -> tuple[int, bytes]:
        """Return where the first bytes kept from ``offset`` on begin, and at most ``limit``."""
        begin = max(offset, self.start)
        at = begin - self.start
        return begin, bytes(self._data[at : at + limit])

    def tail(self, limit: int) -> bytes:
        """Return the last bytes."""
        return bytes(self._data[-limit:])
