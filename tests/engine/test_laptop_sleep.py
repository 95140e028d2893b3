"""A laptop that is closed: which clocks are read, and what happens when it is opened again."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine_fixture import IsolatedEngine, RunImage

from jupyter_hpccontainers.backends.local import adoption
from jupyter_hpccontainers.backends.local.clock import Clock
from jupyter_hpccontainers.backends.local.config import LocalConfig
from jupyter_hpccontainers.backends.local.inbox import Inbox
from jupyter_hpccontainers.model.job import Job, JobSpec, Priority
from jupyter_hpccontainers.model.machine import Core, Machine
from jupyter_hpccontainers.model.resources import Resources
from jupyter_hpccontainers.model.states import Result, State
from jupyter_hpccontainers.scheduler import Scheduler, Started, Submission, Submitted, Ticked
from jupyter_hpccontainers.scheduler.events import Progress
from jupyter_hpccontainers.store.records import JobChange, Ownership, Restart, StoredJob

NOON = 1_700_000_000.0


class Kernel:
    """The kernel's three clocks of a machine that can be put to sleep, or set by hand."""

    def __init__(self) -> None:
        self.times = {
            time.CLOCK_REALTIME: NOON,
            time.CLOCK_BOOTTIME: 5_000.0,
            time.CLOCK_MONOTONIC: 4_000.0,
        }

    def __call__(self, clock: int) -> float:
        return self.times[clock]

    def works(self, seconds: float) -> None:
        """Be awake so long."""
        self.times = {clock: at + seconds for clock, at in self.times.items()}

    def sleeps(self, seconds: float) -> None:
        """Be suspended so long (clock_gettime(2))."""
        self.works(seconds)
        self.times[time.CLOCK_MONOTONIC] -= seconds

    def is_set(self, seconds: float) -> None:
        """Have its wall clock corrected."""
        self.times[time.CLOCK_REALTIME] += seconds


def test_the_time_goes_on_in_sleep_and_ignores_a_corrected_wall_clock() -> None:
    kernel = Kernel()
    clock = Clock(kernel)
    assert (clock.now(), clock.newly_slept_s()) == (NOON, 0.0)
    kernel.works(10)
    kernel.sleeps(0.5)
    assert not clock.has_slept
    kernel.sleeps(3_600)
    assert clock.has_slept
    assert clock.now() == NOON + 3_610.5
    assert clock.newly_slept_s() == 3_600.5, "what was too little to be told before comes with it"
    assert (clock.has_slept, clock.newly_slept_s()) == (False, 0.0)
    kernel.is_set(-7_200)
    assert clock.now() == NOON + 3_610.5
    assert clock.wall() == NOON - 3_589.5


def test_the_real_clocks_are_those_of_the_kernel() -> None:
    clock = Clock()
    before = time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic()
    now, monotonic_s = clock.now(), clock.monotonic_s()
    after = time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic()
    anchor = clock._anchor
    assert before[0] + anchor <= now <= after[0] + anchor
    assert before[1] <= monotonic_s <= after[1]


#: Prints how many seconds were slept between two readings, the second in a later boot time.
_READS = (
    "import sys, time; from jupyter_hpccontainers.backends.local.clock import Clock; "
    "clock = Clock(); print(clock._slept_s())"
)


@pytest.mark.as_root
def test_the_kernel_counts_a_sleep_where_we_look_for_it() -> None:
    """A time namespace has the clocks of a machine that was suspended for an hour."""
    own = float(subprocess.check_output([sys.executable, "-c", _READS]))
    unshare = ["unshare", "-T", "--boottime", "3600"]
    later = float(subprocess.check_output([*unshare, sys.executable, "-c", _READS]))
    assert later - own == pytest.approx(3_600, abs=1)


class Told:
    """What the inbox has done, instead of a runtime."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        def note(what: Any, *_: Any) -> None:
            self.done.append((name, getattr(what, "job_id", what)))

        return note


async def nothing_recorded(_changes: Sequence[JobChange], _at: float) -> list[Job]:
    """A store that keeps nothing."""
    return []


def submission(job_id: int, **given: Any) -> Submission:
    """Return a job of one core."""
    usual: dict[str, Any] = {
        "resources": Resources(1, 0), "limit_s": 600.0, "priority": Priority.NORMAL,
        "submitted_at": NOON, "grace_s": 10.0, "start_timeout_s": 60.0, "image_ready": True,
    }  # fmt: skip
    return Submission(job_id=job_id, **{**usual, **given})


def test_after_a_night_no_limit_has_passed_and_a_begin_time_has() -> None:
    asyncio.run(night())


async def night() -> None:
    """Close the lid with one job running and one that begins in the night."""
    kernel, told = Kernel(), Told()
    clock = Clock(kernel)
    scheduler = Scheduler(Machine("lab", (Core(0, 0), Core(1, 1)), 2**30, ()))
    inbox = Inbox(scheduler, clock, nothing_recorded, told, lambda _: None, asyncio.Lock())
    running = asyncio.create_task(inbox.run())
    await inbox.post(Submitted(submission(1)))
    await inbox.post(Started(1))
    await inbox.post(Submitted(submission(2, begin_at=NOON + 3_600)))
    kernel.works(100)
    kernel.sleeps(8 * 3_600)
    await inbox.post(Ticked())
    assert told.done == [("start", 1), ("start", 2)]
    await inbox.post(Started(2))
    kernel.works(499)
    await inbox.post(Ticked())
    assert told.done[2:] == []
    kernel.works(1)
    await inbox.post(Ticked())
    assert told.done[2:] == [("stop", 1)]
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def row(**restart: Any) -> StoredJob:
    """Return what an engine kept of a job that runs since noon."""
    return StoredJob(
        job=Job(
            id=1, engine="e", spec=JobSpec(image="x", time_limit_s=600), state=State.RUNNING,
            submitted_at=NOON, user="ann", started_at=NOON,
        ),
        owner=Ownership(uid=1, gid=1, user="ann"),
        restart=Restart(**restart),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kept", "paused_s"),
    [
        ({"ran_s": 0.0, "monotonic_s": 4_000.0}, 3_600.0),
        ({"ran_s": 50.0, "monotonic_s": 4_050.0}, 3_600.0),
        ({"ran_s": 0.0, "monotonic_s": 9_000.0}, 0.0),
        ({}, 0.0),
    ],
)
def test_an_engine_that_starts_later_knows_how_long_the_job_was_awake(
    kept: dict[str, float], paused_s: float
) -> None:
    kernel = Kernel()
    kernel.works(100)
    kernel.sleeps(3_600)
    found = adoption.restored(
        row(**kept), LocalConfig(state_folder=Path("/x")), {}, Progress(), Clock(kernel)
    )
    assert found.paused_s == paused_s


def test_a_suspended_job_has_run_no_longer_when_the_next_engine_comes() -> None:
    kernel = Kernel()
    kernel.works(100)
    kernel.sleeps(3_600)
    kept = row(ran_s=50.0, monotonic_s=4_050.0)
    still = replace(kept, job=replace(kept.job, state=State.SUSPENDED, suspended_at=NOON + 50))
    config = LocalConfig(state_folder=Path("/x"))
    found = adoption.restored(still, config, {}, Progress(), Clock(kernel))
    assert (found.paused_s, found.resumed) == (3_650.0, False)
    ran_on = replace(kept, job=replace(kept.job, paused_s=20.0))
    assert adoption.restored(ran_on, config, {}, Progress(), Clock(kernel)).resumed
    ended = replace(ran_on.job, state=State.DONE, ended_at=NOON + 70)
    assert adoption.past(ended, config).paused_s == 20.0


def test_a_wall_clock_that_was_corrected_meanwhile_ends_no_job() -> None:
    kernel = Kernel()
    kernel.works(100)
    kernel.is_set(+3_600)
    kept = row(ran_s=0.0, monotonic_s=4_000.0)
    clock = Clock(kernel)
    config = LocalConfig(state_folder=Path("/x"))
    found = adoption.restored(kept, config, {}, Progress(), clock)
    assert clock.now() - NOON - found.paused_s == 100


@pytest.mark.as_root
def test_a_real_job_is_given_the_time_that_was_slept_while_no_engine_ran(
    make_engine: Callable[..., IsolatedEngine],
    docker_socket: str,
    apptainer: str,
    run_image: RunImage,
) -> None:
    """The next engine lives where three seconds less were awake (time_namespaces(7))."""
    engine = make_engine(docker_host=f"unix://{docker_socket}", cores=[0], memory="1g", grace=2.0)
    engine.give_to_an_account()
    job = engine.submit(run_image, command=["sleep", "600"], memory="50m", time_limit="4s")
    engine.until(job, "RUNNING")
    engine.kill()
    time.sleep(3.5)
    engine.start(under=("unshare", "-T", "--monotonic", "-3"))
    done = engine.wait(job)
    assert done.result is Result.TIMEOUT
    assert done.started_at is not None
    assert done.ended_at is not None
    assert done.ended_at - done.started_at >= 6.9
