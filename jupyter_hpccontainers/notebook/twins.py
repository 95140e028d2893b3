"""Async twins of what blocks: the same call in a thread of its own; nothing is written twice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

#: Asked by the blocking side now and then; true once nobody awaits it any more.
GivenUp = Callable[[], bool]

_AHEAD = 100


async def in_thread(call: Callable[[GivenUp], T]) -> T:
    """Await a blocking call; a cancelled await tells the call to give up.

    A thread of its own and not the loop's pool: that has few, and waiting for jobs takes hours.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    stop = threading.Event()

    def settle(method: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            method(value)

    def run() -> None:
        try:
            outcome: tuple[Callable[[Any], None], Any] = future.set_result, call(stop.is_set)
        except BaseException as error:
            outcome = future.set_exception, error
        _tell(loop, settle, *outcome)

    threading.Thread(target=run, daemon=True).start()
    try:
        return await future
    finally:
        stop.set()


async def iterate(make: Callable[[GivenUp], Iterator[T]]) -> AsyncIterator[T]:
    """Iterate asynchronously over what a blocking iterator yields, at most a few items ahead."""
    loop = asyncio.get_running_loop()
    items: asyncio.Queue[tuple[T] | BaseException | None] = asyncio.Queue()
    room, stop = threading.Semaphore(_AHEAD), threading.Event()

    def run() -> None:
        last: BaseException | None = None
        try:
            for item in make(stop.is_set):
                room.acquire()
                if stop.is_set():
                    return
                _tell(loop, items.put_nowait, (item,))
        except BaseException as error:
            last = error
        _tell(loop, items.put_nowait, last)

    threading.Thread(target=run, daemon=True).start()
    try:
        while (item := await items.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            room.release()
            yield item[0]
    finally:
        stop.set()
        room.release()


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: Any) -> None:
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:
        # The loop was closed: nobody is left to be told.
        return
