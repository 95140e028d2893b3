"""Another time limit: always for a waiting job, for a running one where nobody is delayed."""

from __future__ import annotations

import pytest
from scheduler_lab import Lab, ask, job, machine, only, started

from jupyter_hpccontainers.model.errors import StateConflict
from jupyter_hpccontainers.scheduler import (
    CancelRequested,
    Exited,
    Started,
    Stop,
    Ticked,
    TimeLimitChanged,
    WakeAt,
)


def lab_with_head(limit_s: float | None = 100.0) -> Lab:
    """Return a lab of 4 cores: job 1 (1 core) and job 2 (2 cores) run, the head wants 3."""
    lab = Lab(machine(cores=4))
    lab.submit(job(1, limit_s=limit_s), job(2, ask(cores=2), limit_s=1000.0))
    lab.send(Started(1))
    lab.send(Started(2))
    lab.submit(job(3, ask(cores=3)))
    return lab


def test_more_time_when_nobody_waits():
    lab = Lab()
    lab.submit(job(1, limit_s=100.0))
    lab.send(Started(1))
    assert lab.send(TimeLimitChanged(1, 300.0), now=50) == [WakeAt(300)]
    assert only(Stop, lab.send(Ticked(), now=100)) == []
    assert only(Stop, lab.send(Ticked(), now=300)) != []


def test_a_limit_that_was_changed_and_changed_back_is_due_once():
    lab = Lab()
    lab.submit(job(1, limit_s=100.0))
    lab.send(Started(1))
    for limit_s in (70.0, 100.0):
        lab.send(TimeLimitChanged(1, limit_s), now=50)
    assert only(Stop, lab.send(Ticked(), now=100)) == [Stop(1, 10.0)]


def test_no_limit_any_more():
    lab = Lab()
    lab.submit(job(1, limit_s=100.0))
    lab.send(Started(1))
    assert lab.send(TimeLimitChanged(1, None), now=50) == []


def test_less_time_than_it_already_had_ends_it_now():
    lab = lab_with_head()
    assert only(Stop, lab.send(TimeLimitChanged(2, 10.0), now=50)) == [Stop(2, 10.0)]


def test_more_time_that_would_delay_the_head_is_refused_and_changes_nothing():
    lab = lab_with_head()
    promised = lab.scheduler.reservation(1.0)
    with pytest.raises(StateConflict, match="job 2 would delay job 3") as refused:
        lab.send(TimeLimitChanged(2, 1001.0), now=1)
    assert refused.value.details["starts_at"] == promised.at
    assert lab.scheduler.reservation(1.0) == promised


def test_more_time_up_to_the_promise_is_given():
    lab = lab_with_head()
    lab.send(TimeLimitChanged(1, 1000.0), now=1)
    assert lab.scheduler.reservation(1.0).at == 1010


def test_more_time_on_what_the_head_leaves_is_given():
    lab = lab_with_head()
    lab.send(TimeLimitChanged(1, None), now=1)
    assert lab.scheduler.reservation(1.0).at == 1010
    with pytest.raises(StateConflict):
        lab.send(TimeLimitChanged(2, None), now=1)


def test_more_time_for_a_job_nobody_waits_for_is_given():
    lab = Lab(machine(cores=3))
    lab.submit(job(1, limit_s=100.0), job(2, limit_s=1000.0), job(3, ask(cores=2)))
    promised = lab.scheduler.reservation(1.0)
    lab.send(TimeLimitChanged(2, None), now=1)
    assert lab.scheduler.reservation(1.0) == promised


def test_a_waiting_job_may_have_any_and_goes_past_when_it_asks_less():
    lab = lab_with_head()
    assert lab.submit(job(4, limit_s=None), job(5, limit_s=5000.0)) == [4]
    assert started(lab.send(Exited(job_id=1, exit_code=0), now=2)) == []
    assert started(lab.send(TimeLimitChanged(5, 50.0), now=3)) == [5]


def test_a_starting_job_may_have_more_and_a_stopping_or_done_one_may_not():
    lab = Lab()
    lab.submit(job(1, limit_s=100.0))
    lab.send(TimeLimitChanged(1, 200.0))
    assert lab.send(Started(1), now=1)[-1] == WakeAt(201)
    lab.send(CancelRequested(1), now=2)
    with pytest.raises(StateConflict, match="STOPPING and can't be given another time limit"):
        lab.send(TimeLimitChanged(1, 300.0), now=3)
    lab.send(Exited(job_id=1, exit_code=0), now=4)
    with pytest.raises(StateConflict, match="DONE"):
        lab.send(TimeLimitChanged(1, 300.0), now=5)
