"""A restarted engine loads rows; nothing starts twice, nothing is forgotten."""

from __future__ import annotations

import pytest
from scheduler_lab import GiB, Lab, ask, job, last_record, machine, only, started

from jupyter_hpccontainers.model.errors import StateConflict
from jupyter_hpccontainers.model.resources import Allocation
from jupyter_hpccontainers.model.states import Reason, ReasonCode, Result, State
from jupyter_hpccontainers.scheduler import (
    Exited,
    FetchImage,
    Held,
    Record,
    Restored,
    Started,
    StartFailed,
    Stop,
    Submitted,
    Ticked,
    WakeAt,
)

CORE_1 = Allocation((1,), GiB)


def restored(*rows: Restored, on=None, now: float = 100.0):
    """Return a lab that loaded the rows, and the actions that followed."""
    lab = Lab(on)
    actions = lab.scheduler.restore(rows, now)
    lab.scheduler.check(now)
    return lab, actions


def test_a_running_job_keeps_its_cores_and_its_time():
    row = Restored(
        job=job(1, limit_s=500.0), state=State.RUNNING, allocation=CORE_1, started_at=40.0
    )
    lab, actions = restored(row)
    assert actions == [WakeAt(540)]
    assert lab.scheduler.used() == CORE_1
    assert lab.submit(job(2), now=101) == [2]
    assert lab.scheduler.used().cores == (0, 1)


def test_one_whose_time_passed_meanwhile_is_told_to_stop():
    row = Restored(
        job=job(1, limit_s=50.0), state=State.RUNNING, allocation=CORE_1, started_at=40.0
    )
    _, actions = restored(row)
    assert only(Stop, actions) == [Stop(1, 10.0)]


def test_a_starting_job_waits_for_what_the_engine_finds():
    row = Restored(job=job(1), state=State.STARTING, allocation=CORE_1, starting_at=90.0)
    lab, actions = restored(row)
    assert (only(Record, actions), started(actions)) == ([], [])
    lab.send(Started(1, at=91.0), now=100)
    assert lab.state(1) is State.RUNNING
    lab, _ = restored(row)
    lab.send(StartFailed(1, Reason(ReasonCode.START_FAILED)), now=100)
    assert lab.state(1) is State.DONE


def test_a_stopping_job_is_told_again_and_keeps_its_reason():
    why = Reason(ReasonCode.TIME_LIMIT, {"limit_s": 9})
    row = Restored(
        job=job(1), state=State.STOPPING, allocation=CORE_1, stopping_at=95.0, stop_reason=why
    )
    lab, actions = restored(row)
    assert actions == [Stop(1, 10.0)]
    done = last_record(lab.send(Exited(job_id=1, exit_code=143), now=101), 1)
    assert (done.result, done.reason, done.allocation) == (Result.TIMEOUT, why, CORE_1)


def test_waiting_jobs_start_in_their_order_and_fetch_their_images():
    rows = [
        Restored(job=job(3), state=State.PENDING),
        Restored(job=job(1, image_ready=False), state=State.PENDING),
        Restored(job=job(2), state=State.PENDING),
        Restored(job=job(4), state=State.HELD),
    ]
    lab, actions = restored(*rows, on=machine(cores=1))
    assert started(actions) == [2]
    assert only(FetchImage, actions) == [FetchImage(1)]
    assert lab.state(4) is State.HELD


def test_a_waiting_job_the_machine_can_no_longer_hold_ends_with_the_reason():
    _, actions = restored(
        Restored(job=job(1, ask(cores=4)), state=State.PENDING),
        Restored(job=job(2, ask(cores=4)), state=State.HELD),
    )
    for number in (1, 2):
        done = last_record(actions, number)
        assert (done.state, done.result) == (State.DONE, Result.FAILED)
        assert done.reason.code is ReasonCode.MACHINE_CHANGED


def test_numbers_the_machine_has_lost_are_never_given_again():
    row = Restored(job=job(1), state=State.RUNNING, allocation=Allocation((1, 7), GiB, (3,)))
    lab, _ = restored(row)
    lab.submit(job(2, ask(cores=2)), now=101)
    assert lab.state(2) is State.PENDING
    lab.send(Exited(job_id=1, exit_code=0), now=102)
    assert lab.scheduler.allocations() == {2: Allocation((0, 1), GiB)}


@pytest.mark.parametrize(
    ("state", "wakes"), [(State.STARTING, 160), (State.RUNNING, 150), (State.STOPPING, None)]
)
def test_a_time_that_was_lost_counts_from_now(state, wakes):
    lab, actions = restored(Restored(job=job(1, limit_s=50.0), state=state, allocation=CORE_1))
    assert [wake.at for wake in only(WakeAt, actions)] == ([wakes] if wakes else [])
    assert lab.state(1) is state


def test_those_given_first_are_still_expected_first():
    rows = [
        Restored(
            job=job(number),
            state=State.RUNNING,
            allocation=Allocation((number,), GiB),
            starting_at=starting_at,
            started_at=9.5,
        )
        for number, starting_at in ((1, 9.0), (2, 5.0), (3, 7.0))
    ]
    lab, _ = restored(*rows, on=machine(cores=4))
    assert [one.job_id for one in lab.scheduler._jobs.holdings.releases()] == [0, 2, 3, 1]


def test_a_stop_whose_time_was_lost_still_gives_the_result():
    why = Reason(ReasonCode.USER_CANCEL)
    row = Restored(job=job(1), state=State.STOPPING, allocation=CORE_1, stop_reason=why)
    lab, _ = restored(row, now=100.0)
    ended = Exited(job_id=1, exit_code=143, ended_at=97.0)
    assert last_record(lab.send(ended, now=100), 1).result is Result.CANCELLED


def test_a_job_that_was_done_stays_done():
    lab, actions = restored(Restored(job=job(1), state=State.DONE))
    assert actions == []
    with pytest.raises(StateConflict):
        lab.send(Submitted(job(1)))


def test_what_was_saved_in_the_middle_goes_on_as_if_nothing_had_happened():
    before, rows = Lab(), []
    before.submit(job(1, limit_s=100.0), job(2, limit_s=50.0), job(3), job(4))
    before.send(Started(1), now=5)
    before.send(Held(4), now=6)
    held = before.scheduler.allocations()
    rows = [
        Restored(
            job=job(1, limit_s=100.0), state=State.RUNNING, allocation=held[1], started_at=5.0
        ),
        Restored(
            job=job(2, limit_s=50.0), state=State.STARTING, allocation=held[2], starting_at=0.0
        ),
        Restored(job=job(3), state=State.PENDING),
        Restored(job=job(4), state=State.HELD),
    ]
    after, _ = restored(*rows, now=7.0)
    story = [(Started(2), 8.0), (Ticked(), 58.0), (Exited(job_id=2, signal=15), 59.0)]
    for event, now in story:
        assert before.send(event, now) == after.send(event, now)
    assert after.state(3) is State.STARTING
