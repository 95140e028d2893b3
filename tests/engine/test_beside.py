"""Questions about the queue are answered beside the loop, of one moment, and leave nothing."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator

import pytest

from jupyter_hpccontainers.backends.local.beside import Beside
from jupyter_hpccontainers.backends.local.clock import Clock
from jupyter_hpccontainers.model.errors import UnknownJob
from jupyter_hpccontainers.model.job import Priority
from jupyter_hpccontainers.model.machine import Core, Machine
from jupyter_hpccontainers.model.resources import Resources
from jupyter_hpccontainers.scheduler import Scheduler, Submission, Submitted

MACHINE = Machine("lab", (Core(0, 0),), 2**30, ())


@pytest.fixture
def scheduler() -> Scheduler:
    """Return a machine of one core, where job 1 runs."""
    scheduler = Scheduler(MACHINE)
    scheduler.handle(submitted(1), 0.0)
    return scheduler


@pytest.fixture
def beside(scheduler: Scheduler) -> Iterator[Beside]:
    """Return what asks that scheduler."""
    beside = Beside(scheduler, Clock())
    yield beside
    beside.close()


def submitted(number: int) -> Submitted:
    """Return the submission of a job of one core."""
    return Submitted(
        Submission(
            job_id=number,
            resources=Resources(1),
            limit_s=60.0,
            priority=Priority.NORMAL,
            submitted_at=0.0,
            grace_s=0.0,
            start_timeout_s=0.0,
            image_ready=True,
        )
    )


def waiting(copy: Scheduler, now: float) -> list[int]:
    """Return who waits, as a question."""
    return list(copy.waiting_all(now))


def test_the_loop_goes_on_while_a_question_is_answered(
    scheduler: Scheduler, beside: Beside
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(copy: Scheduler, now: float) -> list[int]:
        begun.set()
        assert go_on.wait(30), "the loop waits for the answer"
        return waiting(copy, now)

    async def story() -> None:
        asked = asyncio.create_task(beside.ask(slow))
        await asyncio.to_thread(begun.wait, 30)
        async with beside.turn:
            scheduler.handle(submitted(2), 1.0)
        go_on.set()
        assert await asked == [], "the answer is of the moment it was asked in"
        assert await beside.ask(waiting) == [2]

    asyncio.run(story())


def test_nothing_is_copied_while_somebody_has_the_turn(
    scheduler: Scheduler, beside: Beside
) -> None:
    async def story() -> None:
        async with beside.turn:
            asked = asyncio.create_task(beside.ask(waiting))
            await asyncio.sleep(0)
            scheduler.handle(submitted(2), 1.0)
        assert await asked == [2]

    asyncio.run(story())


def test_many_ask_at_once_and_each_has_a_copy_of_its_own(beside: Beside) -> None:
    def spoil(copy: Scheduler, now: float) -> list[int]:
        copy.handle(submitted(9), now)
        return waiting(copy, now)

    async def story() -> list[list[int]]:
        return await asyncio.gather(*(beside.ask(spoil) for _ in range(5)))

    assert asyncio.run(story()) == [[9]] * 5


def test_a_refusal_reaches_who_asked_and_garbage_is_collected_again(beside: Beside) -> None:
    with pytest.raises(UnknownJob):
        asyncio.run(beside.ask(lambda copy, now: copy.waiting(77, now)))
    assert gc.isenabled()
    assert asyncio.run(beside.ask(waiting)) == []
