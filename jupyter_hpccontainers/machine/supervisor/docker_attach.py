"""The attached connection: Docker's multiplexed frames, or a terminal's raw bytes, into the log."""

from __future__ import annotations

from .docker_failures import may_be_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..light import socket
    from .output_file import OutputFile

_READ_BYTES = 2**18
_HEADER_BYTES = 8
_MOST_HELD_BYTES = 4096


class Attached:
    """Reads the stream of one attachment and appends it to the log.

    A frame is 8 bytes (stream, three zeros, length as big-endian uint32), then its bytes: Docker
    Engine API, "Attach to a container", stream format. With a terminal there are no frames.

    Output that may be only the container's init saying that there is no such command is held back
    until it cannot be: the next candidate's log must not begin with it.
    """

    def __init__(
        self, connection: socket.socket, rest: bytes, output: OutputFile, *, raw: bool, merge: bool
    ) -> None:
        self._connection = connection
        self._output = output
        self._raw = raw
        self._merge = merge
        self._header = b""
        self._stream = 1
        self._left = 0
        self._buffer = bytearray(_READ_BYTES)
        self._holding = output.size == 0
        self._held_stream = 1
        self.held = b""
        self.open = True
        self._take(memoryview(rest))

    def fileno(self) -> int:
        """Readable when there is output, or its end."""
        return self._connection.fileno()

    def read(self) -> bool:
        """Append what is there; False at the end of the stream, however it came."""
        try:
            count = self._connection.recv_into(self._buffer)
        except BlockingIOError:
            return True
        except OSError:
            count = 0
        self._take(memoryview(self._buffer)[:count])
        if count == 0:
            self.close()
        return self.open

    def release(self) -> None:
        """Put what was held back into the log, and hold nothing any more."""
        self._holding = False
        if self.held:
            self._output.append(self._held_stream, self.held)
            self.held = b""

    def close(self) -> None:
        """Detach."""
        self.open = False
        self._connection.close()

    def _take(self, data: memoryview) -> None:
        if self._raw:
            if data:
                self._append(1, data)
            return
        while data:
            if not self._left:
                data = self._take_header(data)
                continue
            part, data = data[: self._left], data[self._left :]
            self._left -= len(part)
            self._append(self._stream, part)

    def _append(self, stream: int, data: memoryview) -> None:
        if self._holding:
            self.held += bytes(data)
            one_stream = len(self.held) == len(data) or stream == self._held_stream
            if one_stream and len(self.held) < _MOST_HELD_BYTES and may_be_refusal(self.held):
                self._held_stream = stream
                return
            self.held = self.held[: -len(data)]
            self.release()
        self._output.append(stream, data)

    def _take_header(self, data: memoryview) -> memoryview:
        missing = _HEADER_BYTES - len(self._header)
        self._header += bytes(data[:missing])
        if len(self._header) == _HEADER_BYTES:
            self._stream = 2 if self._header[0] == 2 and not self._merge else 1
            self._left = int.from_bytes(self._header[4:], "big")
            self._header = b""
        return data[missing:]
