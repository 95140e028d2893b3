"""Arrays with real containers: as many as allowed at once, items intact, restarts in the middle."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from engine_fixture import IsolatedEngine, RunImage
from sampling import sampled

from jupyter_hpccontainers.model.arrays import TaskCounts
from jupyter_hpccontainers.model.errors import InvalidSpec, UnknownJob
from jupyter_hpccontainers.model.job import Job
from jupyter_hpccontainers.model.states import ReasonCode, Result
from jupyter_hpccontainers.notebook.python import submit

#: Notes begin and end of its task in the working folder; waits for the gate's file, if any.
NOTE = """#!/bin/sh
echo "begin $HPCC_ARRAY_TASK_ID" >> notes
sleep {seconds}
until [ -z "{gate}" ] || [ -e "{gate}" ]; do sleep 0.05; done
echo "end $HPCC_ARRAY_TASK_ID" >> notes
[ "$HPCC_ARRAY_TASK_ID" != "{fails}" ]
"""
SHOW_ITEM = """
import os, sys
sys.stdout.write(os.environ["HPCC_ARRAY_ITEM"])
"""
ITEMS = ["plain", "two words", 'it\'s "quoted"', "a\nb\n", "é ünï", "", "$HOME `x` \\ , = ;"]


@pytest.fixture
def small(make_engine: Callable[..., IsolatedEngine], docker_socket: str, apptainer: str) -> Any:
    """An engine of two cores."""
    return make_engine(docker_host=f"unix://{docker_socket}", grace=2.0, cores=[0, 1])


def note(engine: IsolatedEngine, image: RunImage, array: Any, **given: Any) -> Job:
    """Submit an array that notes what it does."""
    some = {"seconds": 0, "gate": "", "fails": "none", **given}
    script = NOTE.format(**{key: some.pop(key) for key in ("seconds", "gate", "fails")})
    return engine.submit(image, script=script, array=array, memory="64m", **some)


def notes(engine: IsolatedEngine) -> list[str]:
    path = engine.workdir / "notes"
    return path.read_text().splitlines() if path.exists() else []


def most_at_once(lines: list[str]) -> int:
    """Return how many had begun and not ended at the busiest moment."""
    now = most = 0
    for line in lines:
        now += 1 if line.startswith("begin") else -1
        most = max(most, now)
    return most


def test_indexes_and_no_more_than_allowed_at_once(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    with sampled(f"HPCC_JOB_DIR={engine.state}") as looks:
        array = note(engine, run_image, "1-14:3,20%2", seconds=0.4)
        done = engine.wait(array, 120)
    assert (done.result, done.tasks) == (Result.COMPLETED, TaskCounts(completed=6))
    assert sorted(line for line in notes(engine) if line.startswith("end")) == sorted(
        f"end {index}" for index in (1, 4, 7, 10, 13, 20)
    )
    assert 1 <= most_at_once(notes(engine)) <= 2
    assert max(map(len, looks), default=0) <= 2
    tasks = [engine.client.job(array.id + 1 + n) for n in range(6)]
    assert [task.label for task in tasks] == [f"{array.id}_{i}" for i in (1, 4, 7, 10, 13, 20)]
    assert {task.result for task in tasks} == {Result.COMPLETED}
    assert all(engine.job_folder(task).is_dir() for task in tasks)
    assert engine.client.jobs(tasks=False) == (engine.client.job(array.id),)


def test_a_task_knows_its_array(engine: IsolatedEngine, run_image: RunImage) -> None:
    show = 'echo "$HPCC_ARRAY_TASK_ID of $HPCC_ARRAY_TASK_COUNT from $HPCC_ARRAY_TASK_MIN'
    show += ' to $HPCC_ARRAY_TASK_MAX by $HPCC_ARRAY_TASK_STEP of $HPCC_ARRAY_JOB_ID"'
    array = engine.submit(run_image, script=f"#!/bin/sh\n{show}\n", array="1-10:4", memory="64m")
    assert engine.wait(array).result is Result.COMPLETED
    said = [engine.output(engine.client.job(array.id + 1 + n)).decode() for n in range(3)]
    assert said == [f"{i} of 3 from 1 to 9 by 4 of {array.id}\n" for i in (1, 5, 9)]


def test_items_arrive_intact(engine: IsolatedEngine, run_image: RunImage) -> None:
    job = submit(
        run_image.reference, script=SHOW_ITEM, array=ITEMS, memory="64m",
        workdir=str(engine.workdir), runtime=run_image.runtime, engine=engine.client,
    )  # fmt: skip
    assert job.wait(120).outcome is Result.COMPLETED, [task.logs() for task in job.tasks]
    assert [task.logs() for task in job.tasks] == ITEMS
    assert [task.record.task.item for task in job.tasks] == ITEMS


def test_one_fails_the_others_run_and_so_do_those_who_depend(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    array = note(engine, run_image, "0-3", fails="2")
    kinds = ("afterok", "afternotok", "afterany", "afterarray")
    children = {
        kind: engine.submit(run_image, command=["true"], dependencies=f"{kind}:{array.id}")
        for kind in kinds
    }
    done = engine.wait(array, 120)
    assert (done.result, done.tasks) == (Result.FAILED, TaskCounts(completed=3, failed=1))
    assert done.reason is not None
    assert done.reason.code is ReasonCode.TASKS_FAILED
    assert engine.client.job(array.id + 3).exit_code == 1
    results = {kind: engine.wait(child).result for kind, child in children.items()}
    assert results.pop("afterok") is Result.SKIPPED
    assert set(results.values()) == {Result.COMPLETED}


def test_killed_in_the_middle_it_goes_on_and_no_task_runs_twice(
    small: IsolatedEngine, run_image: RunImage
) -> None:
    array = note(small, run_image, "1-8", seconds=0.2, gate="go")
    first = small.client.job(small.until(array, "RUNNING").id + 1)
    small.until(first, "RUNNING")
    small.client.cancel(array.id + 5)
    small.kill()
    (small.workdir / "go").touch()
    small.start()
    deadline = time.monotonic() + 60
    while len([line for line in notes(small) if line.startswith("end")]) < 4:
        assert time.monotonic() < deadline, small.client.job(array.id)
        time.sleep(0.02)
    small.kill()
    small.start()
    done = small.wait(array, 120)
    assert done.tasks == TaskCounts(completed=7, cancelled=1), done
    assert done.result is Result.CANCELLED
    ran = [1, 2, 3, 4, 6, 7, 8]
    assert sorted(notes(small)) == sorted(f"{word} {n}" for n in ran for word in ("begin", "end"))
    assert most_at_once(notes(small)) <= 2


def test_cancel_of_one_task_and_of_all(small: IsolatedEngine, run_image: RunImage) -> None:
    array = note(small, run_image, "0-9", gate="never")
    small.until(array, "RUNNING")
    number = small.client.number(f"{array.id}_0")
    small.until(small.client.job(number), "RUNNING")
    assert small.wait(small.client.cancel(number)).result is Result.CANCELLED
    unbegun = small.client.number(f"{array.id}_9")
    with pytest.raises(UnknownJob):
        small.client.job(unbegun)
    skipped = small.client.cancel(unbegun)
    assert (skipped.result, skipped.started_at) == (Result.CANCELLED, None)
    small.client.cancel(array.id)
    done = small.wait(array)
    assert (done.result, done.tasks) == (Result.CANCELLED, TaskCounts(cancelled=10))
    assert not [line for line in notes(small) if line.startswith("end")]


def test_what_waits_says_why(small: IsolatedEngine, run_image: RunImage) -> None:
    array = note(small, run_image, "0-4%1", gate="go")
    small.until(array, "RUNNING")
    why = small.client.explain(array.id)
    assert why.sentence == "waits because 1 task of its array may run at once"
    assert small.client.job(array.id).tasks == TaskCounts(pending=4, running=1)
    (small.workdir / "go").touch()
    assert small.wait(array).result is Result.COMPLETED


def test_a_large_array_is_one_row_until_its_tasks_begin(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, docker_image: str
) -> None:
    engine = make_engine(docker_host=f"unix://{docker_socket}", grace=0.5, cores=[0])
    image = RunImage(docker_image, "docker")
    before = engine.submit(image, command=["sleep", "600"])
    engine.until(before, "RUNNING")
    array = engine.submit(image, command=["true"], array="1-100000%8")
    assert engine.client.job(array.id).tasks == TaskCounts(pending=100_000)
    assert [job.id for job in engine.client.jobs()] == [array.id, before.id]
    after = engine.submit(image, command=["true"])
    assert after.id == array.id + 100_001
    engine.kill()
    engine.start()
    assert engine.client.job(array.id).tasks == TaskCounts(pending=100_000)
    engine.client.cancel(array.id)
    assert engine.wait(array).tasks == TaskCounts(cancelled=100_000)


@pytest.mark.parametrize("array", ["", "1-", "5-1", "1-10:0", "1-10%0", [], [1], {"items": "a"}])
def test_what_is_no_array_is_refused(shared_engine: IsolatedEngine, array: Any) -> None:
    with pytest.raises(InvalidSpec) as refused:
        shared_engine.submit("nothing", array=array)
    assert refused.value.field == "array"


@pytest.fixture(scope="module")
def shared_engine(
    make_module_engine: Callable[..., IsolatedEngine], docker_socket: str
) -> IsolatedEngine:
    """One engine for requests that change nothing."""
    return make_module_engine(docker_host=f"unix://{docker_socket}")
