"""Questions about a copy of the scheduler, worked out beside the loop, which goes on meanwhile."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from ...scheduler.core import Scheduler
from ...scheduler.replica import replica
from .clock import Clock

_T = TypeVar("_T")


class Beside:
    """Answers one question at a time, in a thread of its own.

    RULE: whoever lets the scheduler change, or asks it for what it works out anew, holds ``turn``;
    it is also held while the copy is made, so that a copy is of one moment.
    """

    def __init__(self, scheduler: Scheduler, clock: Clock) -> None:
        self.turn = asyncio.Lock()
        self._scheduler = scheduler
        self._clock = clock
        self._asking = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="foresight")

    async def ask(self, question: Callable[[Scheduler, float], _T]) -> _T:
        """Return the answer to a question about the scheduler as it stands now.

        The question may do with its copy what it likes, but keep nothing of it.
        """
        loop = asyncio.get_running_loop()
        async with self._asking:
            async with self.turn:
                now = self._clock.now()
                copy = await loop.run_in_executor(self._thread, _copied, self._scheduler)
            return await loop.run_in_executor(self._thread, _answered, question, copy, now)

    def close(self) -> None:
        """End the thread once it is idle."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _copied(scheduler: Scheduler) -> Scheduler:
    with _no_collection():
        return replica(scheduler)


def _answered(question: Callable[[Scheduler, float], _T], copy: Scheduler, now: float) -> _T:
    with _no_collection():
        try:
            return question(copy, now)
        finally:
            # Its parts refer to each other: else all of them lay about until the next collection.
            vars(copy).clear()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Collect no garbage meanwhile: that stops every thread, for long where objects are many."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
