"""Site rules at the doors of a real engine: refused in their words, amended for all to see."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from engine_fixture import IsolatedEngine, RunImage
from site_fixture import NOTE, REFUSAL, site_engine

from jupyter_hpccontainers.model.errors import NotAllowed, RuleFailed
from jupyter_hpccontainers.model.states import Result
from jupyter_hpccontainers.notebook.card import bundle

SAMPLE = "import os; print(len(os.sched_getaffinity(0)))"


@pytest.fixture
def engine(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, apptainer: str
) -> IsolatedEngine:
    """An engine whose site has rules beside its configuration."""
    engine = site_engine(make_engine, docker_socket)
    engine.start()
    return engine


def test_a_job_that_a_rule_amended_runs_as_amended_and_says_so(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    job = engine.submit(run_image, script=SAMPLE, cores=2, memory="64m")
    assert job.notes == (NOTE,)
    done = engine.wait(job)
    assert (done.result, done.notes) == (Result.COMPLETED, (NOTE,))
    assert done.allocation is not None
    assert len(done.allocation.cores) == 1
    # What the container itself sees is what the rule made of it.
    assert engine.output(job) == b"1\n"
    assert NOTE in bundle(done, "")["text/plain"]
    assert NOTE in engine.cli("show", str(job.id)).stdout
    engine.kill()
    engine.start()
    assert engine.client.job(job.id).notes == (NOTE,)


def test_a_refusal_reaches_every_door_in_the_rule_s_words(
    engine: IsolatedEngine, tiny_image: str
) -> None:
    asked = {"image": tiny_image, "workdir": str(engine.workdir), "command": ["true"]}
    for ask in (engine.client.submit, engine.client.dry_run):
        with pytest.raises(NotAllowed) as refused:
            ask({**asked, "gpus": 3})
        assert refused.value.message == REFUSAL
    done = engine.cli("submit", tiny_image, "-g", "3", "--", "true")
    assert done.returncode != 0
    assert REFUSAL in done.stderr
    assert not engine.client.jobs()


def test_a_dry_run_tells_what_a_rule_would_change(engine: IsolatedEngine, tiny_image: str) -> None:
    words = ("submit", tiny_image, "-c", "2", "--dry-run")
    assert engine.cli(*words, "--", "true").stdout.splitlines()[0] == NOTE
    assert json.loads(engine.cli(*words, "--json", "--", "true").stdout)["notes"] == [NOTE]
    told = engine.cli("submit", tiny_image, "-c", "2", "--hold", "--", "true").stdout
    assert NOTE in told.splitlines()[1]


def test_a_change_goes_through_the_same_rules(engine: IsolatedEngine, tiny_image: str) -> None:
    job = engine.submit(tiny_image, command=["true"], hold=True, memory="64m")
    with pytest.raises(NotAllowed):
        engine.client.change(job.id, gpus=3)
    assert engine.client.job(job.id).spec == job.spec
    changed = engine.client.change(job.id, cores=2, time_limit="1h")
    assert (changed.spec.resources.cores, changed.spec.time_limit_s) == (1, 3600)
    assert changed.notes == (NOTE,)


def test_a_rule_that_hangs_is_named_and_takes_nobody_with_it(
    engine: IsolatedEngine, tiny_image: str
) -> None:
    asked: dict[str, Any] = {
        "image": tiny_image, "workdir": str(engine.workdir), "command": ["true"], "memory": "64m",
    }  # fmt: skip
    running = engine.client.submit(asked, key="once")
    with pytest.raises(RuleFailed, match=r"site_rules\.moody failed") as failed:
        engine.client.submit({**asked, "name": "hang"})
    assert failed.value.status == 503
    assert engine.wait(running).result is Result.COMPLETED
    assert engine.wait(engine.client.submit(asked)).result is Result.COMPLETED
    # What was accepted stays so: the same key is answered although the rule gives no answer.
    assert engine.client.submit({**asked, "name": "hang"}, key="once").id == running.id


def test_a_rule_that_can_not_be_loaded_is_shown_by_the_doctor(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, tiny_image: str
) -> None:
    engine = make_engine(docker_host=f"unix://{docker_socket}", rules=["no_such_module.rule"])
    with pytest.raises(RuleFailed, match=r"no_such_module\.rule failed"):
        engine.submit(tiny_image, command=["true"])
    [check] = [check for check in engine.client.doctor() if check.name == "site rule"]
    assert not check.ok
    assert "ModuleNotFoundError" in check.found
    assert "site rule no_such_module.rule can't be loaded" in engine.log()
