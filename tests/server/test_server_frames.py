"""The follow stream taken apart, however it is cut; HTTP answers of every framing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_hpccontainers.model.errors import EngineError
from jupyter_hpccontainers.server.frames import LogBytes, Told, follow_frames, log_frame
from jupyter_hpccontainers.server.relay import GATHER_S, gathered
from jupyter_hpccontainers.server.unix_http import EngineUnreached, ask

LOGS = [b"first\n", b"", b"\x00\xff\n{}\n", b"x" * 200_000, b"last"]


def stream(logs: Iterable[bytes]) -> bytes:
    """Return a follow stream of job 7 with these pieces of log, a state first and an end last."""
    parts, offset = [b'{"type":"state","job":{"id":7}}\n'], 0
    for data in logs:
        head = {"type": "log", "job": 7, "offset": offset, "length": len(data), "stream": "stdout"}
        parts += [json.dumps(head).encode(), b"\n", data]
        offset += len(data)
    return b"".join([*parts, b'{"type":"end","job":7}\n'])


async def pieces(data: bytes, cuts: Iterable[int]) -> AsyncIterator[bytes]:
    """Yield ``data`` cut at these places."""
    begin = 0
    for end in [*sorted(cuts), len(data)]:
        yield data[begin:end]
        begin = end


@given(st.data())
def test_any_cut_gives_the_same_frames(data: Any) -> None:
    logs = data.draw(st.lists(st.binary(max_size=40), max_size=8))
    whole = stream(logs)
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=20))

    async def read() -> list[LogBytes | Told]:
        return [frame async for frame in follow_frames(pieces(whole, cuts))]

    frames = asyncio.run(read())
    told = [frame.kind for frame in frames if isinstance(frame, Told)]
    written = [frame for frame in frames if isinstance(frame, LogBytes)]
    assert told == ["state", "end"]
    assert b"".join(frame.data for frame in written) == b"".join(logs)
    position = 0
    for frame in written:
        assert (frame.job, frame.offset) == (7, position)
        position += len(frame.data)


async def test_a_frame_for_the_page_is_of_bounded_size() -> None:
    frames = [frame async for frame in gathered(follow_frames(pieces(stream(LOGS), [])))]
    written = [frame for frame in frames if isinstance(frame, LogBytes)]
    assert b"".join(frame.data for frame in written) == b"".join(LOGS)
    assert max(len(frame.data) for frame in written) <= 2**16


async def test_small_pieces_travel_together() -> None:
    frames = [f async for f in gathered(follow_frames(pieces(stream([b"ab"] * 1000), [])))]
    written = [frame.data for frame in frames[1:-1] if isinstance(frame, LogBytes)]
    assert b"".join(written) == b"ab" * 1000
    # One on a quick machine; on a slow one the pieces take longer than they are held.
    assert len(written) < 100


async def test_a_piece_does_not_wait_for_the_next() -> None:
    never = asyncio.Event()

    async def one_line() -> AsyncIterator[bytes]:
        yield b'{"type":"log","job":1,"offset":0,"length":2,"stream":"stdout"}\nhi'
        await never.wait()

    frames = gathered(follow_frames(one_line()))
    assert await asyncio.wait_for(anext(frames), 5) == LogBytes(1, 0, b"hi")
    await frames.aclose()


async def test_a_steady_writer_is_shown_while_it_writes() -> None:
    written = 0

    async def steady() -> AsyncIterator[bytes]:
        nonlocal written
        while True:
            head = {"type": "log", "job": 1, "offset": written, "length": 2, "stream": "stdout"}
            yield json.dumps(head).encode() + b"\nhi"
            written += 2
            await asyncio.sleep(GATHER_S / 8)

    frames = gathered(follow_frames(steady()))
    shown = [await asyncio.wait_for(anext(frames), 5) for _ in range(3)]
    assert written <= 100 * 2, "small pieces were kept until they were many"
    assert all(isinstance(frame, LogBytes) for frame in shown)
    await frames.aclose()


def test_the_header_is_big_endian() -> None:
    frame = log_frame(LogBytes(7, 2**40 + 1, b"bytes"))
    assert frame == b"\x00\x00\x00\x07" + (2**40 + 1).to_bytes(8, "big") + b"bytes"


async def test_what_is_no_stream_is_said_to_be_none() -> None:
    for nonsense in (b"<html>\n", b"x" * (2**22 + 1)):
        with pytest.raises(EngineError):
            [frame async for frame in follow_frames(pieces(nonsense, []))]


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Length: 5", b"hello"),
        (b"Transfer-Encoding: chunked", b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"),
        (b"X-Other: 1", b"hello"),
    ],
)
async def test_every_framing_of_a_body(tmp_path: Path, head: bytes, body: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(answer, tmp_path / "s"):
        got = await ask(str(tmp_path / "s"), "GET", "/")
        assert (got.status, await got.read()) == (200, b"hello")
        got.close()


@pytest.mark.parametrize(
    "cut", [b"Content-Length: 9\r\n\r\nhel", b"Transfer-Encoding: chunked\r\n\r\n9"]
)
async def test_a_body_cut_short_is_an_error(tmp_path: Path, cut: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + cut)
        await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(answer, tmp_path / "s"):
        got = await ask(str(tmp_path / "s"), "GET", "/")
        with pytest.raises(EngineError):
            await got.read()
        got.close()


async def test_nobody_there_is_told_apart_from_nonsense(tmp_path: Path) -> None:
    with pytest.raises(EngineUnreached):
        await ask(str(tmp_path / "nobody"), "GET", "/")

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0\r\n\r\n")
        writer.close()

    async with await asyncio.start_unix_server(answer, tmp_path / "s"):
        with pytest.raises(EngineError) as refused:
            await ask(str(tmp_path / "s"), "GET", "/")
        assert not isinstance(refused.value, EngineUnreached)
