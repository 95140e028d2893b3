"""A suspended job: its clock stands still, what it holds it keeps, and nobody knows its end."""

from __future__ import annotations

import math

import pytest
from scheduler_lab import Lab, ask, job, last_record, machine, only, started

from jupyter_hpccontainers.model.errors import StateConflict
from jupyter_hpccontainers.model.job import Priority
from jupyter_hpccontainers.model.resources import Allocation
from jupyter_hpccontainers.model.states import Reason, ReasonCode, Result, State
from jupyter_hpccontainers.scheduler import (
    DEFAULT,
    Action,
    Backfill,
    CancelRequested,
    Exited,
    Kill,
    Policy,
    Record,
    Restored,
    Resume,
    Resumed,
    Signal,
    Slept,
    Started,
    StartFailed,
    Stop,
    Submission,
    Submitted,
    Suspend,
    Suspended,
    TaskBlock,
    Ticked,
    TimeLimitChanged,
    WakeAt,
)
from jupyter_hpccontainers.scheduler.foresight import Foresight


def running(*jobs: Submission, on=None, policy: Policy | None = None) -> Lab:
    """Return a lab in which these run since 0."""
    lab = Lab(on, policy)
    lab.submit(*jobs)
    lab.send_all(Started(one.job_id) for one in jobs)
    return lab


def clock_of(actions: list[Action], number: int) -> tuple[float | None, float | None, float | None]:
    """Return since when a job runs, how long it has, and how long it has not."""
    said = last_record(actions, number)
    return said.started_at, said.ran_s, said.paused_s


def test_its_time_limit_stands_still_and_goes_on_where_it_stood():
    lab = running(job(1, limit_s=100.0))
    told = lab.send(Suspended(1), now=30)
    assert told[1:] == [Suspend(1)], "nothing is due any more"
    assert (last_record(told, 1).state, clock_of(told, 1)) == (State.SUSPENDED, (0, 30, 0))
    assert lab.send(Ticked(), now=5_000) == []
    told = lab.send(Resumed(1), now=6_000)
    assert told[1:] == [Resume(1), WakeAt(6_070)]
    assert (last_record(told, 1).state, clock_of(told, 1)) == (State.RUNNING, (0, 30, 5_970))
    assert only(Stop, lab.send(Ticked(), now=6_069)) == []
    assert only(Stop, lab.send(Ticked(), now=6_070)) == [Stop(1, 10.0)]
    told = lab.send(Exited(job_id=1, exit_code=143), now=6_075)
    assert last_record(told, 1).result is Result.TIMEOUT
    assert clock_of(told, 1) == (0, 105, 5_970)


def test_pauses_add_up_and_a_sleep_of_the_machine_is_not_counted_twice():
    lab = running(job(1, limit_s=100.0))
    lab.send(Slept(10.0), now=20)
    lab.send(Suspended(1), now=30)
    lab.send(Slept(1_000.0), now=1_040)
    lab.send(Resumed(1), now=1_050)
    assert lab.send(Slept(5.0), now=1_060)[-1] == WakeAt(100 + 10 + 1_020 + 5)
    lab.send(Suspended(1), now=1_070)
    assert lab.send(Resumed(1), now=1_100)[-1] == WakeAt(100 + 10 + 1_020 + 5 + 30)


def test_twice_is_once():
    lab = running(job(1, limit_s=100.0))
    assert lab.send(Resumed(1), now=5) == [WakeAt(100)]
    lab.send(Suspended(1), now=10)
    assert lab.send(Suspended(1), now=20) == []
    assert lab.send(Resumed(1), now=30)[-1] == WakeAt(120)


def test_the_signal_before_the_limit_moves_too():
    lab = running(job(1, limit_s=100.0, signal_before_s=30.0))
    lab.send(Suspended(1), now=60)
    assert only(Signal, lab.send(Ticked(), now=1_000)) == []
    assert lab.send(Resumed(1), now=1_060)[-1] == WakeAt(1_070)
    assert only(Signal, lab.send(Ticked(), now=1_070)) == [Signal(1)]


@pytest.mark.parametrize("word", ["suspended", "resumed"])
def test_what_does_not_run_is_refused_in_a_sentence(word: str):
    lab = Lab(machine(cores=1))
    lab.submit(job(1), job(2), job(3, held=True))
    event = {"suspended": Suspended, "resumed": Resumed}[word]
    for number, state in ((1, "STARTING"), (2, "PENDING"), (3, "HELD")):
        with pytest.raises(StateConflict, match=f"job {number} is {state} and can't be {word}"):
            lab.send(event(number))
    lab.send(Started(1))
    lab.send(CancelRequested(1))
    with pytest.raises(StateConflict, match=f"job 1 is STOPPING and can't be {word}"):
        lab.send(event(1))
    lab.send(Exited(job_id=1, exit_code=0))
    with pytest.raises(StateConflict, match=f"job 1 is DONE and can't be {word}"):
        lab.send(event(1))


def test_it_keeps_what_it_holds_and_whoever_needs_that_waits_for_an_unknown_time():
    lab = running(job(1, ask(2), limit_s=100.0))
    lab.submit(job(2, ask(2), limit_s=50.0))
    assert lab.scheduler.reservation(0.0).at == 110
    lab.send(Suspended(1), now=10)
    assert lab.scheduler.used().cores == (0, 1)
    assert lab.scheduler.reservation(10.0).at == math.inf
    assert lab.scheduler.waiting(2, 10.0).reason.code is ReasonCode.RESOURCES
    assert Foresight(lab.scheduler).explain(2, 10.0).predicted_start is None
    lab.send(Resumed(1), now=40)
    assert lab.scheduler.reservation(40.0).at == 140
    assert Foresight(lab.scheduler).explain(2, 40.0).predicted_start == 130


def test_a_promise_that_rests_on_others_stays():
    lab = running(job(1, limit_s=100.0), job(2, limit_s=30.0))
    lab.submit(job(3))
    lab.send(Suspended(1), now=10)
    assert lab.scheduler.reservation(10.0).at == 40


def test_while_it_is_suspended_jobs_with_a_limit_go_past_who_waits_for_it():
    lab = running(job(1, limit_s=100.0), on=machine(cores=2))
    assert lab.submit(job(2, ask(2), limit_s=50.0), job(3, limit_s=500.0)) == []
    told = lab.send(Suspended(1), now=10)
    assert started(told) == [3]
    lab.send(Started(3), now=10)
    lab.send(Resumed(1), now=20)
    assert lab.scheduler.reservation(20.0).at == 520, "the end of what went past it"


def test_conservative_promises_are_made_anew():
    lab = running(job(1, ask(2), limit_s=100.0), policy=Policy(Backfill.CONSERVATIVE))
    lab.submit(job(2, ask(2), limit_s=50.0))
    assert lab.scheduler._promises.promised() == {2: 110}
    lab.send(Suspended(1), now=10)
    assert lab.scheduler._promises.promised() == {2: math.inf}
    lab.send(Resumed(1), now=40)
    assert lab.scheduler._promises.promised() == {2: 140}


def test_another_limit_counts_from_the_same_time_and_may_be_over_by_then():
    lab = running(job(1, limit_s=100.0))
    lab.send(Suspended(1), now=50)
    assert lab.send(TimeLimitChanged(1, 40.0), now=60) == [], "no limit passes meanwhile"
    told = lab.send(Resumed(1), now=70)
    assert only(Stop, told) == [Stop(1, 10.0)]
    assert last_record(told, 1).reason == Reason(ReasonCode.TIME_LIMIT, {"limit_s": 40.0})


@pytest.mark.parametrize("kill", [False, True])
def test_a_cancel_ends_it(kill: bool):
    lab = running(job(1, limit_s=100.0))
    lab.send(Suspended(1), now=50)
    told = lab.send(CancelRequested(1, kill), now=80)
    assert told[1] == (Kill(1) if kill else Stop(1, 10.0))
    assert clock_of(told, 1) == (0, 50, 30)
    told = lab.send(Exited(job_id=1, exit_code=143), now=81)
    assert last_record(told, 1).result is Result.CANCELLED
    assert lab.scheduler.used() == Allocation((), 0)


def test_it_makes_way_as_if_it_ran():
    low = job(1, ask(2), limit_s=100.0, priority=Priority.BEST_EFFORT)
    lab = running(low)
    lab.send(Suspended(1), now=10)
    told = lab.send(Submitted(job(2, ask(2))), now=20)
    assert only(Stop, told) == [Stop(1, 10.0)]
    told = lab.send(Exited(job_id=1, exit_code=143), now=21)
    assert started(told) == [2]
    assert (lab.state(1), last_record(told, 1).paused_s) == (State.PENDING, None)


@pytest.mark.parametrize(
    "end", [Exited(job_id=1, exit_code=1), StartFailed(1, Reason(ReasonCode.START_FAILED))]
)
def test_an_end_that_is_told_meanwhile_counts_and_the_next_attempt_has_all_its_time(end):
    lab = running(job(1, limit_s=100.0, retries=1))
    lab.send(Suspended(1), now=10)
    lab.send(Started(1), now=15)
    assert lab.state(1) is State.SUSPENDED, "a late report"
    lab.send(end, now=20)
    assert lab.state(1) is State.PENDING
    lab.send(Ticked(), now=30)
    assert lab.send(Started(1), now=31)[-1] == WakeAt(131)


def test_what_is_learnt_leaves_the_pause_out():
    lab = Lab(machine(cores=1), DEFAULT)
    alike = {"user": "ann", "kind": "fit", "limit_s": 1000.0}
    lab.submit(job(1, **alike))
    lab.send(Started(1))
    lab.send(Suspended(1), now=20)
    lab.send(Exited(job_id=1, exit_code=0, ended_at=500.0), now=500)
    lab.submit(job(2, **alike), now=501)
    kind = lab.scheduler.jobs[2].kind
    ordering = lab.scheduler._ordering
    assert 20 < ordering.expected(kind, ask()).run_s < 60
    again = Lab(machine(cores=1), DEFAULT)
    past = Restored(
        job=job(1, **alike), state=State.DONE, started_at=0.0, ended_at=500.0, paused_s=480.0
    )
    again.scheduler.restore([], 501.0, [past])
    assert again.scheduler._ordering.expected(kind, ask()) == ordering.expected(kind, ask())


def test_a_restarted_engine_suspends_it_again_and_knows_how_long_it_has_run():
    lab = Lab()
    row = Restored(
        job=job(1, limit_s=100.0), state=State.SUSPENDED, allocation=Allocation((1,), 0),
        started_at=40.0, paused_s=30.0,
    )  # fmt: skip
    assert lab.scheduler.restore([row], 100.0) == [Suspend(1)]
    assert lab.send(Resumed(1), now=500)[-1] == WakeAt(570)


@pytest.mark.parametrize("resumed", [True, False])
def test_a_restarted_engine_lets_one_run_on_that_may_not_know_it_may(resumed: bool):
    lab = Lab()
    row = Restored(
        job=job(1, limit_s=100.0), state=State.RUNNING, allocation=Allocation((1,), 0),
        started_at=40.0, paused_s=30.0, resumed=resumed,
    )  # fmt: skip
    assert lab.scheduler.restore([row], 100.0) == [Resume(1)] * resumed + [WakeAt(170)]


def test_of_an_array_the_tasks_that_run_are_suspended_and_resumed():
    lab = Lab(machine(cores=3))
    lab.submit(job(1, tasks=TaskBlock(2, 4), limit_s=100.0))
    lab.send_all([Started(2), Started(3)])
    told = lab.send(Suspended(1), now=10)
    assert only(Suspend, told) == [Suspend(2), Suspend(3)]
    assert [lab.state(n) for n in (1, 2, 3, 4)] == [State.PENDING] + [State.SUSPENDED] * 2 + [
        State.STARTING
    ]
    assert lab.scheduler.tasks_of(1).running == 3
    told = lab.send(Resumed(1), now=20)
    assert only(Resume, told) == [Resume(2), Resume(3)]
    lab.send(Suspended(2), now=30)
    assert [lab.state(n) for n in (2, 3)] == [State.SUSPENDED, State.RUNNING]


def test_of_an_array_without_running_tasks_nothing_is_suspended():
    lab = Lab(machine(cores=1))
    lab.submit(job(1, tasks=TaskBlock(2, 2)))
    with pytest.raises(StateConflict, match="no task of array 1 runs"):
        lab.send(Suspended(1))
    with pytest.raises(StateConflict, match="task 3 has not begun"):
        lab.send(Suspended(3))


def test_records_of_an_array_do_not_change_with_its_tasks():
    lab = Lab()
    lab.submit(job(1, tasks=TaskBlock(2, 2)))
    lab.send_all([Started(2), Started(3)])
    told = lab.send(Suspended(1), now=10)
    assert {one.job_id for one in only(Record, told)} == {2, 3}
