"""Docker's Engine API over its unix socket, with nothing but sockets: one connection a request."""

from __future__ import annotations

import select
import time

from ..light import from_json, socket, to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_READ_BYTES = 2**16
_TIMEOUT_S = 60.0


class DockerGone(Exception):
    """The daemon does not answer, or stopped answering in the middle."""


class Reply:
    """A whole answer: HTTP status and body."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.body = body

    @property
    def ok(self) -> bool:
        """Whether the daemon did it."""
        return self.status < 300

    def json(self) -> dict[str, Any]:
        """Return the body as an object; raises DockerGone when it was cut short."""
        try:
            data: dict[str, Any] = from_json(self.body)
        except ValueError:
            raise DockerGone("the daemon's answer was cut short") from None
        return data

    @property
    def message(self) -> str:
        """What the daemon says is wrong."""
        try:
            return str(from_json(self.body)["message"])
        except (ValueError, KeyError, TypeError):
            return self.body.decode(errors="replace").strip() or f"status {self.status}"


class Pending:
    """A request that was sent and whose answer is still to come; ``fileno()`` for poll(2)."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._data = bytearray()

    def fileno(self) -> int:
        """Readable when ``feed`` may have more."""
        return self._connection.fileno()

    def feed(self) -> Reply | None:
        """Read what is there; the answer once it is whole. Raises DockerGone when it broke off.

        Requests are HTTP/1.0, so that no answer is chunked and each ends with its connection.
        """
        try:
            data = self._connection.recv(_READ_BYTES)
        except BlockingIOError:
            return None
        except OSError as error:
            raise DockerGone(str(error)) from None
        if data:
            self._data += data
            return None
        return _parsed(bytes(self._data))

    def close(self) -> None:
        """Forget the request."""
        self._connection.close()


class Docker:
    """A daemon at a unix socket."""

    def __init__(self, path: str) -> None:
        self._path = path

    def call(
        self, method: str, path: str, body: object = None, timeout_s: float = _TIMEOUT_S
    ) -> Reply:
        """Send a request and return its answer; raises DockerGone when there is none in time."""
        pending = self.begin(method, path, body)
        poll = select.poll()
        poll.register(pending, select.POLLIN)
        give_up = time.monotonic() + timeout_s
        try:
            while (left := give_up - time.monotonic()) > 0:
                poll.poll(left * 1000)
                reply = pending.feed()
                if reply is not None:
                    return reply
        finally:
            pending.close()
        raise DockerGone(f"no answer within {timeout_s:g} s")

    def begin(self, method: str, path: str, body: object = None) -> Pending:
        """Send a request without waiting; raises DockerGone when nobody listens."""
        content = b"" if body is None else to_json(body)
        head = f"{method} {path} HTTP/1.0\r\nContent-Type: application/json\r\n"
        connection = self._connected()
        self._send(connection, f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        connection.setblocking(False)
        return Pending(connection)

    def attach(self, container: str) -> tuple[socket.socket, bytes]:
        """Attach to both streams; returns the connection and what of the output came with it.

        Raises DockerGone, also when the daemon refuses: what it says is in the message.
        """
        connection = self._connected()
        connection.settimeout(_TIMEOUT_S)
        self._send(
            connection,
            f"POST /containers/{container}/attach?stream=1&stdout=1&stderr=1 HTTP/1.1\r\n"
            "Host: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            "Content-Length: 0\r\n\r\n".encode(),
        )
        data = b""
        while b"\r\n\r\n" not in data:
            try:
                more = connection.recv(_READ_BYTES)
            except OSError as error:
                raise DockerGone(str(error)) from None
            if not more:
                raise DockerGone("attach was broken off")
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status not in {101, 200}:
            raise DockerGone(f"attach was refused: {Reply(status, rest).message}")
        connection.setblocking(False)
        return connection, rest

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_TIMEOUT_S)
        try:
            connection.connect(self._path)
        except OSError as error:
            connection.close()
            raise DockerGone(f"{self._path}: {error}") from None
        return connection

    def _send(self, connection: socket.socket, data: bytes) -> None:
        try:
            connection.sendall(data)
        except OSError as error:
            connection.close()
            raise DockerGone(str(error)) from None


def _parsed(data: bytes) -> Reply:
    """Return a whole answer; one shorter than it announces is the daemon's end."""
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        raise DockerGone("the daemon hung up")
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and len(body) < int(value):
            raise DockerGone("the daemon hung up in the middle of its answer")
    return Reply(int(head.split(b" ", 2)[1]), body)
