"""The signal before the time limit: when it is given, how often, and what follows it."""

from __future__ import annotations

from scheduler_lab import Lab, ask, job, last_record, machine, only

from jupyter_hpccontainers.model.states import Result, State
from jupyter_hpccontainers.scheduler import (
    CancelRequested,
    Exited,
    Policy,
    Restored,
    Scheduler,
    Signal,
    Started,
    Stop,
    Ticked,
    TimeLimitChanged,
    WakeAt,
)


def running(**asked: object) -> Lab:
    """Return a lab where job 1 runs since 0, with 100 s, and is to be warned 30 s before."""
    lab = Lab(machine(cores=1), Policy(back_off_s=10.0))
    lab.submit(job(1, **{"limit_s": 100.0, "signal_before_s": 30.0, **asked}))
    lab.send(Started(1))
    return lab


def test_it_is_given_so_long_before_the_limit_and_once():
    lab = running()
    assert lab.send(Ticked(), now=69) == [WakeAt(70)]
    assert lab.send(Ticked(), now=70) == [Signal(1), WakeAt(100)]
    assert lab.send(Ticked(), now=80) == [WakeAt(100)]
    assert only(Stop, lab.send(Ticked(), now=100)) == [Stop(1, 10.0)]


def test_a_limit_that_changes_moves_it():
    lab = running()
    assert lab.send(TimeLimitChanged(1, 200.0), now=60) == [WakeAt(170)]
    assert only(Signal, lab.send(Ticked(), now=100)) == []
    assert lab.send(TimeLimitChanged(1, 120.0), now=101) == [Signal(1), WakeAt(120)]
    assert lab.send(TimeLimitChanged(1, 300.0), now=102) == [WakeAt(300)], "once in an attempt"


def test_without_a_limit_any_more_it_never_comes():
    lab = running()
    assert lab.send(TimeLimitChanged(1, None), now=60) == []


def test_who_is_told_to_stop_is_not_warned_any_more():
    lab = running()
    lab.send(CancelRequested(1), now=10)
    assert only(Signal, lab.send(Ticked(), now=75)) == []


def test_who_is_overdue_for_both_is_only_told_to_stop():
    lab = running()
    late = lab.send(Ticked(), now=500)
    assert (only(Signal, late), only(Stop, late)) == ([], [Stop(1, 10.0)])


def test_an_agreed_exit_after_it_is_tried_again_at_once_and_warned_again():
    lab = running(retries=1, retry_on=(85,))
    lab.send(Ticked(), now=70)
    again = lab.send(Exited(job_id=1, exit_code=85, ended_at=72.0), now=72)
    assert (last_record(again, 1).state, last_record(again, 1).attempt) == (State.STARTING, 2)
    lab.send(Started(1), now=73)
    assert only(Signal, lab.send(Ticked(), now=143)) == [Signal(1)]


def test_the_same_exit_before_it_is_a_failure_like_any_other():
    lab = running(retries=1, retry_on=(85,))
    record = last_record(lab.send(Exited(job_id=1, exit_code=85, ended_at=60.0), now=60), 1)
    assert (record.state, record.retry_at) == (State.PENDING, 70.0)


def test_another_code_after_it_ends_the_job():
    lab = running(retries=1, retry_on=(85,))
    lab.send(Ticked(), now=70)
    record = last_record(lab.send(Exited(job_id=1, exit_code=143, ended_at=71.0), now=71), 1)
    assert (record.state, record.result) == (State.DONE, Result.FAILED)


def test_an_engine_that_restarts_asks_again_once_it_was_due():
    one = job(1, ask(), limit_s=100.0, signal_before_s=30.0)
    allocation = running().scheduler.allocations()[1]
    row = Restored(job=one, state=State.RUNNING, allocation=allocation, started_at=0.0)
    assert Scheduler(machine()).restore([row], 50.0) == [WakeAt(70)]
    assert Scheduler(machine()).restore([row], 75.0) == [Signal(1), WakeAt(100)]
