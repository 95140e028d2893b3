"""The machine was suspended: no limit, grace or start timeout has run, the calendar has."""

from __future__ import annotations

import pytest
from scheduler_lab import Lab, ask, job, machine, only, started

from jupyter_hpccontainers.model.states import State
from jupyter_hpccontainers.scheduler import (
    DEFAULT,
    CancelRequested,
    Exited,
    Kill,
    Signal,
    Slept,
    Started,
    Stop,
    Ticked,
    TimeLimitChanged,
    WakeAt,
)
from jupyter_hpccontainers.scheduler.actions import Record


def test_a_time_limit_does_not_run_meanwhile():
    lab = Lab()
    lab.submit(job(1, limit_s=100.0))
    lab.send(Started(1), now=10)
    assert lab.send(Slept(1000.0), now=1040) == [WakeAt(1110)]
    assert only(Stop, lab.send(Ticked(), now=1109)) == []
    assert lab.send(Slept(50.0), now=1159) == [WakeAt(1160)], "twice is both"
    assert only(Stop, lab.send(Ticked(), now=1160)) == [Stop(1, 10.0)]


def test_it_is_told_before_what_is_due_at_the_same_moment():
    lab = Lab()
    lab.submit(job(1, limit_s=100.0))
    lab.send(Started(1))
    assert only(Stop, lab.send_all([Slept(1000.0), Ticked()], now=1050)) == []


def test_a_new_limit_and_the_signal_before_it_count_from_the_same_time():
    lab = Lab()
    lab.submit(job(1, limit_s=100.0, signal_before_s=30.0))
    lab.send(Started(1))
    assert lab.send(Slept(1000.0), now=1000) == [WakeAt(1070)]
    assert lab.send(TimeLimitChanged(1, 200.0), now=1001) == [WakeAt(1170)]
    assert only(Signal, lab.send(Ticked(), now=1170)) == [Signal(1)]


def test_a_start_timeout_does_not_run_meanwhile():
    lab = Lab()
    lab.submit(job(1, start_timeout_s=60.0))
    assert only(Kill, lab.send(Slept(1000.0), now=1000)) == []
    assert only(Kill, lab.send(Ticked(), now=1060)) == [Kill(1)]


def test_who_is_stopping_is_planned_to_end_later():
    lab = Lab(machine(cores=1))
    lab.submit(job(1, limit_s=100.0))
    lab.send(Started(1))
    lab.send(CancelRequested(1), now=5)
    lab.submit(job(2))
    lab.send(Slept(1000.0), now=1006)
    assert lab.scheduler.plan(1006.0)[2] == 1015


def test_the_reservation_of_the_head_moves_with_the_ends_it_waits_for():
    lab = Lab(machine(cores=2))
    lab.submit(job(1, ask(2), limit_s=100.0), job(2, ask(2)))
    lab.send(Started(1))
    assert lab.scheduler.reservation(0.0).at == 110
    lab.send(Slept(1000.0), now=1020)
    assert lab.scheduler.reservation(1020.0).at == 1110


def test_a_begin_time_that_came_meanwhile_has_come():
    lab = Lab()
    lab.submit(job(1, begin_at=500.0))
    assert started(lab.send(Slept(1000.0), now=1000)) == [1]


@pytest.mark.parametrize("slept", [0.0, 400.0])
def test_what_is_learnt_is_how_long_it_ran(slept: float):
    lab = Lab(machine(cores=1), DEFAULT)
    alike = {"user": "ann", "kind": "fit", "limit_s": 1000.0}
    lab.submit(job(1, **alike))
    lab.send(Started(1))
    if slept:
        lab.send(Slept(slept), now=slept)
    lab.send(Exited(job_id=1, exit_code=0, ended_at=slept + 20), now=slept + 20)
    ordering = lab.scheduler._ordering
    assert lab.submit(job(2, **alike), now=slept + 21) == [2]
    kind = lab.scheduler.jobs[2].kind
    assert 20 < ordering.expected(kind, ask()).run_s < 60


def test_another_attempt_begins_with_all_its_time():
    lab = Lab()
    lab.submit(job(1, limit_s=100.0, retries=1))
    lab.send(Started(1))
    lab.send(Slept(1000.0), now=1000)
    lab.send(Exited(job_id=1, exit_code=1, ended_at=1001.0), now=1001)
    lab.send(Ticked(), now=1011)
    actions = lab.send(Started(1), now=1012)
    assert actions[-1] == WakeAt(1112)
    assert [one.ran_s for one in only(Record, actions)] == [0.0]
    assert lab.state(1) is State.RUNNING
