"""What blocks, awaited: results, errors, order, and letting go."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from jupyter_hpccontainers.notebook.twins import GivenUp, in_thread, iterate


def test_a_blocking_call_is_awaited_with_its_result_and_its_error() -> None:
    async def main() -> int:
        with pytest.raises(KeyError, match="lost"):
            await in_thread(lambda given_up: {}["lost"])
        return await in_thread(lambda given_up: 42)

    assert asyncio.run(main()) == 42


def test_a_hundred_waits_do_not_wait_for_each_other() -> None:
    everyone = threading.Barrier(100, timeout=20)

    async def main() -> None:
        await asyncio.gather(*(in_thread(lambda given_up: everyone.wait()) for _ in range(100)))

    asyncio.run(main())


def test_a_cancelled_await_tells_the_call_to_give_up() -> None:
    left = threading.Event()

    def wait(given_up: GivenUp) -> None:
        while not given_up():
            threading.Event().wait(0.01)
        left.set()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await in_thread(wait)

    asyncio.run(main())
    assert left.wait(10)


def test_items_come_in_order_and_the_error_after_them() -> None:
    def make(given_up: GivenUp) -> Iterator[int]:
        yield from range(1000)
        raise ValueError("after all")

    async def main() -> list[int | str]:
        found: list[int | str] = []
        try:
            async for item in iterate(make):
                found.append(item)
        except ValueError as error:
            found.append(str(error))
        return found

    assert asyncio.run(main()) == [*range(1000), "after all"]


def test_an_iteration_that_is_left_early_ends_its_thread() -> None:
    ended = threading.Event()

    def make(given_up: GivenUp) -> Iterator[int]:
        try:
            n = 0
            while not given_up():
                yield (n := n + 1)
        finally:
            ended.set()

    async def main() -> int:
        items = iterate(make)
        first = await anext(items)
        await items.aclose()
        return first

    assert asyncio.run(main()) == 1
    assert ended.wait(10)
