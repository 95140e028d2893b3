"""The site's policy reaches the scheduler, and the order learns from what has run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields

import pytest
from engine_fixture import IsolatedEngine, RunImage

from jupyter_hpccontainers.engine.policy import SchedulingPolicy
from jupyter_hpccontainers.model.job import Job
from jupyter_hpccontainers.model.states import State
from jupyter_hpccontainers.scheduler.policy import DEFAULT, Policy

LONG, SHORT = "import time; time.sleep(2)", "print('short')"


def test_every_figure_of_the_policy_is_a_trait_with_help() -> None:
    traits = SchedulingPolicy.class_own_traits(config=True)
    assert {field.name for field in fields(Policy)} == set(traits)
    assert all(trait.help for trait in traits.values())
    assert SchedulingPolicy().values() == DEFAULT


@pytest.mark.parametrize(
    ("order", "restarted", "first"),
    [("index", False, SHORT), ("index", True, SHORT), ("submission", False, LONG)],
)
def test_what_ran_shortly_before_goes_first_by_index_only(
    make_engine: Callable[..., IsolatedEngine],
    docker_socket: str,
    run_image: RunImage,
    order: str,
    restarted: bool,
    first: str,
) -> None:
    engine = make_engine(
        docker_host=f"unix://{docker_socket}", cores=[0], memory="1g", policy={"order": order}
    )

    def submit(script: str) -> Job:
        return engine.submit(run_image, script=script, memory="64m", time_limit="1h")

    for script in (LONG, SHORT, SHORT):
        engine.wait(submit(script))
    if restarted:
        engine.kill()
        engine.start()
    holder = submit(LONG)
    engine.until(holder, State.RUNNING)
    waiting = [submit(LONG), submit(SHORT)]
    done = [engine.wait(job) for job in waiting]
    begun = sorted(done, key=lambda job: job.started_at or 0.0)
    assert begun[0].spec.script == first


def test_what_an_engine_has_run_is_replayed_by_other_policies(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, run_image: RunImage
) -> None:
    engine = make_engine(docker_host=f"unix://{docker_socket}", cores=[0], memory="1g")
    jobs = [engine.submit(run_image, script=SHORT, memory="64m") for _ in range(2)]
    assert all(engine.wait(job).done for job in jobs)
    words = ["simulate", "--history", "--policy", "easy,default", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_hpccontainers.cli", *words],
        env=engine.env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [row["jobs"] for row in json.loads(done.stdout)] == [2, 2]
