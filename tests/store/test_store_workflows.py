"""Jobs accepted together: all or none, also after kill -9; and how parents stand."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from store_builders import ANN, BOB, filled, moved_to, opened, submission

from jupyter_hpccontainers.model.arrays import Array
from jupyter_hpccontainers.model.dependencies import Dependency, DependencyKind, Parent
from jupyter_hpccontainers.model.job import JobSpec, Part
from jupyter_hpccontainers.model.states import Result, State
from jupyter_hpccontainers.model.workflow import NamedEdge
from jupyter_hpccontainers.store.database import Store
from jupyter_hpccontainers.store.parents import KnownParent, known_parents
from jupyter_hpccontainers.store.records import JobChange, Submission

HERE = Path(__file__).parent
OK = DependencyKind.AFTEROK

#: Accepts workflows of forty jobs, and says of each when it is answered for.
WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from store_builders import ANN, opened
from test_store_workflows import chain

store = opened(Path(sys.argv[1]))
print("ready", flush=True)
for n in range(1_000_000):
    accepted = store.accept(*chain(40, f"{sys.argv[2]}-{n}"), at=1.0)
    print(accepted.job.id, flush=True)
"""


def chain(count: int, key: str | None = None) -> list[Submission]:
    """Return jobs each of which waits for the one before."""
    return [
        Submission(
            spec=JobSpec(image="python:3.12", dependencies=(Dependency(OK, 1),)),
            owner=ANN,
            key=key if n == 0 else None,
            part=f"n{n}",
            after=(NamedEdge(OK, f"n{n - 1}"),) if n else (),
        )
        for n in range(count)
    ]


def test_numbers_edges_and_parts_are_given_together(tmp_path: Path) -> None:
    store = opened(tmp_path)
    filled(store, 1)
    split, mapped, merge = chain(3)
    mapped = Submission(
        spec=JobSpec(image="a", array=Array(indexes="1-5")), owner=ANN, part="map",
        after=(NamedEdge(OK, "n0"),),
    )  # fmt: skip
    merge = Submission(
        spec=JobSpec(image="a"), owner=ANN, part="merge",
        after=(NamedEdge(DependencyKind.AFTERANY, "map"), NamedEdge(OK, "map", 3)),
    )  # fmt: skip
    jobs, created = store.accept(split, mapped, merge, at=1.0)
    assert created
    assert [job.id for job in jobs] == [2, 3, 9]
    assert [job.part for job in jobs] == [Part(2, "n0", 3), Part(2, "map", 3), Part(2, "merge", 3)]
    assert jobs[0].spec.dependencies == (Dependency(OK, 1),)
    assert list(map(str, jobs[2].spec.dependencies)) == ["afterany:3", "afterok:3_3"]
    store.close()
    assert [stored.job for stored in opened(tmp_path).active()][1:] == list(jobs)


def test_a_key_gives_all_of_them_again(tmp_path: Path) -> None:
    store = opened(tmp_path)
    first = store.accept(*chain(3, "k"), at=1.0)
    filled(store, 2)
    again = store.accept(*chain(3, "k"), at=2.0)
    assert (again.jobs, again.created) == (first.jobs, False)
    assert store.jobs_of_key(ANN.uid, "k") == first.jobs
    assert store.jobs_of_key(BOB.uid, "k") == ()
    single = store.accept(submission(key="s"), at=3.0)
    assert store.jobs_of_key(ANN.uid, "s") == single.jobs


def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path)
    *jobs, last = chain(10, "k")
    nowhere = replace(last, after=(NamedEdge(OK, "nowhere"),))
    with pytest.raises(KeyError):
        store.accept(*jobs, nowhere, at=1.0)
    assert (store.active(), store.jobs_of_key(ANN.uid, "k"), store.events_since(0)) == ([], (), [])
    assert store.accept(*chain(3, "k"), at=2.0).job.id == 1


def test_after_kill_9_all_of_them_are_there_or_none(tmp_path: Path) -> None:
    chance = random.Random(5)
    environment = {**os.environ, "PYTHONPATH": f"{HERE}:{HERE.parents[1]}"}
    answered = []
    for life in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(life)],
            env=environment, stdout=subprocess.PIPE, text=True,
        ) as writer:  # fmt: skip
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            for _ in range(chance.randint(1, 6)):
                writer.stdout.readline()
            # Between two answers it is somewhere in the next transaction.
            signal.sigtimedwait([], chance.random() * 0.02)
            writer.send_signal(signal.SIGKILL)
            answered += [line for line in writer.stdout.readlines() if line.endswith("\n")]
    store = opened(tmp_path)
    assert store.damage is None
    parts = [stored.job.part for stored in store.active()]
    jobs = {part.workflow: [one.name for one in parts if one.workflow == part.workflow]
            for part in parts}  # fmt: skip
    assert {int(line) for line in answered} <= jobs.keys()
    assert all(names == [f"n{n}" for n in range(40)] for names in jobs.values())


def begun(number: int, array: int, state: State, **fields) -> JobChange:
    """Return the change with which a task gets its row."""
    return JobChange(number, state.value, {"state": state, **fields}, array)


def test_parents_known_by_number_or_by_index(tmp_path: Path) -> None:
    store = opened(tmp_path)
    filled(store, 2)
    whole = store.accept(
        Submission(spec=JobSpec(image="a", array=Array(indexes="1-9:2")), owner=ANN), at=1.0
    ).job.id
    filled(store, 1)
    store.record([moved_to(State.DONE, 1, result=Result.FAILED)], at=1.0)
    store.record([begun(whole + 1, whole, State.RUNNING)], at=1.0)
    store.record([begun(whole + 3, whole, State.DONE, result=Result.CANCELLED)], at=1.0)
    asked = {
        Parent(1): KnownParent(1, Result.FAILED),
        Parent(2): KnownParent(2),
        Parent(whole): KnownParent(whole),
        Parent(whole, 1): KnownParent(whole + 1),
        Parent(whole, 5): KnownParent(whole + 3, Result.CANCELLED),
        Parent(whole, 9): KnownParent(whole + 5),
        Parent(whole + 2): KnownParent(whole + 2),
        Parent(whole + 3): KnownParent(whole + 3, Result.CANCELLED),
        Parent(whole + 5): KnownParent(whole + 5),
    }
    unknown = {Parent(99), Parent(whole, 2), Parent(whole, 11), Parent(1, 1), Parent(99, 1)}
    assert known_parents(store, [*asked, *unknown]) == asked
    store.record([moved_to(State.DONE, whole, result=Result.SKIPPED)], at=2.0)
    never = known_parents(store, [Parent(whole, 9), Parent(whole + 4)])
    assert {known.result for known in never.values()} == {Result.SKIPPED}


def test_no_number_beyond_the_last_is_a_task(tmp_path: Path) -> None:
    store: Store = opened(tmp_path)
    whole = store.accept(
        Submission(spec=JobSpec(image="a", array=Array(indexes="0-2")), owner=ANN), at=1.0
    ).job
    assert store.array_of(whole.id + 3) == whole
    assert store.array_of(whole.id + 4) is None
    assert store.array_of(whole.id) is None
