"""The page's WebSocket: states, bytes by offset, and readers that do not read."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jupyter_hpccontainers.server import stream as stream_module

COUNT = "#!/bin/sh\ni=1; while [ $i -le {n} ]; do echo line $i; i=$((i+1)); {pause}done\n"


class Page:
    """A page's end of the stream, in the test's hands."""

    def __init__(self, ws: Any) -> None:
        self.ws = ws
        self.logs: dict[int, bytes] = {}
        self.told: list[dict[str, Any]] = []

    def send(self, **message: Any) -> None:
        """Subscribe or unsubscribe."""
        self.ws.write_message(json.dumps(message))

    async def step(self) -> None:
        """Take one frame; bytes must continue where the last ended."""
        message = await asyncio.wait_for(self.ws.read_message(), 30)
        assert message is not None, "the server closed the stream"
        if isinstance(message, str):
            self.told.append(json.loads(message))
            return
        job, offset = struct.unpack(">IQ", message[:12])
        known = self.logs.setdefault(job, b"")
        assert offset == len(known)
        self.logs[job] = known + message[12:]

    async def until(self, holds: Callable[[], Any]) -> None:
        """Take frames until something holds."""
        while not holds():
            await self.step()

    def ended(self, job: int) -> bool:
        """Whether the end of a job was told."""
        return {"type": "end", "job": job} in self.told

    def states(self, job: int) -> list[str]:
        """Return the states told of a job, each once."""
        jobs = [m["job"] for m in self.told if m["type"] == "state"]
        return list(dict.fromkeys(one["state"] for one in jobs if one["id"] == job))


@pytest.fixture
def pages() -> Iterator[list[Page]]:
    """Pages opened by a test, closed after it."""
    opened: list[Page] = []
    yield opened
    for page in opened:
        page.ws.close()


@pytest.fixture
def open_page(jp_ws_fetch: Any, pages: list[Page]) -> Any:
    """Open a stream."""

    async def opened() -> Page:
        pages.append(Page(await jp_ws_fetch("hpccontainers", "stream")))
        return pages[-1]

    return opened


async def test_states_and_bytes_of_a_job_from_waiting_to_its_end(
    open_page: Any, engine_here: Any, tiny_image: str
) -> None:
    page = await open_page()
    script = COUNT.format(n=20, pause="sleep 0.02; ")
    job = engine_here.submit(tiny_image, script=script)
    page.send(subscribe=job.id, offset=0)
    await page.until(lambda: page.ended(job.id))
    assert page.states(job.id)[-2:] == ["RUNNING", "DONE"]
    assert page.logs[job.id] == engine_here.output(job)
    assert page.logs[job.id].endswith(b"line 20\n")


async def test_a_page_that_comes_back_goes_on_at_its_offset(
    open_page: Any, engine_here: Any, finished_job: int
) -> None:
    whole = engine_here.client.whole_log(finished_job)
    for offset in (0, 1, len(whole) // 2, len(whole)):
        page = await open_page()
        page.logs[finished_job] = whole[:offset]
        page.send(subscribe=finished_job, offset=offset)
        await page.until(lambda page=page: page.ended(finished_job))
        assert page.logs[finished_job] == whole


async def test_many_jobs_in_one_stream(open_page: Any, engine_here: Any, tiny_image: str) -> None:
    page = await open_page()
    script = COUNT.format(n=500, pause="")
    jobs = [engine_here.submit(tiny_image, script=script) for _ in range(5)]
    for job in jobs:
        page.send(subscribe=job.id, offset=0)
    await page.until(lambda: all(page.ended(job.id) for job in jobs))
    assert {page.logs[job.id] for job in jobs} == {engine_here.output(jobs[0])}


async def test_what_is_unsubscribed_is_not_sent(
    open_page: Any, engine_here: Any, tiny_image: str, finished_job: int
) -> None:
    page = await open_page()
    endless = engine_here.submit(tiny_image, script=COUNT.format(n=10**9, pause="sleep 0.01; "))
    page.send(subscribe=endless.id, offset=0)
    await page.until(lambda: len(page.logs.get(endless.id, b"")) > 100)
    page.send(unsubscribe=endless.id)
    page.send(subscribe=finished_job, offset=0)
    await page.until(lambda: page.ended(finished_job))
    known = len(page.logs[endless.id])
    engine_here.client.cancel(endless.id, kill=True)
    engine_here.wait(endless)
    page.send(subscribe=finished_job, offset=len(page.logs[finished_job]))
    await page.step()
    assert len(page.logs[endless.id]) == known


async def test_all_tells_of_jobs_to_come_and_no_bytes(
    open_page: Any, engine_here: Any, tiny_image: str
) -> None:
    page = await open_page()
    page.send(subscribe="all")
    job = engine_here.submit(tiny_image, command=["echo", "unheard"])
    await page.until(lambda: "DONE" in page.states(job.id))
    assert page.logs == {}


async def test_a_job_that_is_not_there_is_an_error_of_its_own(
    open_page: Any, finished_job: int
) -> None:
    page = await open_page()
    page.send(subscribe=987654, offset=0)
    page.send(subscribe=finished_job, offset=0)
    await page.until(lambda: page.ended(finished_job))
    errors = [message for message in page.told if message["type"] == "error"]
    assert [error["job"] for error in errors] == [987654]
    assert errors[0]["error"]["code"] == "UnknownJob"


async def test_nonsense_is_answered_and_harms_nothing(open_page: Any, finished_job: int) -> None:
    page = await open_page()
    nonsense: list[str | bytes] = [
        "", "{", "[]", "null", "1", '"all"', "{}", '{"subscribe": -1}', '{"subscribe": true}',
        '{"subscribe": "1:0,2"}', '{"subscribe": 1.5}', '{"subscribe": 1e400}',
        '{"subscribe": [1]}', '{"subscribe": 99999999999}', '{"subscribe": 1, "offset": {}}',
        b"\xff\xfe", "[" * 5000,
    ]  # fmt: skip
    for message in nonsense:
        page.ws.write_message(message, binary=isinstance(message, bytes))
    await page.until(lambda: len(page.told) == len(nonsense))
    assert {message["type"] for message in page.told} == {"error"}
    page.ws.write_message("x" * 2**17)
    assert await asyncio.wait_for(page.ws.read_message(), 30) is None
    page = await open_page()
    page.send(subscribe=finished_job, offset=0)
    await page.until(lambda: page.ended(finished_job))


async def test_a_log_goes_on_when_the_engine_is_killed_in_its_midst(
    open_page: Any, engine_here: Any, tiny_image: str
) -> None:
    page = await open_page()
    script = COUNT.format(n=300, pause="sleep 0.01; ")
    job = engine_here.submit(tiny_image, script=script)
    page.send(subscribe=job.id, offset=0)
    await page.until(lambda: len(page.logs.get(job.id, b"")) > 500)
    engine_here.kill()
    await page.until(lambda: page.ended(job.id))
    assert page.logs[job.id] == engine_here.output(job)
    assert page.logs[job.id].endswith(b"line 300\n")
    assert "lost" in {message["type"] for message in page.told}


async def test_a_page_that_does_not_read_is_closed_and_costs_little(
    jp_serverapp: Any,
    http_server_port: Any,
    engine_here: Any,
    tiny_image: str,
    open_page: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream_module, "WRITE_TIMEOUT_S", 2.0)
    script = "#!/bin/sh\nhead -c 60000000 /dev/zero\n"
    job = engine_here.wait(engine_here.submit(tiny_image, script=script))
    handlers = watch_handlers(monkeypatch)
    raw = await silent_page(jp_serverapp, http_server_port[1], job.id)
    try:
        (silent,) = handlers
        most = 0
        while silent.ws_connection is not None and not silent.ws_connection.is_closing():
            iostream = silent.ws_connection.stream
            most = max(most, iostream._write_buffer.__len__() if iostream else 0)
            await asyncio.sleep(0.02)
        assert 0 < most < 2**20
        # Others are served meanwhile and afterwards.
        page = await open_page()
        page.send(subscribe=job.id, offset=59_999_990)
        page.logs[job.id] = b"\0" * 59_999_990
        await page.until(lambda: page.ended(job.id))
    finally:
        raw.close()


def watch_handlers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect the handlers of streams that are opened from here on."""
    made: list[Any] = []
    initialize = stream_module.StreamHandler.initialize

    def noted(self: Any, **given: Any) -> None:
        initialize(self, **given)
        made.append(self)

    monkeypatch.setattr(stream_module.StreamHandler, "initialize", noted)
    return made


async def silent_page(app: Any, port: int, job: int) -> socket.socket:
    """Shake hands, subscribe, and never read again."""
    raw = socket.create_connection(("127.0.0.1", port))
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    hello = (
        "GET /user/x/hpccontainers/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Authorization: token {app.identity_provider.token}\r\n\r\n"
    )
    await loop.sock_sendall(raw, hello.encode())
    assert b" 101 " in await loop.sock_recv(raw, 4096)
    message = json.dumps({"subscribe": job, "offset": 0}).encode()
    # RFC 6455 5.2: a text frame, masked with zeros.
    await loop.sock_sendall(raw, bytes([0x81, 0x80 | len(message), 0, 0, 0, 0]) + message)
    return raw
