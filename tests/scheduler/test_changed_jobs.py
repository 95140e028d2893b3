"""A waiting job that asks for something else: planned anew at once, refused where it never fits."""

from __future__ import annotations

from typing import Any

import pytest
from scheduler_lab import GiB, Lab, ask, job, last_record, machine, only, started

from jupyter_hpccontainers.model.errors import NeverFits, StateConflict
from jupyter_hpccontainers.model.job import Priority
from jupyter_hpccontainers.model.states import ReasonCode, State
from jupyter_hpccontainers.scheduler import (
    DEFAULT,
    Changed,
    Exited,
    Held,
    Record,
    Released,
    Started,
    Submitted,
    WakeAt,
)


def changed(number: int, cores: int = 1, **given: Any) -> Changed:
    """Return an event that asks for ``cores`` and 1 GiB, without limit, normal."""
    usual: dict[str, Any] = {"limit_s": None, "priority": Priority.NORMAL}
    return Changed(job_id=number, resources=ask(cores), **{**usual, **given})


def full_lab() -> Lab:
    """Return a lab of 2 cores with job 1 on both; 2 and 3 wait for both."""
    lab = Lab(machine(cores=2), DEFAULT)
    lab.submit(job(1, ask(2)), job(2, ask(2)), job(3, ask(2)))
    return lab


def test_a_job_made_smaller_starts_at_once_where_it_fits():
    lab = Lab(machine(cores=2))
    lab.submit(job(1), job(2, ask(2)))
    actions = lab.send(changed(2, cores=1), now=5)
    assert started(actions) == [2]
    assert len(last_record(actions, 2).allocation.cores) == 1


def test_a_higher_class_goes_first():
    lab = full_lab()
    lab.send(changed(3, cores=2, priority=Priority.URGENT))
    assert list(lab.scheduler.waiting_all(1.0)) == [3, 2]
    assert started(lab.send(Exited(job_id=1, exit_code=0), now=2)) == [3]


def test_it_keeps_its_place_by_submission():
    lab = full_lab()
    lab.send(changed(2, cores=1))
    lab.send(changed(2, cores=2), now=9)
    assert started(lab.send(Exited(job_id=1, exit_code=0), now=10)) == [2]


def test_a_later_begin_time_is_waited_for_and_an_earlier_one_not():
    lab = Lab()
    lab.submit(job(1, begin_at=100.0))
    lab.send(changed(1, begin_at=50.0), now=1)
    assert lab.scheduler.waiting(1, 1.0).reason.code is ReasonCode.BEGIN_TIME
    assert lab.send(changed(1, begin_at=200.0), now=2) == [WakeAt(200.0)]
    assert started(lab.send(changed(1), now=3)) == [1]


def test_what_the_machine_can_never_hold_is_refused_and_changes_nothing():
    lab = full_lab()
    with pytest.raises(NeverFits, match="asks 3 cores, the machine has 2"):
        lab.send(changed(2, cores=3, priority=Priority.URGENT))
    assert started(lab.send(Exited(job_id=1, exit_code=0), now=2)) == [2]


def test_a_held_job_is_changed_and_stays_held():
    lab = full_lab()
    lab.send(Held(2))
    assert only(Record, lab.send(changed(2, cores=1))) == []
    assert lab.state(2) is State.HELD
    lab.send(Exited(job_id=1, exit_code=0), now=2)
    assert lab.state(3) is State.STARTING
    lab.send(Exited(job_id=3, exit_code=0), now=3)
    assert started(lab.send(Released(2), now=4)) == [2]


def test_a_job_that_runs_can_not_be_changed():
    lab = Lab()
    lab.submit(job(1))
    for event in (None, Started(1)):
        if event is not None:
            lab.send(event)
        with pytest.raises(StateConflict, match="can't be given other resources"):
            lab.send(changed(1, cores=2))


def test_a_job_may_be_submitted_held():
    lab = Lab()
    actions = lab.send(Submitted(job(1, held=True)))
    assert [record.state for record in only(Record, actions)] == [State.HELD]
    assert started(lab.send(Released(1), now=1)) == [1]


def test_more_memory_than_is_free_waits():
    lab = Lab(machine(cores=4, memory=4))
    lab.submit(job(1, ask(1, memory=3)), job(2, ask(1, memory=2)))
    wanted = changed(2)
    assert wanted.resources.memory_bytes == GiB
    assert started(lab.send(wanted)) == [2]
