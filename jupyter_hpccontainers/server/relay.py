"""One subscription of a page: the engine's follow stream, passed on frame by frame."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Protocol

from tornado.websocket import WebSocketClosedError

from ..model.errors import EngineError, HpccError, error_from_json, error_to_json
from .frames import LogBytes, Told, follow_frames, log_frame
from .link import EngineLink
from .unix_http import READ_AHEAD_BYTES

#: Small pieces of a log that arrive within this time travel in one frame.
GATHER_S = 0.02
_RETRY_S = (0.2, 1.0, 3.0, 10.0)


class Page(Protocol):
    """Where frames go; both raise WebSocketClosedError when the page is gone."""

    async def tell(self, message: dict[str, Any]) -> None:
        """Send a text frame and wait until it is taken."""

    async def send_log(self, frame: bytes) -> None:
        """Send a binary frame and wait until it is taken."""


class Relay:
    """Follows a job (or ``all``) from an offset on, over restarts of the engine, until its end."""

    def __init__(self, link: EngineLink, job: int | str, offset: int, page: Page) -> None:
        self._link = link
        self._job = job
        self._offset = offset
        self._page = page
        self._task = asyncio.create_task(self._run())

    def close(self) -> None:
        """Stop following."""
        self._task.cancel()

    async def _run(self) -> None:
        with contextlib.suppress(WebSocketClosedError):
            for pause_s in _pauses():
                try:
                    if await self._follow():
                        return
                except EngineError as error:
                    await self._page.tell({"type": "lost", **self._error(error)})
                except HpccError as error:
                    await self._page.tell({"type": "error", **self._error(error)})
                    return
                await asyncio.sleep(pause_s)

    def _error(self, error: HpccError) -> dict[str, Any]:
        return {"job": self._job, "error": error_to_json(error)}

    async def _follow(self) -> bool:
        """Pass on one stream; return whether the job came to its end."""
        target = "all&logs=0" if self._job == "all" else f"{self._job}:{self._offset}"
        answer = await self._link.ask("GET", f"/v1/follow?jobs={target}")
        try:
            if answer.status != 200:
                raise error_from_json(json.loads(await answer.read()).get("error", {}))
            await self._page.tell({"type": "open", "job": self._job})
            return await self._pass_on(gathered(follow_frames(answer.chunks())))
        finally:
            answer.close()

    async def _pass_on(self, frames: AsyncIterator[LogBytes | Told]) -> bool:
        async for frame in frames:
            if isinstance(frame, LogBytes):
                await self._page.send_log(log_frame(frame))
                self._offset = frame.offset + len(frame.data)
            elif frame.kind != "beat":
                await self._page.tell(frame.message)
                if frame.kind == "end":
                    return True
        raise EngineError("the engine's stream ended early", cure="it is followed again")


def _pauses() -> Iterator[float]:
    yield from _RETRY_S
    yield from itertools.repeat(_RETRY_S[-1])


async def gathered(frames: AsyncIterator[LogBytes | Told]) -> AsyncIterator[LogBytes | Told]:
    """Join pieces of a log that follow each other closely; order and bytes stay what they were.

    No piece is held longer than ``GATHER_S``, however steadily more of them arrive.
    """
    loop = asyncio.get_running_loop()
    held: LogBytes | None = None
    held_until = 0.0
    following = asyncio.ensure_future(anext(frames, None))
    try:
        while True:
            if held is not None and not following.done():
                await asyncio.wait({following}, timeout=max(0.0, held_until - loop.time()))
            if held is not None and (not following.done() or loop.time() >= held_until):
                yield held
                held = None
            frame = await following
            if held is not None and not _continues(held, frame):
                yield held
                held = None
            if frame is None:
                return
            if isinstance(frame, Told):
                yield frame
            elif held is None:
                held, held_until = frame, loop.time() + GATHER_S
            else:
                held = LogBytes(held.job, held.offset, held.data + frame.data)
            following = asyncio.ensure_future(anext(frames, None))
    finally:
        following.cancel()


def _continues(held: LogBytes, frame: LogBytes | Told | None) -> bool:
    return (
        isinstance(frame, LogBytes)
        and frame.job == held.job
        and frame.offset == held.offset + len(held.data)
        and len(held.data) + len(frame.data) <= READ_AHEAD_BYTES
    )
