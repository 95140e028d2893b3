"""Jobs that wait for the end of others: each kind, cascades, restarts."""

from __future__ import annotations

import pytest
from scheduler_lab import Lab, ask, job, last_record, machine, only, started

from jupyter_hpccontainers.model.dependencies import Dependency, DependencyKind
from jupyter_hpccontainers.model.states import Reason, ReasonCode, Result, State
from jupyter_hpccontainers.scheduler import (
    CancelRequested,
    Edge,
    Exited,
    FetchImage,
    Held,
    ImageFailed,
    Record,
    Released,
    Restored,
    Scheduler,
    Started,
    Submitted,
    Ticked,
)


def after(*parents: int, kind: str = "afterok", result: Result | None = None) -> tuple[Edge, ...]:
    """Return dependencies on some jobs."""
    return tuple(Edge(Dependency(DependencyKind(kind), n), result) for n in parents)


def ended(lab: Lab, number: int, code: int = 0):
    """Let a job that was started end."""
    lab.send(Started(number))
    return lab.send(Exited(job_id=number, exit_code=code))


@pytest.mark.parametrize(
    ("kind", "code", "runs"),
    [
        ("afterok", 0, True),
        ("afterok", 3, False),
        ("afternotok", 0, False),
        ("afternotok", 3, True),
        ("afterany", 0, True),
        ("afterany", 3, True),
        ("afterarray", 0, True),
        ("afterarray", 3, True),
    ],
)
def test_each_kind(kind, code, runs):
    lab = Lab()
    assert lab.submit(job(1), job(2, dependencies=after(1, kind=kind))) == [1]
    actions = ended(lab, 1, code)
    assert started(actions) == ([2] if runs else [])
    if not runs:
        done = last_record(actions, 2)
        result = "FAILED" if code else "COMPLETED"
        details = {"kind": kind, "job": 1, "result": result}
        assert (done.state, done.result) == (State.DONE, Result.SKIPPED)
        assert done.reason == Reason(ReasonCode.DEPENDENCY_NEVER_SATISFIED, details)


@pytest.mark.parametrize("kind", ["afternotok", "afterany"])
def test_a_cancelled_parent_has_ended_and_not_well(kind):
    lab = Lab(machine(cores=1))
    lab.submit(job(1), job(2), job(3, dependencies=after(2, kind=kind)))
    lab.send(CancelRequested(2))
    assert started(ended(lab, 1)) == [3]


def test_it_waits_for_all_and_says_for_which():
    lab = Lab(machine(cores=4))
    edges = after(1) + after(2, kind="afterany")
    assert lab.submit(job(1), job(2), job(3, dependencies=edges)) == [1, 2]
    why = lab.scheduler.waiting(3, 0.0).reason
    assert why.code is ReasonCode.DEPENDENCY
    assert [edge["job"] for edge in why.details["unmet"]] == [1, 2]
    assert started(ended(lab, 1)) == []
    unmet = lab.scheduler.waiting(3, 0.0).reason.details["unmet"]
    assert unmet == [{"kind": "afterany", "job": 2}]
    assert started(ended(lab, 2, code=1)) == [3]


def test_a_dependent_job_keeps_nothing_from_others():
    lab = Lab(machine(cores=2))
    lab.submit(job(1, ask(1)), job(2, ask(2), dependencies=after(1)))
    assert lab.scheduler.reservation(0.0) is None
    assert lab.submit(job(3, ask(1))) == [3]


def test_a_long_chain_is_skipped_at_once():
    lab = Lab()
    lab.submit(job(1))
    for number in range(2, 3000):
        lab.scheduler.handle(Submitted(job(number, dependencies=after(number - 1))), 0.0)
    actions = ended(lab, 1, code=1)
    skipped = [record for record in only(Record, actions) if record.result is Result.SKIPPED]
    assert [record.job_id for record in skipped] == [*range(2, 3000)]
    assert skipped[-1].reason.details == {"kind": "afterok", "job": 2998, "result": "SKIPPED"}


def test_a_parent_that_is_done_is_judged_at_once():
    lab = Lab()
    lab.submit(job(1))
    ended(lab, 1)
    assert lab.submit(job(2, dependencies=after(1))) == [2]
    assert lab.submit(job(3, dependencies=after(1, kind="afternotok"))) == []
    assert lab.state(3) is State.DONE


def test_one_from_before_this_engine_is_told_with_the_edge():
    lab = Lab()
    assert lab.submit(job(8, dependencies=after(7, result=Result.COMPLETED))) == [8]
    assert lab.submit(job(9, dependencies=after(7, result=Result.TIMEOUT))) == []
    assert lab.state(9) is State.DONE


def test_what_can_never_run_fetches_no_image_and_what_waits_does():
    lab = Lab()
    lab.submit(job(1))
    waits = lab.send(Submitted(job(2, dependencies=after(1), image_ready=False)))
    assert only(FetchImage, waits) == [FetchImage(2)]
    never = job(3, dependencies=after(9, result=Result.FAILED), image_ready=False)
    assert only(FetchImage, lab.send(Submitted(never))) == []


def test_a_child_whose_image_fails_takes_its_own_children_along():
    lab = Lab()
    lab.submit(
        job(1),
        job(2, dependencies=after(1), image_ready=False),
        job(3, dependencies=after(2)),
        job(4, dependencies=after(3, kind="afterany")),
    )
    actions = lab.send(ImageFailed(2, Reason(ReasonCode.IMAGE_FAILED)))
    assert last_record(actions, 2).result is Result.FAILED
    assert last_record(actions, 3).result is Result.SKIPPED
    assert started(actions) == [4]


def test_a_held_child_is_let_go_by_its_person_not_by_its_parent():
    lab = Lab()
    lab.submit(job(1), job(2, dependencies=after(1), held=True))
    assert lab.scheduler.waiting(2, 0.0).reason.code is ReasonCode.USER_HOLD
    assert started(ended(lab, 1)) == []
    assert started(lab.send(Released(2))) == [2]


def test_released_before_its_parent_ended_it_waits_on():
    lab = Lab()
    lab.submit(job(1), job(2, dependencies=after(1)))
    lab.send(Held(2))
    assert started(lab.send(Released(2))) == []
    assert started(ended(lab, 1)) == [2]


def test_the_begin_time_counts_after_the_parent():
    lab = Lab()
    lab.submit(job(1), job(2, dependencies=after(1), begin_at=50.0))
    assert started(ended(lab, 1)) == []
    assert lab.scheduler.waiting(2, 0.0).reason.code is ReasonCode.BEGIN_TIME
    assert started(lab.send(Ticked(), now=50.0)) == [2]


def test_a_cancelled_child_is_forgotten_by_its_parent():
    lab = Lab()
    lab.submit(job(1), job(2, dependencies=after(1)))
    lab.send(CancelRequested(2))
    assert [r.job_id for r in only(Record, ended(lab, 1)) if r.job_id == 2] == []


def test_parent_and_child_cancelled_in_one_batch():
    lab = Lab(machine(cores=1))
    lab.submit(job(1), job(2), job(3, dependencies=after(2)))
    actions = lab.send_all([CancelRequested(2), CancelRequested(3)])
    assert [(r.job_id, r.result) for r in only(Record, actions)] == [
        (2, Result.CANCELLED),
        (3, Result.CANCELLED),
    ]


def test_a_diamond_goes_on_after_a_restart():
    """A → (B, C) → D: the engine dies when B has ended and C runs."""
    core = Lab().scheduler.machine
    again = Scheduler(core)
    rows = [
        Restored(
            job=job(4, dependencies=after(2, result=Result.COMPLETED) + after(3)),
            state=State.PENDING,
        ),
        Restored(
            job=job(3, dependencies=after(1, result=Result.COMPLETED)),
            state=State.RUNNING,
            started_at=1.0,
        ),
    ]
    assert started(again.restore(rows, 10.0)) == []
    assert started(again.handle(Exited(job_id=3, exit_code=0), 11.0)) == [4]


def test_a_parent_that_ended_badly_meanwhile_is_judged_by_the_restart():
    again = Scheduler(machine())
    row = Restored(job=job(2, dependencies=after(1, result=Result.LOST)), state=State.PENDING)
    actions = again.restore([row], 10.0)
    assert last_record(actions, 2).result is Result.SKIPPED
