"""Limits, tokens, labels, drain and headroom on a real engine with real containers."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from engine_fixture import IsolatedEngine, RunImage

from jupyter_hpccontainers.model.errors import InvalidSpec, NeverFits
from jupyter_hpccontainers.model.job import Job
from jupyter_hpccontainers.model.states import ReasonCode, Result, State

#: Runs until it is told to end, so that no test depends on how long anything takes.
UNTIL_TOLD = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.05)"
PROGRAM = [sys.executable, "-m", "jupyter_hpccontainers.cli"]

Make = Callable[..., IsolatedEngine]


@pytest.fixture
def make(make_engine: Make, docker_socket: str, apptainer: str) -> Make:
    """Make engines of four cores, as declared, on whatever machine this is."""

    def made(**traits: Any) -> IsolatedEngine:
        return make_engine(docker_host=f"unix://{docker_socket}", memory="1g", grace=1.0, **traits)

    return made


def submit(engine: IsolatedEngine, image: RunImage, **asked: Any) -> Job:
    """Submit a job that runs until the file ``go`` is there."""
    return engine.submit(image, script=UNTIL_TOLD, memory="64m", **asked)


def let_go(engine: IsolatedEngine, jobs: Iterable[Job]) -> None:
    """Let the jobs end and see that each completes."""
    (engine.workdir / "go").touch()
    assert {engine.wait(job).result for job in jobs} == {Result.COMPLETED}


def settled(engine: IsolatedEngine, jobs: list[Job], running: int) -> list[Job]:
    """Wait until so many run; return the others, which must wait."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        now = [engine.client.job(job.id) for job in jobs]
        if sum(job.state is State.RUNNING for job in now) >= running:
            break
        time.sleep(0.05)
        assert not any(job.done for job in now), [job.reason for job in now]
    others = [job for job in now if job.state is not State.RUNNING]
    assert len(others) == len(jobs) - running
    assert {job.state for job in others} == {State.PENDING}
    return others


def why(job: Job) -> ReasonCode:
    """Return why a job waits."""
    assert job.reason is not None
    return job.reason.code


def test_a_burst_over_the_limit_waits_and_runs_as_jobs_end(make: Make, run_image: RunImage) -> None:
    engine = make(policy={"user_limits": {"*": {"jobs": 1}}})
    jobs = [submit(engine, run_image) for _ in range(3)]
    waiting = settled(engine, jobs, running=1)
    assert {why(job) for job in waiting} == {ReasonCode.QUOTA}
    assert engine.client.explain(waiting[0].id).sentence.endswith("has 1 of 1 job, it asks 1 job")
    let_go(engine, jobs)


def test_a_project_is_limited_and_others_go_past_it(make: Make, run_image: RunImage) -> None:
    engine = make(policy={"project_limits": {"carbon": {"cores": 1}}})
    jobs = [submit(engine, run_image, project="carbon") for _ in range(2)]
    jobs.append(submit(engine, run_image))
    [waiting] = settled(engine, jobs, running=2)
    assert (waiting.spec.project, why(waiting)) == ("carbon", ReasonCode.QUOTA)
    let_go(engine, jobs)


def test_tokens_are_never_more_in_use_than_there_are(make: Make, run_image: RunImage) -> None:
    engine = make(tokens={"matlab": 1}, labels=["ssd"])
    jobs = [
        submit(engine, run_image, tokens={"matlab": 1}),
        submit(engine, run_image, tokens=["matlab=1"], labels=["ssd"]),
    ]
    [waiting] = settled(engine, jobs, running=1)
    assert why(waiting) is ReasonCode.TOKENS
    for wrong, field in (
        ({"tokens": {"matlab": 2}}, "tokens"),
        ({"tokens": "maple"}, "tokens"),
        ({"labels": ["gpu=a100"]}, "labels"),
        ({"labels": ["a b"]}, "labels"),
    ):
        with pytest.raises(NeverFits if "a b" not in str(wrong) else InvalidSpec) as refused:
            submit(engine, run_image, **wrong)
        assert refused.value.field == field
    let_go(engine, jobs)


def test_drained_nothing_starts_not_even_after_a_restart(make: Make, run_image: RunImage) -> None:
    engine = make()
    running = submit(engine, run_image)
    engine.until(running, State.RUNNING)
    assert engine.client.drain().drained
    waiting = submit(engine, run_image)
    engine.kill()
    engine.start()
    assert engine.client.health().drained
    settled(engine, [running, waiting], running=1)
    # The new engine looks for the image first; then only the drain is in the way.
    deadline = time.monotonic() + 60
    while why(engine.client.job(waiting.id)) is ReasonCode.IMAGE and time.monotonic() < deadline:
        time.sleep(0.05)
    assert engine.client.explain(waiting.id).sentence == (
        "waits because the machine takes no new jobs"
    )
    done = subprocess.run(
        [*PROGRAM, "engine", "resume"], env=engine.env, capture_output=True, text=True, check=True
    )
    assert "drained" not in done.stdout
    let_go(engine, [running, waiting])


def test_the_command_line_drains(make: Make) -> None:
    engine = make()
    done = subprocess.run(
        [*PROGRAM, "engine", "drain"], env=engine.env, capture_output=True, text=True, check=True
    )
    assert "drained: nothing new starts" in done.stdout
    assert engine.client.machine().drained


def headroom_until(ends_at: float) -> dict[str, Any]:
    """Return a policy whose hours end at a time: midnight of the calendar's clock is put there."""
    return {
        "headroom": 0.5,
        "headroom_calendar": ["mon-sun 12:00-24:00"],
        "utc_offsets": [[0.0, -(ends_at % 86_400)]],
    }


def test_headroom_is_left_to_short_jobs_until_the_hours_end(
    make: Make, run_image: RunImage, docker_socket: str
) -> None:
    engine = make(cores=[0, 1], policy=headroom_until(time.time() + 6 * 3600))
    jobs = [submit(engine, run_image, time_limit="2h") for _ in range(2)]
    jobs.append(submit(engine, run_image, time_limit="10m"))
    [waiting] = settled(engine, jobs, running=2)
    assert (waiting.spec.time_limit_s, why(waiting)) == (7200, ReasonCode.HEADROOM)
    engine.client.cancel(jobs[2].id)
    engine.wait(jobs[2])
    # A core is free, and kept: only the end of the hours lets it start, here for the next engine.
    assert why(engine.client.job(waiting.id)) is ReasonCode.HEADROOM
    engine.kill()
    ends_at = time.time() + 4
    engine.configure(
        docker_host=f"unix://{docker_socket}", memory="1g", grace=1.0, cores=[0, 1],
        policy=headroom_until(ends_at),
    )  # fmt: skip
    engine.start()
    engine.until(waiting, State.RUNNING)
    assert time.time() >= ends_at - 1
    let_go(engine, jobs[:2])
