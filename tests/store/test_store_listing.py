"""Listing: filters alone and together against a plain reading, newest first, indexes used."""

from __future__ import annotations

import itertools

import pytest
from store_builders import ANN, BOB, moved_to, opened, submission

from jupyter_hpccontainers.model.job import Job
from jupyter_hpccontainers.model.states import Result, State
from jupyter_hpccontainers.store.database import Store
from jupyter_hpccontainers.store.records import ACTIVE, JobFilter
from jupyter_hpccontainers.store.statements import read_queries


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Forty jobs of two people, of all states, tags and names."""
    store = opened(tmp_path_factory.mktemp("listing"))
    states = [State.DONE, State.RUNNING, State.PENDING, State.HELD, State.DONE]
    for n, state in zip(range(40), itertools.cycle(states), strict=False):
        tags = ("a",) if n % 3 == 0 else ("a", "b") if n % 3 == 1 else ()
        owner = ANN if n % 2 else BOB
        name = f"Train {n}" if n % 4 == 0 else "50%_off"
        job = store.accept(submission(owner, tags=tags, name=name), at=float(n)).job
        result = [Result.COMPLETED, Result.FAILED][n % 2] if state is State.DONE else None
        store.record([moved_to(state, job.id, result=result)], at=float(n))
    return store


def passes(job: Job, wanted: JobFilter) -> bool:
    """The filter's meaning, said a second time."""
    return (
        (not wanted.states or job.state in wanted.states)
        and wanted.result in {None, job.result}
        and (wanted.tag is None or wanted.tag in job.spec.tags)
        and wanted.name.lower() in job.spec.name.lower()
        and (wanted.uid is None or job.user == {ANN.uid: "ann", BOB.uid: "bob"}[wanted.uid])
        and (wanted.before is None or job.id < wanted.before)
    )


def test_filters_mean_what_they_say_alone_and_together(store: Store) -> None:
    everything = [store.job(n) for n in range(40, 0, -1)]
    seen = 0
    for states, result, tag, name, uid, before in itertools.product(
        (frozenset(), ACTIVE, frozenset({State.DONE, State.HELD})),
        (None, Result.FAILED),
        (None, "b", "no such"),
        ("", "train", "%"),
        (None, BOB.uid),
        (None, 21),
    ):
        wanted = JobFilter(
            states=states, result=result, tag=tag, name=name, uid=uid, before=before, limit=40
        )
        found = store.jobs(wanted)
        assert found == [job for job in everything if passes(job, wanted)], wanted
        seen += len(found)
    assert seen > 300


def test_pages_follow_each_other_without_gap_or_repeat(store: Store) -> None:
    pages, before = [], None
    while page := store.jobs(JobFilter(before=before, limit=7)):
        pages += [job.id for job in page]
        before = page[-1].id
    assert pages == list(range(40, 0, -1))


def test_counts_name_every_state(store: Store) -> None:
    counts = store.counts()
    assert counts[State.DONE] == 16
    assert counts[State.STARTING] == 0
    assert sum(counts.values()) == 40


def test_active_jobs_come_in_order_of_submission(store: Store) -> None:
    active = [stored.job for stored in store.active()]
    assert [job.id for job in active] == sorted(job.id for job in active)
    assert {job.state for job in active} == {State.RUNNING, State.PENDING, State.HELD}
    assert len(active) == 24


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("active_jobs", "jobs_active"),
        ("list_active", "jobs_active"),
        ("list_tagged", "PRIMARY KEY (tag=? AND job_id<?)"),
        ("list_jobs", "INTEGER PRIMARY KEY (rowid<?)"),
        ("counts", "jobs_by_state"),
        ("finished", "jobs_with_files"),
        ("job_of_key", "PRIMARY KEY (uid=? AND key=?)"),
    ],
)
def test_no_list_reads_every_job(store: Store, query: str, index: str) -> None:
    names = ("states", "result", "name", "uid", "before", "limit", "tag", "key", "tasks")
    plan = store._connection.execute(
        f"EXPLAIN QUERY PLAN {read_queries()[query]}", dict.fromkeys(names, 1)
    ).fetchall()
    assert index in " ".join(row[3] for row in plan)
