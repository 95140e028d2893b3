"""One row for an array, rows for its tasks from their beginning on, numbers given once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from store_builders import ANN, filled, moved_to, opened

from jupyter_hpccontainers.model.arrays import Array, Task, TaskCounts
from jupyter_hpccontainers.model.dependencies import Dependency, DependencyKind
from jupyter_hpccontainers.model.errors import UnknownJob
from jupyter_hpccontainers.model.job import JobSpec
from jupyter_hpccontainers.model.states import Result, State
from jupyter_hpccontainers.store.database import Store
from jupyter_hpccontainers.store.records import JobChange, JobFilter, Restart, Submission


def accepted(store: Store, array: Array, **spec) -> int:
    """Accept an array and return its number."""
    whole = Submission(
        spec=JobSpec(image="python:3.12", array=array, **spec),
        owner=ANN,
        restart=Restart(image_reference="python@sha256:1", workdir="/work"),
    )
    return store.accept(whole, at=1.0).job.id


def begun(number: int, array: int, **fields) -> JobChange:
    """Return the change with which a task begins."""
    return JobChange(number, "STARTING", {"state": State.STARTING, **fields}, array)


def test_its_numbers_are_given_with_it(tmp_path: Path) -> None:
    store = opened(tmp_path)
    assert filled(store, 1) == [1]
    assert accepted(store, Array(indexes="1-5")) == 2
    assert filled(store, 2) == [8, 9]
    assert [stored.job.id for stored in store.active()] == [1, 2, 8, 9]
    store.close()
    assert filled(opened(tmp_path), 1) == [10]


def test_a_task_is_a_job_of_its_own_from_its_first_change_on(tmp_path: Path) -> None:
    store = opened(tmp_path)
    edge = Dependency(DependencyKind.AFTEROK, 9)
    array = Array(indexes="1-9:4", items=("a", "b c", "d\n"))
    whole = accepted(store, array, dependencies=(edge,), tags=("t",), hold=True)
    (task,) = store.record([begun(whole + 2, whole)], at=5.0)
    assert (task.task, task.state) == (Task(whole, 5, "b c"), State.STARTING)
    assert (task.spec.array, task.spec.dependencies, task.spec.hold) == (None, (), False)
    assert (task.label, task.submitted_at) == (f"{whole}_5", 1.0)
    stored = store.stored(whole + 2)
    assert (stored.owner, stored.restart.image_reference) == (ANN, "python@sha256:1")
    assert [job.id for job in store.jobs(JobFilter(tag="t"))] == [whole + 2, whole]
    assert [job.id for job in store.jobs(JobFilter(tasks=False))] == [whole]
    store.record([moved_to(State.DONE, whole + 2, result=Result.FAILED)], at=6.0)
    assert store.tasks(whole, 3) == [(whole + 2, State.DONE, Result.FAILED)]
    store.record([moved_to(State.RUNNING, whole, tasks=TaskCounts(failed=1, pending=2))], at=6.0)
    store.close()
    again = opened(tmp_path)
    assert again.job(whole).tasks == TaskCounts(failed=1, pending=2)
    assert again.job(whole).spec.array == array


def test_who_is_no_task_of_it_is_refused_and_nothing_is_stored(tmp_path: Path) -> None:
    store = opened(tmp_path)
    whole = accepted(store, Array(indexes="1-3"))
    for number in (whole + 4, whole + 100):
        with pytest.raises(UnknownJob):
            store.record([begun(whole + 1, whole), begun(number, whole)], at=5.0)
    assert store.tasks(whole, 3) == []


def test_a_damaged_file_loses_no_task_and_misses_none_that_has_not_begun(tmp_path: Path) -> None:
    store = opened(tmp_path)
    whole = accepted(store, Array(indexes="1-50"))
    store.record([begun(whole + 1, whole), begun(whole + 2, whole)], at=5.0)
    store.close()
    path = tmp_path / "state.db"
    data = bytearray(path.read_bytes())
    at = data.index(b"SQLite format 3")
    data[at : at + 16] = b"damaged damaged!"
    path.write_bytes(data)
    again = opened(tmp_path)
    assert again.damage is not None
    assert again.damage.lost == ()
    assert [number for number, _, _ in again.tasks(whole, 50)] == [whole + 1, whole + 2]


def test_a_hundred_thousand_tasks_are_one_row(tmp_path: Path) -> None:
    store = opened(tmp_path)
    before = time.perf_counter()
    whole = accepted(store, Array(indexes="1-100000", max_running=8))
    print(f"stored in {1000 * (time.perf_counter() - before):.1f} ms")
    assert len(store.active()) == 1
    assert len(store.events_since(0)) == 1
    assert filled(store, 1) == [whole + 100_001]
