"""Arrays: one entry in the queue, tasks that become jobs one by one, a state that is derived."""

from __future__ import annotations

import time

import pytest
from scheduler_lab import Lab, ask, job, last_record, machine, only, started

from jupyter_hpccontainers.model.arrays import TaskCounts
from jupyter_hpccontainers.model.dependencies import Dependency, DependencyKind
from jupyter_hpccontainers.model.errors import StateConflict, UnknownJob
from jupyter_hpccontainers.model.states import Reason, ReasonCode, Result, State
from jupyter_hpccontainers.scheduler import (
    DEFAULT,
    Backfill,
    CancelRequested,
    Edge,
    Exited,
    FetchImage,
    Held,
    ImageFailed,
    ImageReady,
    Policy,
    Progress,
    Record,
    Released,
    Restored,
    Scheduler,
    Started,
    Stop,
    Submission,
    Submitted,
    TaskBlock,
    Ticked,
    TimeLimitChanged,
)


def array(number: int, count: int, most: int | None = None, **given) -> Submission:
    """Return an array whose tasks are numbered from the one after it."""
    return job(number, tasks=TaskBlock(number + 1, count, most), **given)


def after(kind: str, *parents: int) -> tuple[Edge, ...]:
    return tuple(Edge(Dependency(DependencyKind(kind), number)) for number in parents)


def end(lab: Lab, number: int, code: int = 0, now: float = 0.0):
    lab.send(Started(number), now)
    return lab.send(Exited(job_id=number, exit_code=code), now)


def states(actions, number: int) -> list[State]:
    return [record.state for record in only(Record, actions) if record.job_id == number]


def test_tasks_begin_in_order_on_what_is_free():
    lab = Lab(machine(cores=2))
    assert lab.submit(array(10, 5)) == [11, 12]
    assert lab.scheduler.tasks_of(10) == TaskCounts(pending=3, running=2)
    assert started(end(lab, 12)) == [13]
    assert started(end(lab, 11)) == [14]
    assert lab.scheduler.tasks_of(10) == TaskCounts(pending=1, running=2, completed=2)


def test_the_whole_runs_from_its_first_task_to_its_last():
    lab = Lab(machine(cores=1))
    first = lab.send(Submitted(array(10, 2)))
    assert states(first, 10) == [State.PENDING, State.RUNNING]
    assert states(end(lab, 11), 10) == []
    done = last_record(end(lab, 12), 10)
    assert (done.state, done.result) == (State.DONE, Result.COMPLETED)
    assert done.tasks == TaskCounts(completed=2)
    assert lab.state(10) is State.DONE


def test_one_task_fails_the_others_go_on_and_the_whole_failed():
    lab = Lab(machine(cores=1))
    lab.submit(array(10, 3))
    assert started(end(lab, 11, code=1)) == [12]
    end(lab, 12)
    done = last_record(end(lab, 13), 10)
    assert done.result is Result.FAILED
    assert done.reason == Reason(ReasonCode.TASKS_FAILED, {"failed": 1, "tasks": 3})


def test_no_more_than_allowed_at_once():
    lab = Lab(machine(cores=4))
    assert lab.submit(array(10, 5, 2)) == [11, 12]
    why = lab.scheduler.waiting(10, 0.0).reason
    assert why == Reason(ReasonCode.ARRAY_TASK_LIMIT, {"max_running": 2})
    assert lab.submit(job(30, ask(2))) == [30]
    assert started(end(lab, 11)) == [13]


def test_a_job_that_came_later_waits_for_all_tasks_and_one_that_fits_beside_does_not():
    lab = Lab(machine(cores=2))
    lab.submit(array(10, 4, limit_s=100.0), job(30, limit_s=10.0))
    assert started(end(lab, 11)) == [13]
    assert started(end(lab, 12)) == [14]
    assert started(end(lab, 13)) == [30]


def test_by_index_nobody_waits_for_a_whole_array_that_has_aged():
    lab = Lab(machine(cores=1), DEFAULT)
    lab.submit(array(10, 1000, limit_s=50.0))
    lab.submit(job(5000, limit_s=50.0, submitted_at=20.0), now=20.0)
    waits, now, number = True, 30.0, 11
    while waits and number < 40:
        began = started(end(lab, number, now=now))
        waits, number, now = began != [5000], number + 1, now + 30.0
    assert not waits


@pytest.mark.parametrize("backfill", list(Backfill))
def test_all_tasks_run_under_every_policy(backfill):
    lab = Lab(machine(cores=3), Policy(backfill))
    running = lab.submit(array(10, 20, limit_s=10.0))
    begun = []
    while running:
        begun.append(running.pop(0))
        running += started(end(lab, begun[-1]))
    assert begun == [*range(11, 31)]
    assert lab.state(10) is State.DONE


def test_cancel_of_the_whole_stops_what_runs_and_drops_the_rest():
    lab = Lab(machine(cores=2))
    lab.submit(array(10, 5), job(30, dependencies=after("afterany", 10)))
    end(lab, 11)
    actions = lab.send(CancelRequested(10))
    assert [stop.job_id for stop in only(Stop, actions)] == [12, 13]
    assert states(actions, 10) == [State.STOPPING]
    lab.send(CancelRequested(10))
    assert started(end(lab, 12)) == []
    last = end(lab, 13)
    done = last_record(last, 10)
    assert (done.result, done.tasks) == (Result.CANCELLED, TaskCounts(completed=1, cancelled=4))
    assert started(last) == [30]


def test_cancel_before_anything_began_is_done_at_once():
    lab = Lab(machine(cores=1))
    lab.submit(job(1), array(10, 5))
    done = last_record(lab.send(CancelRequested(10)), 10)
    assert (done.state, done.tasks) == (State.DONE, TaskCounts(cancelled=5))


def test_cancel_after_the_last_task_began():
    lab = Lab(machine(cores=2))
    lab.submit(array(10, 2))
    assert states(lab.send(CancelRequested(10)), 10) == [State.STOPPING]
    end(lab, 11)
    assert last_record(end(lab, 12), 10).result is Result.CANCELLED


def test_cancel_of_one_task_that_runs_and_of_one_that_waits():
    lab = Lab(machine(cores=1))
    lab.submit(array(10, 4))
    actions = lab.send(CancelRequested(13))
    skipped = last_record(actions, 13)
    assert (skipped.result, skipped.array) == (Result.CANCELLED, 10)
    lab.send(CancelRequested(13))
    lab.send(CancelRequested(11))
    assert started(lab.send(Exited(job_id=11, signal=15))) == [12]
    assert started(end(lab, 12)) == [14]
    done = last_record(end(lab, 14), 10)
    assert done.tasks == TaskCounts(completed=2, cancelled=2)
    assert done.result is Result.CANCELLED


def test_cancel_of_every_task_one_by_one():
    lab = Lab(machine(cores=1))
    lab.submit(job(1), array(10, 2))
    lab.send(CancelRequested(12))
    done = last_record(lab.send(CancelRequested(11)), 10)
    assert (done.state, done.result) == (State.DONE, Result.CANCELLED)


def test_a_task_that_has_not_begun_can_only_be_cancelled():
    lab = Lab(machine(cores=1))
    lab.submit(array(10, 2))
    with pytest.raises(StateConflict, match="has not begun"):
        lab.send(TimeLimitChanged(12, 5.0))
    with pytest.raises(UnknownJob):
        lab.send(CancelRequested(13))
    end(lab, 11)
    with pytest.raises(StateConflict, match="all tasks of array 10 have begun"):
        lab.send(TimeLimitChanged(10, 5.0))


def test_what_is_changed_of_the_rest_holds_for_later_tasks():
    lab = Lab(machine(cores=1))
    lab.submit(array(10, 2, limit_s=100.0))
    lab.send(TimeLimitChanged(10, 7.0))
    end(lab, 11)
    lab.send(Started(12), now=1.0)
    assert [stop.job_id for stop in only(Stop, lab.send(Ticked(), now=8.0))] == [12]


def test_held_the_rest_waits_and_what_runs_goes_on():
    lab = Lab(machine(cores=1))
    lab.submit(array(10, 3))
    assert states(lab.send(Held(10)), 10) == [State.HELD]
    assert started(end(lab, 11)) == []
    actions = lab.send(Released(10))
    assert started(actions) == [12]
    assert states(actions, 10) == [State.RUNNING]


def test_one_image_for_all():
    lab = Lab(machine(cores=2))
    assert only(FetchImage, lab.send(Submitted(array(10, 3, image_ready=False)))) == [
        FetchImage(10)
    ]
    assert started(lab.send(ImageReady(10))) == [11, 12]
    other = Lab()
    other.submit(array(10, 3, image_ready=False))
    done = last_record(other.send(ImageFailed(10, Reason(ReasonCode.IMAGE_FAILED))), 10)
    assert (done.result, done.tasks) == (Result.FAILED, TaskCounts(cancelled=3))


@pytest.mark.parametrize(
    ("kind", "codes", "runs"),
    [
        ("afterok", (0, 0), True),
        ("afterok", (0, 1), False),
        ("afterarray", (0, 1), True),
        ("afternotok", (0, 1), True),
        ("afternotok", (0, 0), False),
    ],
)
def test_dependencies_on_an_array(kind, codes, runs):
    lab = Lab(machine(cores=1))
    lab.submit(array(10, 2), job(30, dependencies=after(kind, 10)))
    assert started(end(lab, 11, codes[0])) == [12]
    actions = end(lab, 12, codes[1])
    assert (started(actions) == [30]) is runs
    assert (lab.state(30) is State.DONE) is not runs


def test_an_array_that_depends_is_skipped_as_a_whole():
    lab = Lab()
    lab.submit(job(1), array(10, 3, dependencies=after("afterok", 1)))
    done = last_record(end(lab, 1, code=1), 10)
    assert (done.result, done.tasks) == (Result.SKIPPED, TaskCounts(cancelled=3))


def test_restarted_in_the_middle_it_goes_on_at_the_right_task():
    """11 completed, 12 and 13 run, 15 was cancelled before it began; 14 and 16 are left."""
    core = Scheduler(machine(cores=3))
    rows = [
        Restored(job=job(12, array=10), state=State.RUNNING, started_at=5.0),
        Restored(
            job=array(10, 6, 2),
            state=State.RUNNING,
            started_at=1.0,
            progress=Progress(3, frozenset({4}), {Result.COMPLETED: 1, Result.CANCELLED: 1}),
        ),
        Restored(job=job(13, array=10), state=State.STARTING, starting_at=6.0),
    ]
    assert started(core.restore(rows, 10.0)) == []
    counts = core.tasks_of(10)
    assert counts == TaskCounts(pending=2, running=2, completed=1, cancelled=1)
    assert started(core.handle(Exited(job_id=12, exit_code=0), 11.0)) == [14]
    assert started(core.handle(Exited(job_id=13, exit_code=0), 12.0)) == [16]
    core.handle(Exited(job_id=14, exit_code=0), 13.0)
    done = last_record(core.handle(Exited(job_id=16, exit_code=0), 14.0), 10)
    assert done.tasks == TaskCounts(completed=5, cancelled=1)


def test_restarted_while_its_last_tasks_stop_it_ends_cancelled():
    core = Scheduler(machine())
    reason = Reason(ReasonCode.USER_CANCEL)
    rows = [
        Restored(
            job=array(10, 6),
            state=State.STOPPING,
            stop_reason=reason,
            progress=Progress(1),
        ),
        Restored(job=job(11, array=10), state=State.STOPPING, stop_reason=reason),
    ]
    assert only(Stop, core.restore(rows, 10.0)) == [Stop(11, 10.0)]
    done = last_record(core.handle(Exited(job_id=11, signal=15), 11.0), 10)
    assert (done.result, done.tasks) == (Result.CANCELLED, TaskCounts(cancelled=6))


def test_an_array_the_machine_can_no_longer_hold_ends_with_the_reason():
    core = Scheduler(machine(cores=2))
    row = Restored(job=job(10, ask(4), tasks=TaskBlock(11, 6)), state=State.PENDING)
    done = last_record(core.restore([row], 10.0), 10)
    assert done.reason is not None
    assert done.reason.code is ReasonCode.MACHINE_CHANGED


def test_a_hundred_thousand_tasks_are_one_entry():
    lab = Lab(machine(cores=2))
    before = time.perf_counter()
    actions = lab.scheduler.handle(Submitted(array(10, 100_000, limit_s=9.0)), 0.0)
    took_s = time.perf_counter() - before
    assert started(actions) == [11, 12]
    assert len(lab.scheduler._jobs.queue) == 1
    assert [*lab.scheduler.waiting_all(0.0)] == [10]
    print(f"100,000 tasks accepted in {1000 * took_s:.2f} ms")
