"""Best-effort jobs make way for higher classes: who, when, and what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest
from scheduler_lab import GRACE_S, Lab, ask, job, last_record, machine, only, started

from jupyter_hpccontainers.model.job import Priority
from jupyter_hpccontainers.model.machine import OthersUse
from jupyter_hpccontainers.model.reasons import sentence
from jupyter_hpccontainers.model.resources import Allocation, Resources
from jupyter_hpccontainers.model.states import Reason, ReasonCode, Result, State
from jupyter_hpccontainers.scheduler import (
    Backfill,
    CancelRequested,
    Exited,
    Held,
    Kill,
    OthersChanged,
    Policy,
    Restored,
    Started,
    Stop,
    Submission,
    Submitted,
)

LOW = Priority.BEST_EFFORT


def low(number: int, asked: Resources | None = None, **given: Any) -> Submission:
    """Return a best-effort job."""
    return job(number, asked, priority=LOW, **given)


def lab_of(cores: int, *lows: Submission, **on: Any) -> Lab:
    """Return a lab where best-effort jobs run, each since a second more than its number."""
    lab = Lab(machine(cores=cores, **on))
    for one in lows:
        assert lab.submit(one, now=one.job_id) == [one.job_id]
        lab.send(Started(one.job_id), now=one.job_id)
    return lab


def stopped(actions: Any) -> list[int]:
    """Return who is told to stop."""
    return [stop.job_id for stop in only(Stop, actions)]


def test_the_youngest_makes_way_with_its_grace_and_is_back_in_the_queue():
    lab = lab_of(2, low(1), low(2))
    told = lab.send(Submitted(job(3)), now=10)
    assert only(Stop, told) == [Stop(2, GRACE_S)]
    assert last_record(told, 2).reason == Reason(ReasonCode.PREEMPTED, {"by": [3]})
    assert sentence(last_record(told, 2).reason) == "made way for job 3 of a higher class"
    assert lab.state(2) is State.STOPPING
    assert len(lab.scheduler.used().cores) == 2, "it holds its core until it has ended"
    ended = lab.send(Exited(job_id=2, exit_code=143), now=12)
    assert started(ended) == [3]
    again = last_record(ended, 2)
    assert (again.state, again.attempt, again.past.result) == (State.PENDING, 2, Result.PREEMPTED)
    assert (again.past.exit_code, again.retry_at, again.failures) == (143, None, 0)
    assert started(lab.send(Exited(job_id=3, exit_code=0), now=20)) == [2]


def test_none_starts_on_what_is_being_freed_for_others():
    lab = Lab(machine(cores=4))
    assert lab.submit(job(1, ask(3), limit_s=100.0), now=1) == [1]
    lab.send(Started(1), now=1)
    assert lab.submit(low(2, limit_s=10.0), now=2) == [2]
    lab.send(Started(2), now=2)
    assert lab.submit(job(3, ask(2), limit_s=50.0), now=3) == []
    told = lab.send(Submitted(job(4, ask(2), limit_s=50.0)), now=3)
    assert stopped(told) == []
    # The three cores come back soon: with the fourth they are enough for both.
    assert stopped(lab.send(CancelRequested(1), now=4)) == [1, 2]
    ended = lab.send(Exited(job_id=2, exit_code=143), now=4)
    assert (started(ended), stopped(ended)) == ([], []), "it would be told to end at once"
    assert started(lab.send(Exited(job_id=1, exit_code=143), now=5)) == [3, 4]
    assert started(lab.send(Exited(job_id=3, exit_code=0), now=6)) == [2]


def test_without_requeue_it_ends_as_preempted():
    lab = lab_of(1, low(1, requeue=False))
    lab.send(Submitted(job(2)), now=10)
    ended = last_record(lab.send(Exited(job_id=1, exit_code=143), now=12), 1)
    assert (ended.state, ended.result) == (State.DONE, Result.PREEMPTED)
    assert ended.reason.code is ReasonCode.PREEMPTED


def test_as_few_as_needed_make_way():
    lab = lab_of(6, low(1, ask(3)), low(2), low(3), low(4))
    assert stopped(lab.send(Submitted(job(5, ask(2))), now=10)) == [4, 3]
    lab = lab_of(6, low(1), low(2), low(3, ask(3)), low(4))
    assert stopped(lab.send(Submitted(job(5, ask(3))), now=10)) == [3], "4 can be spared"


def test_who_has_nothing_of_what_lacks_is_spared():
    lab = lab_of(4, low(1, ask(1, gpus=1)), low(2), low(3), gpus=1)
    assert stopped(lab.send(Submitted(job(4, ask(1, gpus=1))), now=10)) == [1]


def test_what_is_free_and_what_comes_anyway_is_counted_first():
    lab = lab_of(3, low(1), low(2))
    assert stopped(lab.send(Submitted(job(3)), now=10)) == [], "one is free"
    lab.send(CancelRequested(2), now=11)
    assert stopped(lab.send(Submitted(job(4)), now=12)) == [], "one is about to be"
    assert stopped(lab.send(Submitted(job(5)), now=13)) == [1]


def test_nobody_makes_way_where_that_is_not_enough():
    lab = lab_of(4, low(1), low(2))
    lab.submit(job(3, ask(2)), now=5)
    assert stopped(lab.send(Submitted(job(4, ask(3))), now=10)) == []
    assert stopped(lab.send(Submitted(job(5, ask(1), limit_s=1.0)), now=11)) == []
    assert lab.state(1) is State.RUNNING


def test_the_same_class_never_preempts():
    lab = lab_of(1, low(1))
    assert stopped(lab.send(Submitted(low(2)), now=10)) == []
    lab = Lab(machine(cores=1))
    lab.submit(job(1))
    assert stopped(lab.send(Submitted(job(2, priority=Priority.URGENT)), now=10)) == []


def test_several_that_wait_are_made_way_for_at_once():
    lab = lab_of(4, low(1), low(2), low(3), low(4))
    batch = [Submitted(job(5)), Submitted(job(6, ask(2)))]
    assert stopped(lab.send_all(batch, now=10)) == [4, 3, 2]
    assert started(lab.send(Exited(job_id=3, exit_code=0), now=11)) == [5]
    assert started(lab.send(Exited(job_id=4, exit_code=0), now=12)) == []
    assert started(lab.send(Exited(job_id=2, exit_code=0), now=13)) == [6]


def test_no_best_effort_job_starts_on_what_is_freed_for_another():
    lab = lab_of(2, low(1), low(2))
    lab.submit(low(3), now=5)
    assert stopped(lab.send(Submitted(job(4, ask(2))), now=10)) == [2, 1]
    assert started(lab.send(Exited(job_id=1, exit_code=0), now=11)) == []
    assert started(lab.send(Exited(job_id=2, exit_code=0), now=12)) == [4]
    assert started(lab.send(Exited(job_id=4, exit_code=0), now=20)) == [1, 2]


def test_nobody_is_started_and_preempted_at_the_same_moment():
    lab = lab_of(4, low(1, ask(2)))
    lab.submit(job(2, ask(2)), low(3, ask(2), limit_s=10.0), job(4, ask(4)), now=5)
    ended = lab.send(Exited(job_id=2, exit_code=0), now=10)
    assert (started(ended), stopped(ended)) == ([], [1])
    assert started(lab.send(Exited(job_id=1, exit_code=0), now=11)) == [4]


def test_a_job_that_starts_makes_way_as_well():
    lab = Lab(machine(cores=1))
    lab.submit(low(1), now=5)
    assert stopped(lab.send(Submitted(job(2)), now=6)) == [1]
    lab.send(Started(1), now=7)
    assert lab.state(1) is State.STOPPING
    assert started(lab.send(Exited(job_id=1, exit_code=143), now=8)) == [2]


def test_who_ended_well_before_it_was_told_has_completed():
    lab = lab_of(1, low(1))
    lab.send(Submitted(job(2)), now=10)
    ended = last_record(lab.send(Exited(job_id=1, exit_code=0, ended_at=9.5), now=11), 1)
    assert (ended.state, ended.result) == (State.DONE, Result.COMPLETED)


def test_a_cancel_while_it_makes_way_ends_it_for_good():
    lab = lab_of(1, low(1))
    lab.send(Submitted(job(2)), now=10)
    told = lab.send(CancelRequested(1, kill=True), now=11)
    assert last_record(told, 1).reason.code is ReasonCode.USER_CANCEL
    assert only(Kill, told) == [Kill(1)]
    assert last_record(lab.send(Exited(job_id=1, signal=9), now=12), 1).result is Result.CANCELLED


def test_when_the_preemptor_gives_up_the_job_starts_again():
    lab = lab_of(1, low(1))
    lab.send(Submitted(job(2)), now=10)
    lab.send(Held(2), now=11)
    ended = lab.send(Exited(job_id=1, exit_code=143), now=12)
    assert started(ended) == [1]
    assert last_record(ended, 1).attempt == 2


def test_a_preemption_is_no_failure_and_a_failure_no_preemption():
    lab = lab_of(1, low(1, retries=1))
    lab.send(Submitted(job(2)), now=10)
    assert last_record(lab.send(Exited(job_id=1, exit_code=1), now=12), 1).failures == 0
    lab.send(Exited(job_id=2, exit_code=0), now=13)
    failed = last_record(lab.send(Exited(job_id=1, exit_code=1), now=20), 1)
    assert (failed.attempt, failed.failures, failed.retry_at) == (3, 1, 30)


def test_a_gpu_that_others_use_is_not_gained_by_preemption():
    lab = lab_of(2, low(1, ask(1, gpus=1)), gpus=1)
    lab.send(OthersChanged(OthersUse(busy_gpus=frozenset({0}))), now=5)
    assert stopped(lab.send(Submitted(job(2, ask(1, gpus=1))), now=10)) == []


def test_a_limit_keeps_a_job_from_preempting():
    lab = Lab(machine(cores=2), Policy(user_limits={"ann": {"cores": 1}}))
    lab.submit(low(1), job(2, user="ann"), now=5)
    assert stopped(lab.send(Submitted(job(3, user="ann")), now=10)) == []
    assert stopped(lab.send(Submitted(job(4, user="bob")), now=11)) == [1]


def test_the_next_youngest_makes_way_when_one_does_not_end():
    lab = lab_of(2, low(1), low(2))
    assert stopped(lab.send(Submitted(job(3)), now=10)) == [2]
    assert stopped(lab.send(Submitted(low(4)), now=10 + GRACE_S + 59)) == []
    assert stopped(lab.send(Submitted(low(5)), now=10 + GRACE_S + 61)) == [1]


def test_conservative_backfill_keeps_its_promises_and_preempts_nobody():
    lab = Lab(machine(cores=1), Policy(Backfill.CONSERVATIVE))
    lab.submit(low(1))
    assert stopped(lab.send(Submitted(job(2)), now=10)) == []


@pytest.mark.parametrize("requeue", [True, False])
def test_a_restarted_engine_goes_on_making_way(requeue):
    lab = Lab(machine(cores=1))
    rows = [
        Restored(
            job=low(1, attempt=4, requeue=requeue),
            state=State.STOPPING,
            allocation=Allocation((0,), ask().memory_bytes),
            started_at=1.0,
            stop_reason=Reason(ReasonCode.PREEMPTED, {"by": [2]}),
        ),
        Restored(job=job(2), state=State.PENDING),
    ]
    assert only(Stop, lab.scheduler.restore(rows, 50.0)) == [Stop(1, GRACE_S)]
    ended = lab.send(Exited(job_id=1, exit_code=143, ended_at=49.0), now=51)
    assert started(ended) == [2]
    assert last_record(ended, 1).state is (State.PENDING if requeue else State.DONE)
    assert last_record(ended, 1).attempt == (5 if requeue else 4)
