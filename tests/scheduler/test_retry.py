"""Attempts that fail and are tried again: which ends count, how often, and from when on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scheduler_lab import GiB, Lab, job, last_record, machine, only, started

from jupyter_hpccontainers.model.job import PastAttempt
from jupyter_hpccontainers.model.resources import Allocation
from jupyter_hpccontainers.model.states import Reason, ReasonCode, Result, State
from jupyter_hpccontainers.scheduler import (
    CancelRequested,
    Exited,
    Held,
    Kill,
    Policy,
    Record,
    Released,
    Restored,
    Started,
    StartFailed,
    Stop,
    Submission,
    Ticked,
    WakeAt,
)
from jupyter_hpccontainers.scheduler.retry import back_off_s

POLICY = Policy(back_off_s=10.0, back_off_most_s=30.0)
LOST = Reason(ReasonCode.SUPERVISOR_LOST)


def running(**asked: Any) -> Lab:
    """Return a lab where job 1, with a retry or two, runs since 5."""
    lab = Lab(machine(cores=1), POLICY)
    lab.submit(job(1, **{"retries": 2, **asked}))
    lab.send(Started(1), now=5)
    return lab


def exited(lab: Lab, now: float = 20.0, **how: Any) -> Record:
    """Return what is recorded when job 1 ends so."""
    return last_record(lab.send(Exited(job_id=1, ended_at=now, **how), now), 1)


def test_a_failure_closes_the_attempt_and_the_next_waits_out_its_back_off():
    lab = running()
    actions = lab.send(Exited(job_id=1, exit_code=75, ended_at=19.0), now=20)
    assert actions == [
        Record(
            job_id=1,
            attempt=2,
            state=State.PENDING,
            at=19,
            past=PastAttempt(
                number=1,
                result=Result.FAILED,
                reason=Reason(ReasonCode.NON_ZERO_EXIT, {"exit_code": 75}),
                exit_code=75,
                started_at=5,
                ended_at=19,
            ),
            failures=1,
            retry_at=29,
        ),
        WakeAt(29),
    ]
    assert lab.scheduler.used() == Allocation((), 0)
    said = lab.scheduler.waiting(1, 20.0).reason
    assert (said.code, said.details) == (ReasonCode.BACK_OFF, {"retry_at": 29.0, "attempt": 2})
    begun = lab.send(Ticked(), now=29)
    assert started(begun) == [1]
    assert last_record(begun, 1).attempt == 2


def test_the_pause_doubles_up_to_the_longest_and_retries_end():
    lab = running(retries=3)
    pauses, now = [], 100.0
    for _ in range(3):
        record = exited(lab, now, exit_code=1)
        pauses.append(record.retry_at - now)
        now = record.retry_at
        lab.send(Ticked(), now)
    assert pauses == [10, 20, 30]
    last = exited(lab, now + 1, exit_code=1)
    assert (last.state, last.result, last.attempt) == (State.DONE, Result.FAILED, 4)


@given(st.integers(1, 10_000))
def test_the_back_off_is_between_its_bounds_and_never_shrinks(failures):
    assert 10 <= back_off_s(failures, POLICY) <= back_off_s(failures + 1, POLICY) <= 30


@pytest.mark.parametrize(
    ("asked", "how", "again"),
    [
        ({}, {"exit_code": 0}, False),
        ({}, {"exit_code": 1}, True),
        ({}, {"exit_code": 143, "signal": 15}, True),
        ({}, {"exit_code": 137, "oom_killed": True}, True),
        ({}, {"exit_code": 127, "reason": Reason(ReasonCode.COMMAND_NOT_FOUND)}, False),
        ({}, {"reason": LOST}, True),
        ({"retries": 0}, {"exit_code": 1}, False),
        ({"retries": 0}, {"reason": LOST}, False),
        ({"retry_on": (75, 127)}, {"exit_code": 75}, True),
        ({"retry_on": (75,)}, {"exit_code": 1}, False),
        ({"retry_on": (75,)}, {"exit_code": 0}, False),
        ({"retry_on": (137,)}, {"signal": 9}, True),
        ({"retry_on": (75,)}, {"reason": LOST}, True),
        ({"retry_on": (127,)}, {"exit_code": 127, "reason": Reason(ReasonCode.COMMAND_NOT_FOUND)},
         True),
    ],
)  # fmt: skip
def test_which_ends_are_tried_again(asked, how, again):
    assert exited(running(**asked), **how).state is (State.PENDING if again else State.DONE)


def test_a_start_that_failed_or_took_too_long_is_tried_again():
    lab = Lab(machine(cores=1), POLICY)
    lab.submit(job(1, retries=2))
    failed = lab.send(StartFailed(1, Reason(ReasonCode.START_FAILED)), now=1)
    assert last_record(failed, 1).retry_at == 11
    lab.send(Ticked(), now=11)
    assert only(Kill, lab.send(Ticked(), now=71)) == [Kill(1)]
    again = last_record(lab.send(Exited(job_id=1, signal=9), now=72), 1)
    assert (again.attempt, again.past.result) == (3, Result.FAILED)


def test_what_reached_its_limit_is_not_tried_again():
    lab = running(limit_s=10.0)
    lab.send(Ticked(), now=15)
    assert exited(lab, exit_code=143).result is Result.TIMEOUT


def test_a_cancel_ends_it_for_good_whenever_it_comes():
    lab = running()
    lab.send(CancelRequested(1), now=6)
    assert exited(lab, exit_code=75).result is Result.CANCELLED
    lab = running()
    exited(lab, exit_code=75)
    assert last_record(lab.send(CancelRequested(1), now=21), 1).result is Result.CANCELLED
    lab = running()
    lab.send(CancelRequested(1), now=6)
    failed_before = lab.send(Exited(job_id=1, exit_code=75, ended_at=5.5), now=7)
    assert last_record(failed_before, 1).state is State.DONE


def test_a_cancel_of_a_start_that_timed_out_is_what_counts():
    lab = Lab(machine(cores=1), POLICY)
    lab.submit(job(1, retries=2))
    lab.send(Ticked(), now=60)
    told = lab.send(CancelRequested(1), now=61)
    assert last_record(told, 1).reason.code is ReasonCode.USER_CANCEL
    assert lab.send(CancelRequested(1), now=62) == []
    assert exited(lab, 63, signal=9).result is Result.CANCELLED


def test_reports_of_an_attempt_that_another_followed_change_nothing():
    lab = running()
    exited(lab, exit_code=1)
    late = [Started(1, attempt=1), Exited(job_id=1, exit_code=0, attempt=1)]
    for event in late:
        assert only(Record, lab.send(event, now=25)) == []
    lab.send(Ticked(), now=30)
    for event in [*late, StartFailed(1, LOST, attempt=1)]:
        assert only(Record, lab.send(event, now=31)) == []
    assert lab.state(1) is State.STARTING
    lab.send(Started(1, attempt=2), now=32)
    assert lab.state(1) is State.RUNNING


def test_it_may_be_held_in_its_back_off_and_waits_it_out():
    lab = running()
    exited(lab, exit_code=1)
    lab.send(Held(1), now=21)
    lab.send(Ticked(), now=40)
    assert lab.state(1) is State.HELD
    assert started(lab.send(Released(1), now=41)) == [1]
    lab = running()
    exited(lab, exit_code=1)
    lab.send(Held(1), now=21)
    assert lab.send(Released(1), now=22)[-1] == WakeAt(30)


def test_another_job_has_the_core_during_the_back_off():
    lab = running()
    lab.submit(job(2), now=6)
    ended = lab.send(Exited(job_id=1, exit_code=1, ended_at=20.0), now=20)
    assert started(ended) == [2]


def test_a_restarted_engine_goes_on_with_the_back_off_and_the_count():
    def as_stored(**given: Any) -> Submission:
        return job(1, retries=2, attempt=3, **given)

    lab = Lab(machine(cores=1), POLICY)
    row = Restored(job=as_stored(), state=State.PENDING, failures=2, retry_at=50.0)
    assert lab.scheduler.restore([row], 40.0) == [WakeAt(50)]
    assert started(lab.send(Ticked(), now=50)) == [1]
    assert exited(lab, 51, exit_code=1).state is State.DONE
    lab = Lab(machine(cores=1), POLICY)
    one_core = Allocation((0,), GiB)
    row = Restored(
        job=as_stored(), state=State.RUNNING, allocation=one_core, started_at=1.0, failures=1
    )
    lab.scheduler.restore([row], 40.0)
    assert exited(lab, 51, exit_code=1).retry_at == 71
    assert only(Stop, lab.send(Ticked(), now=60)) == []
