"""Asked before submitting: when it would start, and the smallest change that starts it now."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from engine_fixture import IsolatedEngine, RunImage

from jupyter_hpccontainers.model.errors import InvalidSpec
from jupyter_hpccontainers.model.explanation import Change, Explanation
from jupyter_hpccontainers.model.states import ReasonCode


@pytest.fixture
def ask(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, tiny_image: str
) -> Callable[..., Explanation]:
    """Return what asks an engine of 2 cores and 1 GiB, where a job holds one core for 5 min."""
    engine = make_engine(docker_host=f"unix://{docker_socket}", cores=[0, 1], memory="1g")
    running = engine.submit(
        tiny_image, command=["sleep", "300"], memory="100m", time_limit="5m", name="holder"
    )
    engine.until(running, "RUNNING")

    def dry_run(**asked: Any) -> Explanation:
        request = {"image": tiny_image, "workdir": str(engine.workdir), "memory": "100m", **asked}
        told = engine.client.dry_run(request)
        assert [job.spec.name for job in engine.client.jobs()] == ["holder"], (
            "something was submitted"
        )
        return told

    dry_run.engine, dry_run.holder = engine, running.id  # type: ignore[attr-defined]
    return dry_run


def test_a_dry_run_tells_now_later_and_never(ask: Any) -> None:
    now = ask(cores=1)
    assert (now.outlook, now.changes, now.job_id) == ("starts now on core 1", (), None)
    later = ask(cores=2)
    assert later.reason.code is ReasonCode.RESOURCES
    assert (later.after, later.changes) == ((ask.holder,), (Change(cores=1),))
    assert 200 < later.predicted_start - time.time() <= 320
    assert later.outlook.endswith(f", after job {ask.holder}; with 1 core it would start now")
    never = ask(gpus=3)
    assert never.outlook == "never: asks 3 GPUs, the machine has 0"
    assert never.allocation is None


def test_memory_nobody_asked_for_follows_the_cores(ask: Any) -> None:
    assert ask(cores=2, memory=None).changes == (Change(cores=1),)


def test_a_wrong_request_is_refused_by_its_field(ask: Any) -> None:
    with pytest.raises(InvalidSpec) as refused:
        ask(memory="500")
    assert refused.value.field == "memory"


def test_an_image_that_is_not_here_yet_is_said(ask: Any) -> None:
    told = ask(image="registry.invalid/none:1", runtime="docker")
    assert told.outlook == "starts on core 1 once its image is ready"


def test_what_waits_is_foretold_its_start_in_lists_and_explained(ask: Any) -> None:
    engine = ask.engine
    job = engine.submit(engine.client.job(ask.holder).spec.image,
                        command=["true"], cores=2, memory="100m")  # fmt: skip
    deadline = time.monotonic() + 20
    while engine.client.job(job.id).predicted_start is None and time.monotonic() < deadline:
        time.sleep(0.1)
    (listed,) = engine.client.jobs(state="PENDING")
    told = engine.client.explain(job.id)
    assert abs(listed.predicted_start - told.predicted_start) <= 1
    assert (told.after, told.changes, told.exact) == ((ask.holder,), (Change(cores=1),), True)
    assert told.sentence == "waits for 2 cores (1 of 2 free)"
    engine.client.cancel(job.id)


def test_a_job_without_limit_is_taken_to_last_as_such_jobs_did(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, run_image: RunImage
) -> None:
    """Nobody knows it of the first one, and that is said."""
    engine = make_engine(docker_host=f"unix://{docker_socket}", cores=[0], memory="1g")
    told = {}
    for run in ("first", "second"):
        job = engine.submit(run_image, command=["sleep", "4"], memory="100m")
        begun = engine.until(job, "RUNNING").started_at
        told[run] = engine.client.dry_run(
            {
                "image": run_image.reference, "runtime": run_image.runtime, "memory": "100m",
                "workdir": str(engine.workdir), "time_limit": "1m",
            }
        )  # fmt: skip
        engine.wait(job)
    first, second = told["first"], told["second"]
    assert (first.predicted_start, first.endless) == (None, (1,))
    assert first.outlook.startswith("when it starts is unknown, as is the end of job 1")
    assert second.guessed == second.after == (2,)
    assert 3 <= second.predicted_start - begun <= 8
    assert "after job 2, if job 2 without a time limit lasts as usual" in second.outlook
