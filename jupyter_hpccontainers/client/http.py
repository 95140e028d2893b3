"""HTTP over the engine's unix socket: requests on one kept connection, and streams."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..model.errors import EngineError, HpccError, error_from_json

#: What says that nobody listens, or that whoever did is gone: another engine may answer.
GONE = (ConnectionError, FileNotFoundError, http.client.BadStatusLine, http.client.IncompleteRead)
_CHUNK = 2**18
_MAX_HEAD = 2**16


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON data."""
        return json.loads(self.body)


class _Connection(http.client.HTTPConnection):
    """An HTTP connection whose other end is a path."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the unix socket."""
        self.sock = _connected(self._path, self.timeout)


class Requests:
    """Requests to one socket, one at a time, over a connection that is kept."""

    def __init__(self, path: str, timeout_s: float) -> None:
        self.path = path
        self._timeout_s = timeout_s
        self._turn = threading.Lock()
        self._kept: _Connection | None = None
        self._owner = 0

    def ask(
        self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer of a request; raises the error it holds, or one of ``GONE``.

        Raises EngineError when the engine does not answer in time.
        """
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})} if data else headers or {}
        with self._turn:
            try:
                answer = self._exchange(method, target, data, sent)
            except BaseException as error:
                # Whatever cut the exchange short, Ctrl-C included, left half an answer behind.
                self._drop()
                if isinstance(error, TimeoutError):
                    raise _silent(self._timeout_s) from None
                raise
        if answer.status >= 400:
            raise _refusal(answer.status, answer.body)
        return answer

    def close(self) -> None:
        """Let go of the connection."""
        with self._turn:
            self._drop()

    def __del__(self) -> None:
        """Let go of the connection of a client that nobody closed."""
        self._drop()

    def _exchange(
        self, method: str, target: str, data: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        connection = self._connection()
        connection.request(method, target, body=data, headers=dict(headers))
        response = connection.getresponse()
        body = response.read()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, body)

    def _connection(self) -> _Connection:
        # After a fork both processes would read each other's answers; closing is this one's only.
        if self._owner != os.getpid():
            self._drop()
        if self._kept is None:
            self._kept, self._owner = _Connection(self.path, self._timeout_s), os.getpid()
        return self._kept

    def _drop(self) -> None:
        if self._kept is not None:
            self._kept.close()
        self._kept = None


class Stream:
    """The body of an answer without end, as it arrives.

    Asked for in HTTP/1.0, so that the body is the bytes after the head (RFC 9112, 6.3) and
    waiting for more of them with a time limit needs no thread.
    """

    def __init__(self, path: str, target: str, timeout_s: float) -> None:
        self._socket = _connected(path, timeout_s)
        try:
            request = f"GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n"
            self._socket.sendall(request.encode("ascii"))
            status, self._early = self._read_head()
            if status != 200:
                raise _refusal(status, self._rest())
        except TimeoutError:
            self.close()
            raise _silent(timeout_s) from None
        except BaseException:
            self.close()
            raise

    def read(self, timeout_s: float) -> bytes | None:
        """Return what arrived, None after ``timeout_s`` of silence, b"" at the end."""
        if self._early:
            early, self._early = self._early, b""
            return early
        ready = select.poll()
        ready.register(self._socket, select.POLLIN)
        if not ready.poll(timeout_s * 1000):
            return None
        try:
            return self._socket.recv(_CHUNK)
        except ConnectionError:
            return b""

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.close()

    def _read_head(self) -> tuple[int, bytes]:
        head = b""
        while b"\r\n\r\n" not in head:
            more = self._socket.recv(_CHUNK)
            if not more or len(head) > _MAX_HEAD:
                raise ConnectionResetError("the engine closed the connection")
            head += more
        head, _, body = head.partition(b"\r\n\r\n")
        return int(head.split(None, 2)[1]), body

    def _rest(self) -> bytes:
        body = self._early
        while more := self._socket.recv(_CHUNK):
            body += more
        return body


def _connected(path: str, timeout_s: float | None) -> socket.socket:
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        end.settimeout(timeout_s)
        end.connect(path)
    except PermissionError:
        end.close()
        raise EngineError(
            f"the engine's socket {path} may not be opened by you",
            cure="use the engine of your own: unset HPCCONTAINERS_SOCKET",
        ) from None
    except BaseException:
        end.close()
        raise
    return end


def _silent(timeout_s: float) -> EngineError:
    return EngineError(
        f"the engine did not answer within {timeout_s:.0f} s",
        cure="see `jupyter hpccontainers doctor`; `engine stop` ends it without ending jobs",
    )


def _refusal(status: int, body: bytes) -> HpccError:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return error_from_json(json.loads(body)["error"])
    return EngineError(
        f"the engine answered with status {status} and no reason",
        cure="is it an hpccontainers engine that listens there?",
    )
