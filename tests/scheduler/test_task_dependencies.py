"""Jobs that wait for one task of an array, begun or not."""

from __future__ import annotations

import pytest
from scheduler_lab import Lab, ask, job, last_record, machine, only, started

from jupyter_hpccontainers.model.dependencies import Dependency, DependencyKind
from jupyter_hpccontainers.model.reasons import sentence
from jupyter_hpccontainers.model.resources import Allocation
from jupyter_hpccontainers.model.states import Reason, ReasonCode, Result, State
from jupyter_hpccontainers.scheduler import (
    CancelRequested,
    Edge,
    Exited,
    ImageFailed,
    Progress,
    Record,
    Restored,
    Scheduler,
    Started,
    Submission,
    TaskBlock,
)
from jupyter_hpccontainers.scheduler.foresight import Foresight


def array(number: int, count: int, *, most: int | None = None, **given) -> Submission:
    """Return an array, whose indexes begin at 1; task 3 of array 10 is job 13."""
    resources = given.pop("resources", None)
    return job(number, resources, tasks=TaskBlock(number + 1, count, most), **given)


def after(number: int, index: int, kind: str = "afterok", result: Result | None = None):
    """Return a dependency on the task of an array."""
    return (Edge(Dependency(DependencyKind(kind), number, index), result, number + index),)


def ended(lab: Lab, number: int, code: int = 0):
    """Let a task that was started end."""
    lab.send(Started(number))
    return lab.send(Exited(job_id=number, exit_code=code))


def test_it_starts_with_its_task_s_end_and_not_with_the_array_s():
    lab = Lab(machine(cores=1))
    assert lab.submit(array(10, 5)) == [11]
    lab.submit(job(20, dependencies=after(10, 2), submitted_at=0.0))
    why = lab.scheduler.waiting(20, 0.0).reason
    assert why.details["unmet"] == [{"kind": "afterok", "job": 10, "index": 2}]
    assert sentence(why) == "waits for job 10_2 to complete"
    assert started(ended(lab, 11)) == [12]
    assert started(ended(lab, 12)) == [20]
    assert lab.scheduler.tasks_of(10).pending == 3


def test_one_of_an_array_that_is_throttled():
    lab = Lab(machine(cores=4))
    assert lab.submit(array(10, 3, most=1)) == [11]
    assert lab.submit(job(20, dependencies=after(10, 2))) == []
    assert started(ended(lab, 11)) == [12]
    assert started(ended(lab, 12)) == [13, 20]


@pytest.mark.parametrize("kind", ["afterok", "afternotok", "afterany"])
@pytest.mark.parametrize("code", [0, 1])
def test_each_kind_means_the_task(kind, code):
    lab = Lab(machine(cores=1))
    lab.submit(array(10, 2, most=1), job(20, dependencies=after(10, 2, kind)))
    ended(lab, 11, 1 - code)
    actions = ended(lab, 12, code)
    runs = {"afterok": code == 0, "afternotok": code == 1, "afterany": True}[kind]
    assert started(actions) == ([20] if runs else [])
    if not runs:
        result = "FAILED" if code else "COMPLETED"
        details = {"kind": kind, "job": 10, "index": 2, "result": result}
        never = Reason(ReasonCode.DEPENDENCY_NEVER_SATISFIED, details)
        assert last_record(actions, 20).reason == never
        assert sentence(never) == f"job 10_2 ended {result}, so {kind}:10_2 can never be met"


def test_a_task_that_is_cancelled_before_it_begins():
    lab = Lab(machine(cores=1))
    lab.submit(array(10, 3))
    lab.submit(job(20, dependencies=after(10, 3)), job(21, dependencies=after(10, 3, "afterany")))
    actions = lab.send(CancelRequested(13))
    assert last_record(actions, 20).result is Result.SKIPPED
    lab.submit(job(22, dependencies=after(10, 3)))
    assert lab.state(22) is State.DONE
    assert started(ended(lab, 11)) == [12]
    assert started(ended(lab, 12)) == [21]


def test_an_array_that_is_cancelled_judges_at_once_who_waits_for_what_never_begins():
    lab = Lab(machine(cores=1))
    lab.submit(array(10, 3))
    lab.send(Started(11))
    for number, index in ((20, 1), (21, 2)):
        lab.submit(job(number, dependencies=after(10, index)))
    lab.submit(job(22, dependencies=after(10, 3, "afternotok")))
    actions = lab.send(CancelRequested(10))
    assert last_record(actions, 21).reason.details["result"] == "CANCELLED"
    assert (lab.state(20), lab.state(22), lab.state(10)) == (
        State.PENDING, State.PENDING, State.STOPPING,
    )  # fmt: skip
    # Who comes while its last task still stops, and who comes later: nobody waits for ever.
    lab.submit(job(23, dependencies=after(10, 3)), job(24, dependencies=after(10, 1)))
    assert (lab.state(23), lab.state(24)) == (State.DONE, State.PENDING)
    actions = lab.send(Exited(job_id=11, signal=15))
    assert started(actions) == [22]
    assert {r.job_id for r in only(Record, actions) if r.result is Result.SKIPPED} == {20, 24}
    lab.submit(job(25, dependencies=after(10, 2)), job(26, dependencies=after(10, 4, "afterok")))
    assert lab.state(25) is State.DONE
    assert lab.state(26) is State.PENDING, "no task of it: nobody has heard of that number"


@pytest.mark.parametrize("how", ["its image", "its own parent"])
def test_an_array_that_ends_before_any_task(how):
    lab = Lab()
    lab.submit(job(1), array(10, 3, image_ready=False, dependencies=(PARENT,)))
    lab.submit(job(20, dependencies=after(10, 2)), job(21, dependencies=after(10, 2, "afternotok")))
    if how == "its image":
        actions = lab.send(ImageFailed(10, Reason(ReasonCode.IMAGE_FAILED)))
    else:
        actions = ended(lab, 1, code=1)
    told = "FAILED" if how == "its image" else "SKIPPED"
    assert last_record(actions, 20).reason.details["result"] == told
    assert started(actions) == [21]


PARENT = Edge(Dependency(DependencyKind.AFTEROK, 1))


HELD = Allocation((0,), ask().memory_bytes)


def row(one: Submission, state: State = State.PENDING, **given) -> Restored:
    """Return a row as a store has it."""
    return Restored(job=one, state=state, **given)


def test_after_a_restart_it_waits_on():
    again = Scheduler(machine(cores=1))
    rows = [
        row(array(10, 5), State.RUNNING, progress=Progress(1), started_at=1.0),
        row(job(11, array=10), State.RUNNING, started_at=1.0, allocation=HELD),
        row(job(20, dependencies=after(10, 2), submitted_at=0.0)),
    ]
    assert started(again.restore(rows, 10.0)) == []
    assert started(again.handle(Exited(job_id=11, exit_code=0), 11.0)) == [12]
    assert started(again.handle(Exited(job_id=12, exit_code=0), 12.0)) == [20]


def test_after_a_restart_it_knows_what_never_begins():
    again = Scheduler(machine(cores=1))
    rows = [
        row(array(10, 5), State.STOPPING, progress=Progress(2), started_at=1.0),
        row(job(12, array=10), State.STOPPING, started_at=1.0, allocation=HELD),
        row(job(20, dependencies=after(10, 1, result=Result.COMPLETED))),
        row(job(21, dependencies=after(10, 2))),
        row(job(22, dependencies=after(10, 3))),
    ]
    actions = again.restore(rows, 10.0)
    assert last_record(actions, 22).result is Result.SKIPPED
    assert started(actions) == []
    assert started(again.handle(Exited(job_id=12, exit_code=0), 11.0)) == [20]
    assert again.state_of(21) is State.PENDING, "task 2 ended well before it could be stopped"


def test_an_array_the_machine_can_t_hold_any_more():
    again = Scheduler(machine(cores=1))
    rows = [row(array(10, 5, resources=ask(4))), row(job(20, dependencies=after(10, 2)))]
    actions = again.restore(rows, 10.0)
    assert last_record(actions, 20).reason.details["result"] == "FAILED"


def test_its_start_is_foretold():
    lab = Lab(machine(cores=1))
    lab.submit(array(10, 3, limit_s=100.0), now=0.0)
    lab.send(Started(11))
    asked = job(20, limit_s=10.0, dependencies=after(10, 2), submitted_at=0.0)
    told = Foresight(lab.scheduler).dry_run(asked, 0.0)
    assert (told.predicted_start, told.exact, told.after) == (200.0, True, (12,))
