"""Recording changes: all or nothing, one event each, DONE for good."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from store_builders import filled, moved_to, opened, submission

from jupyter_hpccontainers.model.errors import InvalidSpec, StateConflict, UnknownJob
from jupyter_hpccontainers.model.machine import Enforcement
from jupyter_hpccontainers.model.resources import Allocation
from jupyter_hpccontainers.model.states import Reason, ReasonCode, Result, State
from jupyter_hpccontainers.store.records import JobChange


def test_a_life_is_recorded_field_by_field(tmp_path: Path) -> None:
    store = opened(tmp_path)
    filled(store, 1)
    allocation = Allocation((3, 1), 2**20, (0,))
    enforcement = Enforcement("enforced", "not enforced", "enforced")
    store.record(
        [JobChange(1, "Started", {"state": State.STARTING, "allocation": allocation})], at=1.0
    )
    store.record([JobChange(1, "Held to", {"enforcement": enforcement, "boot_id": "b"})], at=2.0)
    store.record([JobChange(1, "Cancelled", {"cancel_requested": True})], at=3.0)
    (job,) = store.record(
        [
            moved_to(
                State.DONE,
                1,
                result=Result.CANCELLED,
                reason=Reason(ReasonCode.USER_CANCEL),
                allocation=None,
                exit_code=143,
                ended_at=4.0,
                warnings=("one", "two"),
            )
        ],
        at=4.0,
    )
    store.close()

    stored = opened(tmp_path).stored(1)
    assert stored.job == job
    assert job.result is Result.CANCELLED
    assert job.allocation is None
    assert job.enforcement == enforcement
    assert job.warnings == ("one", "two")
    assert (stored.restart.boot_id, stored.restart.cancel_requested) == ("b", True)


def test_every_change_leaves_an_event_in_order(tmp_path: Path) -> None:
    store = opened(tmp_path)
    filled(store, 2)
    first = [moved_to(State.RUNNING, 2, started_at=1.5), moved_to(State.HELD, 1)]
    store.record(first, at=0.5)  # a clock that went back orders nothing
    events = store.events_since(0)
    assert [(e.seq, e.job_id, e.kind) for e in events] == [
        (1, 1, "Submitted"),
        (2, 2, "Submitted"),
        (3, 2, "Running"),
        (4, 1, "Held"),
    ]
    assert events[2].data == {"state": "RUNNING", "started_at": 1.5}
    assert [event.seq for event in store.events_since(2, limit=1)] == [3]


def test_one_wrong_change_leaves_all_as_it_was(tmp_path: Path) -> None:
    store = opened(tmp_path)
    filled(store, 2)
    with pytest.raises(UnknownJob):
        store.record([moved_to(State.RUNNING, 1), moved_to(State.RUNNING, 9)], at=1.0)
    with pytest.raises(InvalidSpec, match="submitted_at"):
        store.record([moved_to(State.RUNNING, 1), JobChange(2, "x", {"submitted_at": 0})], at=1.0)
    assert store.counts()[State.PENDING] == 2
    assert len(store.events_since(0)) == 2
    assert store.record([moved_to(State.RUNNING, 1)], at=1.0)[0].state is State.RUNNING


def test_done_is_for_good(tmp_path: Path) -> None:
    store = opened(tmp_path)
    filled(store, 1)
    store.record([moved_to(State.DONE, 1, result=Result.COMPLETED)], at=1.0)
    with pytest.raises(StateConflict, match="job 1 is DONE"):
        store.record([moved_to(State.PENDING, 1)], at=2.0)
    store.record([JobChange(1, "Cleaned", {"files_removed": True})], at=3.0)
    assert store.job(1).state is State.DONE


def test_a_changed_limit_changes_the_spec(tmp_path: Path) -> None:
    store = opened(tmp_path)
    spec = store.accept(submission(time_limit_s=60), at=0.0).job.spec
    longer = replace(spec, time_limit_s=120)
    store.record([JobChange(1, "Limit changed", {"spec": longer})], at=1.0)
    assert store.job(1).spec == longer


def test_a_job_that_is_done_has_an_end(tmp_path: Path) -> None:
    store = opened(tmp_path)
    filled(store, 1)
    assert store.record([moved_to(State.DONE, 1)], at=7.0)[0].ended_at == 7.0
    assert [(job.id, job.ended_at) for job in store.finished()] == [(1, 7.0)]
