"""One job's life, event by event: which actions follow."""

from __future__ import annotations

import pytest
from scheduler_lab import (
    GRACE_S,
    START_TIMEOUT_S,
    Lab,
    ask,
    job,
    last_record,
    machine,
    only,
    started,
)

from jupyter_hpccontainers.model.errors import NeverFits, StateConflict, UnknownJob
from jupyter_hpccontainers.model.resources import Allocation
from jupyter_hpccontainers.model.states import Reason, ReasonCode, Result, State
from jupyter_hpccontainers.scheduler import (
    CancelRequested,
    Exited,
    FetchImage,
    Held,
    ImageFailed,
    ImageReady,
    Kill,
    Record,
    Refused,
    Released,
    Start,
    Started,
    StartFailed,
    Stop,
    Submitted,
    Ticked,
    WakeAt,
)

ONE_CORE = Allocation((0,), ask().memory_bytes)


def running(limit_s: float | None = None) -> Lab:
    """Return a lab where job 1 runs since 5."""
    lab = Lab()
    lab.submit(job(1, limit_s=limit_s))
    lab.send(Started(1), now=5)
    return lab


def test_a_job_that_fits_is_recorded_then_started_at_once():
    assert Lab().send(Submitted(job(1)), now=3) == [
        Record(job_id=1, attempt=1, state=State.PENDING, at=3),
        Record(job_id=1, attempt=1, state=State.STARTING, at=3, allocation=ONE_CORE),
        Start(1, ONE_CORE, 1),
        WakeAt(3 + START_TIMEOUT_S),
    ]


def test_a_job_runs_and_completes_and_gives_everything_back():
    lab = running()
    assert lab.scheduler.used() == ONE_CORE
    assert lab.send(Exited(job_id=1, exit_code=0), now=9) == [
        Record(
            job_id=1,
            attempt=1,
            state=State.DONE,
            at=9,
            result=Result.COMPLETED,
            allocation=ONE_CORE,
            exit_code=0,
            started_at=5,
            ran_s=4.0,
            paused_s=0.0,
        )
    ]
    assert lab.scheduler.used() == Allocation((), 0)


def test_all_records_come_before_anything_is_done():
    lab = Lab()
    lab.submit(job(1), job(2))
    batch = [Exited(job_id=1, exit_code=0), CancelRequested(2), Submitted(job(3))]
    actions = lab.send_all(batch, now=9)
    kinds = [type(action) for action in actions]
    assert kinds == [Record] * 4 + [Stop, Start, WakeAt]


def test_the_time_limit_counts_from_the_start_of_the_program():
    lab = running(limit_s=100)
    assert only(Stop, lab.send(Ticked(), now=104.9)) == []
    actions = lab.send(Ticked(), now=105)
    assert only(Stop, actions) == [Stop(1, GRACE_S)]
    assert last_record(actions, 1).state is State.STOPPING
    assert last_record(actions, 1).reason == Reason(ReasonCode.TIME_LIMIT, {"limit_s": 100})


def test_a_start_reported_late_counts_from_when_it_was():
    lab = Lab()
    lab.submit(job(1, limit_s=100))
    assert lab.send(Started(1, at=4), now=9)[-1] == WakeAt(104)


def test_without_a_limit_a_job_is_never_told_to_end():
    lab = running()
    assert lab.send(Ticked(), now=10**9) == []


def test_a_job_that_is_stopping_still_holds_what_it_has():
    lab = running(limit_s=100)
    lab.submit(job(2), job(3))
    lab.send(Ticked(), now=105)
    assert lab.state(1) is State.STOPPING
    assert lab.state(3) is State.PENDING
    assert started(lab.send(Exited(job_id=1, exit_code=143), now=106)) == [3]


def test_a_start_that_takes_too_long_is_killed():
    lab = Lab()
    lab.submit(job(1))
    actions = lab.send(Ticked(), now=START_TIMEOUT_S)
    assert only(Kill, actions) == [Kill(1)]
    done = last_record(lab.send(Exited(job_id=1, exit_code=137), now=61), 1)
    assert (done.result, done.reason.code) == (Result.FAILED, ReasonCode.START_TIMEOUT)


def test_a_start_that_fails_frees_the_cores_at_once():
    lab = Lab(machine(cores=1))
    lab.submit(job(1), job(2))
    why = Reason(ReasonCode.COMMAND_NOT_FOUND, {"message": "no sh"})
    actions = lab.send(StartFailed(1, why), now=2)
    done = last_record(actions, 1)
    assert (done.state, done.result, done.reason) == (State.DONE, Result.FAILED, why)
    assert started(actions) == [2]


class TestCancel:
    def test_a_waiting_job_is_done_at_once_and_never_starts(self):
        lab = Lab(machine(cores=1))
        lab.submit(job(1), job(2))
        done = last_record(lab.send(CancelRequested(2), now=3), 2)
        assert (done.state, done.result) == (State.DONE, Result.CANCELLED)
        assert done.reason == Reason(ReasonCode.USER_CANCEL)
        assert started(lab.send(Exited(job_id=1, exit_code=0), now=4)) == []

    def test_a_held_job_too(self):
        lab = Lab()
        lab.submit(job(1, held=True))
        assert last_record(lab.send(CancelRequested(1)), 1).result is Result.CANCELLED

    @pytest.mark.parametrize("program_runs", [False, True])
    def test_a_started_job_gets_its_grace(self, program_runs):
        lab = Lab()
        lab.submit(job(1))
        if program_runs:
            lab.send(Started(1))
        assert only(Stop, lab.send(CancelRequested(1), now=3)) == [Stop(1, GRACE_S)]
        done = last_record(lab.send(Exited(job_id=1, exit_code=0), now=4), 1)
        assert (done.result, done.exit_code) == (Result.CANCELLED, 0)

    def test_a_second_time_changes_nothing_and_kill_means_now(self):
        lab = running()
        lab.send(CancelRequested(1))
        assert lab.send(CancelRequested(1)) == []
        assert lab.send(CancelRequested(1, kill=True)) == [Kill(1)]
        assert only(Kill, running().send(CancelRequested(1, kill=True))) == [Kill(1)]

    def test_a_start_heard_of_after_the_cancel_changes_nothing(self):
        lab = Lab()
        lab.submit(job(1, limit_s=5))
        lab.send(CancelRequested(1))
        assert lab.send(Started(1), now=1) == []
        assert lab.state(1) is State.STOPPING
        why = Reason(ReasonCode.START_FAILED)
        assert last_record(lab.send(StartFailed(1, why)), 1).result is Result.CANCELLED

    def test_of_a_done_job_is_no_error_and_does_nothing(self):
        lab = running()
        lab.send(Exited(job_id=1, exit_code=0))
        assert lab.send(CancelRequested(1)) == []
        assert lab.state(1) is State.DONE

    def test_of_a_job_out_of_time_keeps_the_result(self):
        lab = running(limit_s=100)
        lab.send(Ticked(), now=105)
        assert lab.send(CancelRequested(1), now=106) == []
        assert last_record(lab.send(Exited(job_id=1, signal=9)), 1).result is Result.TIMEOUT


class TestImage:
    def test_is_asked_for_once_and_holds_nothing(self):
        lab = Lab(machine(cores=1))
        assert only(FetchImage, lab.send(Submitted(job(1, image_ready=False)))) == [FetchImage(1)]
        assert lab.send(Ticked(), now=1) == []
        assert lab.submit(job(2), now=2) == [2]

    def test_here_the_job_starts_in_its_old_place(self):
        lab = Lab(machine(cores=1))
        lab.submit(job(1), job(2, image_ready=False), job(3))
        lab.send(ImageReady(2))
        assert started(lab.send(Exited(job_id=1, exit_code=0))) == [2]

    def test_that_can_not_be_had_ends_the_job(self):
        lab = Lab()
        lab.submit(job(1, image_ready=False))
        why = Reason(ReasonCode.IMAGE_NOT_FOUND, {"message": "no such image"})
        done = last_record(lab.send(ImageFailed(1, why)), 1)
        assert (done.state, done.result, done.reason) == (State.DONE, Result.FAILED, why)

    def test_of_a_job_cancelled_meanwhile_is_of_no_interest(self):
        lab = Lab()
        lab.submit(job(1, image_ready=False))
        lab.send(CancelRequested(1))
        assert lab.send(ImageReady(1)) == []

    def test_of_a_held_job_is_fetched_once_it_is_released(self):
        lab = Lab()
        assert only(FetchImage, lab.send(Submitted(job(1, held=True, image_ready=False)))) == []
        assert only(FetchImage, lab.send(Released(1))) == [FetchImage(1)]
        lab.send(Held(1))
        lab.send(ImageReady(1))
        assert started(lab.send(Released(1))) == [1]


class TestHold:
    def test_a_held_job_never_starts_and_a_released_one_does(self):
        lab = Lab()
        lab.submit(job(1, held=True))
        assert lab.state(1) is State.HELD
        assert lab.send(Ticked(), now=100) == []
        assert started(lab.send(Released(1), now=101)) == [1]

    def test_a_released_job_keeps_its_place(self):
        lab = Lab(machine(cores=1))
        lab.submit(job(1), job(2), job(3))
        lab.send(Held(2))
        lab.send(Released(2))
        assert started(lab.send(Exited(job_id=1, exit_code=0))) == [2]

    def test_twice_is_once(self):
        lab = Lab(machine(cores=1))
        lab.submit(job(1), job(2))
        assert only(Record, lab.send(Released(2))) == []
        assert only(Record, lab.send(Held(2))) != []
        assert only(Record, lab.send(Held(2))) == []

    def test_is_refused_for_a_running_job(self):
        with pytest.raises(StateConflict, match="RUNNING and can't be held"):
            running().send(Held(1))


def test_a_job_with_a_begin_time_waits_for_it_and_no_longer():
    lab = Lab()
    actions = lab.send(Submitted(job(1, begin_at=50.0)), now=1)
    assert started(actions) == []
    assert actions[-1] == WakeAt(50)
    assert lab.send(Ticked(), now=49.9) == [WakeAt(50)]
    assert started(lab.send(Ticked(), now=50)) == [1]


class TestRefused:
    @pytest.mark.parametrize(
        ("resources", "words", "field"),
        [
            (ask(cores=3), "asks 3 cores, the machine has 2", "cores"),
            (ask(memory=65), "asks 65 GiB of memory, the machine has 64 GiB", "memory"),
            (ask(gpus=10), "asks 10 GPUs, the machine has 1", "gpus"),
        ],
    )
    def test_what_can_never_fit(self, resources, words, field):
        lab = Lab(machine(gpus=1))
        with pytest.raises(NeverFits, match=words) as refused:
            lab.send(Submitted(job(1, resources)))
        assert refused.value.field == field
        with pytest.raises(UnknownJob):
            lab.state(1)

    def test_names_everything_that_lacks(self):
        with pytest.raises(NeverFits) as refused:
            Lab(machine(gpus=2)).scheduler.refuse(ask(cores=3, gpus=4))
        assert (
            refused.value.message
            == "asks 3 cores, the machine has 2; asks 4 GPUs, the machine has 2"
        )
        assert refused.value.cure == "ask for at most 2 cores and 2 GPUs"

    def test_the_same_number_twice(self):
        lab = running()
        with pytest.raises(StateConflict, match="job 1 was submitted before"):
            lab.send(Submitted(job(1)))
        lab.send(Exited(job_id=1, exit_code=0))
        with pytest.raises(StateConflict):
            lab.send(Submitted(job(1)))

    def test_a_job_nobody_submitted(self):
        with pytest.raises(UnknownJob, match="job 5 is not known"):
            Lab().send(CancelRequested(5))

    def test_in_a_batch_only_that_event(self):
        lab = Lab()
        odd = Submitted(job(2, ask(cores=3)))
        actions = lab.send_all([Submitted(job(1)), odd, Submitted(job(3))])
        assert started(actions) == [1, 3]
        (refused,) = only(Refused, actions)
        assert refused.event == odd
        assert isinstance(refused.error, NeverFits)

    def test_leaves_nothing_to_be_done_later(self):
        lab = Lab()
        with pytest.raises(NeverFits):
            lab.send(Submitted(job(1, ask(cores=3))))
        assert lab.send(Ticked()) == []
