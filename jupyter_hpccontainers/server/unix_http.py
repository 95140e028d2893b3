"""HTTP/1.1 over the engine's unix socket, on asyncio: one connection a request, bodies streamed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from ..model.errors import EngineError


class EngineUnreached(EngineError):
    """Nobody listens at the socket: nothing was sent."""


#: Bytes read ahead of whoever consumes a body: what bounds memory when a reader is slow.
READ_AHEAD_BYTES = 2**16


@dataclass(slots=True)
class Answer:
    """An engine's answer; the body is still on the wire until ``chunks`` or ``read`` took it."""

    status: int
    headers: Mapping[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, once; raises EngineError when it is cut short."""
        try:
            async for chunk in self._body():
                yield chunk
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            raise EngineError(
                f"the engine's answer was cut short: {error}", cure="ask again"
            ) from None

    async def _body(self) -> AsyncIterator[bytes]:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            async for chunk in self._coded_chunks():
                yield chunk
        elif "content-length" in self.headers:
            async for chunk in self._counted(int(self.headers["content-length"])):
                yield chunk
        else:
            while chunk := await self.reader.read(READ_AHEAD_BYTES):
                yield chunk

    async def read(self) -> bytes:
        """Return the whole body."""
        return b"".join([chunk async for chunk in self.chunks()])

    def close(self) -> None:
        """End the connection; the engine sees a client that left."""
        self.writer.close()

    async def _counted(self, left: int) -> AsyncIterator[bytes]:
        while left:
            chunk = await self.reader.read(min(left, READ_AHEAD_BYTES))
            if not chunk:
                raise ValueError("bytes are missing")
            left -= len(chunk)
            yield chunk

    async def _coded_chunks(self) -> AsyncIterator[bytes]:
        while True:
            line = await self.reader.readline()
            if not line.endswith(b"\n"):
                raise ValueError("a chunk is missing")
            size = int(line.split(b";")[0], 16)
            if size == 0:
                return
            async for chunk in self._counted(size):
                yield chunk
            await self.reader.readexactly(2)


async def ask(
    socket_path: str,
    method: str,
    target: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request and return the answer's head.

    Raises EngineUnreached when nobody listens at ``socket_path``, EngineError when what answers
    is not HTTP.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(socket_path, limit=READ_AHEAD_BYTES)
    except OSError as error:
        raise EngineUnreached(
            f"the engine does not answer at {socket_path}: {error.strerror or error}",
            cure="it is started again by the next request; see `jupyter hpccontainers doctor`",
        ) from None
    try:
        writer.write(_request(method, target, body, headers or {}))
        await writer.drain()
        status, answered = _head(await reader.readuntil(b"\r\n\r\n"))
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        writer.close()
        raise EngineError(f"the engine's answer is not HTTP: {error}", cure="ask again") from None
    except BaseException:
        writer.close()
        raise
    return Answer(status, answered, reader, writer)


def _request(method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: engine", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def _head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *rest = head.decode("latin-1").split("\r\n")
    if not first.startswith("HTTP/1."):
        raise ValueError(f"it begins with {first[:20]!r}")
    pairs = (line.partition(":") for line in rest if line)
    return int(first.split(" ")[1]), {k.strip().lower(): v.strip() for k, _, v in pairs}
