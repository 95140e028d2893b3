"""What is foretold is what then happens, and asking changes nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from foresight_world import (
    APART,
    AROUND,
    POLICIES,
    STORIES,
    Truth,
    asked_of,
    random_state,
    submissions,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduler_lab import GiB, Lab, ask, job, machine, started

from jupyter_hpccontainers.model.dependencies import Dependency, DependencyKind
from jupyter_hpccontainers.model.errors import NeverFits, StateConflict
from jupyter_hpccontainers.model.explanation import Change
from jupyter_hpccontainers.model.job import Priority
from jupyter_hpccontainers.model.resources import Allocation, Resources
from jupyter_hpccontainers.model.states import ReasonCode, Result, State
from jupyter_hpccontainers.scheduler import (
    DrainChanged,
    Exited,
    ImageReady,
    Order,
    Policy,
    Scheduler,
    Started,
    Submission,
    Submitted,
    Suspended,
    Ticked,
)
from jupyter_hpccontainers.scheduler.events import Edge, TaskBlock
from jupyter_hpccontainers.scheduler.foresight import Foresight


@pytest.mark.timeout(600)
@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(POLICIES), STORIES, submissions(), st.sampled_from([0, 1, 20]))
def test_a_dry_run_says_what_then_happens(policy, story, asked, gap):
    truth = random_state(policy, story)
    truth.go_on(truth.now + gap)
    truth.take_whole_limits()
    known = [number * APART for number in range(1, len(story) + 1)]
    known = [number for number in known if number in truth.scheduler.jobs]
    asked = {**asked_of(1000, asked, known), "image_ready": True, "held": False}
    tried = job(1000, submitted_at=truth.now, **AROUND, **asked)
    before = state_of(truth.scheduler)
    told = Foresight(truth.scheduler).dry_run(tried, truth.now)
    assert state_of(truth.scheduler) == before
    if told.never:
        with pytest.raises(NeverFits):
            truth.scheduler.handle(Submitted(tried), truth.now)
        return
    verify_changes(truth, tried, told.changes)
    images = missing_images(truth)
    truth.submit(tried)
    assert (told.allocation is not None) == (1000 in truth.starts)
    truth.send(*images)
    truth.go_on(math.inf)
    assert told.predicted_start == truth.starts.get(1000)


def verify_changes(truth: Truth, tried: Submission, changes: tuple[Change, ...]) -> None:
    """See that each change does start the job now, on a scheduler that has seen nothing else."""
    for change in changes:
        amounts = tried.resources
        changed = replace(
            tried,
            resources=Resources(
                change.cores or amounts.cores,
                change.memory_bytes or amounts.memory_bytes,
                change.gpus or amounts.gpus,
            ),
            limit_s=change.time_limit_s or tried.limit_s,
            priority=change.priority or tried.priority,
        )
        told = Foresight(truth.scheduler).dry_run(changed, truth.now)
        assert told.allocation is not None
        assert (told.predicted_start, told.changes) == (truth.now, ())


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(POLICIES), STORIES)
def test_every_waiting_job_is_foretold_its_start(policy, story):
    truth = random_state(policy, story)
    truth.take_whole_limits()
    foresight = Foresight(truth.scheduler)
    told = dict(foresight.starts(truth.now))
    before = state_of(truth.scheduler)
    waiting = [e.job.job_id for e in truth.scheduler.jobs.entries() if e.state.waits]
    explained = [foresight.explain(number, truth.now) for number in waiting]
    assert state_of(truth.scheduler) == before
    assert {n: one.predicted_start for n, one in zip(waiting, explained, strict=True)} == {
        n: told.get(n) for n in waiting
    }
    places = truth.scheduler.waiting_all(truth.now)
    assert [(one.position, one.reason, one.ahead) for one in explained] == [
        (places[n].position, places[n].reason, places[n].ahead) for n in waiting
    ]
    truth.send(*missing_images(truth))
    truth.go_on(math.inf)
    assert told == {n: truth.starts[n] for n in waiting if n in truth.starts}


def missing_images(truth: Truth) -> list[ImageReady]:
    """Return the arrival of every image that is missing."""
    entries = truth.scheduler.jobs.entries()
    return [ImageReady(e.job.job_id) for e in entries if e.state.waits and not e.image_ready]


def busy(*jobs: Submission) -> Foresight:
    """Return what foresees 4 cores, 2 GPUs, 16 GiB where job 1 holds half until 100 s."""
    lab = Lab(machine(cores=4, gpus=2, memory=16))
    for one in (job(1, ask(2, 8, 1), limit_s=100.0, **AROUND), *jobs):
        for begun in lab.submit(one):
            lab.send(Started(begun))
    return Foresight(lab.scheduler)


def asks(number: int = 2, cores: int = 1, memory: int = 1, gpus: int = 0, **given: object):
    """Return a submission of 50 s."""
    return job(number, ask(cores, memory, gpus), **{"limit_s": 50.0, **AROUND, **given})


class TestSmallestChange:
    @pytest.mark.parametrize(
        ("asked", "change"),
        [
            (asks(cores=4), Change(cores=2)),
            (asks(gpus=2), Change(gpus=1)),
            (asks(memory=12), Change(memory_bytes=8 * GiB)),
            (asks(cores=3, memory=12), Change(cores=2, memory_bytes=8 * GiB)),
        ],
    )
    def test_is_what_lacks(self, asked, change):
        told = busy().dry_run(asked, 0.0)
        assert told.changes == (change,)
        assert (told.predicted_start, told.after) == (100, (1,))
        assert told.reason.code is ReasonCode.RESOURCES

    def test_may_be_a_time_limit_that_lets_it_pass_the_head_or_a_higher_class(self):
        told = busy(asks(2, cores=4)).dry_run(asks(3, limit_s=600.0), 0.0)
        assert told.changes == (Change(time_limit_s=100.0), Change(priority=Priority.URGENT))
        assert (told.ahead, told.predicted_start) == ((2,), 150)

    def test_memory_that_was_not_asked_for_follows_the_cores(self):
        told = busy().dry_run(asks(cores=4, memory=12), 0.0, memory_per_core_bytes=3 * GiB)
        assert told.changes == (Change(cores=2),)

    def test_none_where_nothing_helps(self):
        told = busy(asks(2, cores=2, limit_s=40.0)).dry_run(asks(3, cores=2), 0.0)
        assert told.changes == ()
        assert (told.predicted_start, told.after) == (40, (2,))

    def test_of_a_job_that_waits_keeps_its_place(self):
        foresight = busy(asks(2, cores=4), asks(3, cores=4, limit_s=500.0))
        assert foresight.explain(2, 0.0).changes == (Change(cores=2),)
        assert foresight.explain(3, 0.0).changes == ()


class TestDryRun:
    def test_tells_what_it_would_be_given(self):
        told = busy().dry_run(asks(cores=2, gpus=1), 7.0)
        assert (told.predicted_start, told.changes, told.reason) == (7, (), None)
        assert told.allocation == Allocation((2, 3), GiB, (1,))

    def test_never_with_what_the_machine_has(self):
        told = busy().dry_run(asks(gpus=3), 0.0)
        assert told.never == "asks 3 GPUs, the machine has 2"
        assert told.changes == (Change(gpus=1),)

    def test_behind_an_unknown_end_nobody_knows(self):
        told = busy(asks(2, cores=2, limit_s=None)).dry_run(asks(3, cores=3), 0.0)
        assert (told.predicted_start, told.exact, told.after) == (None, True, ())

    def test_whether_its_image_is_here_is_left_aside(self):
        assert busy().dry_run(asks(image_ready=False), 0.0).allocation is not None


def test_a_held_job_has_no_start_and_says_so():
    told = busy(asks(2, held=True)).explain(2, 0.0)
    assert (told.reason.code, told.predicted_start, told.changes) == (
        ReasonCode.USER_HOLD, None, (),
    )  # fmt: skip


def test_a_job_that_runs_is_not_explained():
    with pytest.raises(StateConflict):
        busy().explain(1, 0.0)


def test_with_very_many_ahead_it_is_an_estimate():
    jobs = [asks(n, cores=4) for n in range(2, 42)]
    told = Foresight(busy(*jobs)._scheduler, most_work=2000).dry_run(asks(99, cores=4), 0.0)
    assert (told.predicted_start, told.exact) == (100 + 40 * 50, False)


def test_predictions_are_kept_until_something_happens():
    foresight = busy(asks(2, cores=4))
    told = foresight.starts(0.0)
    assert foresight.starts(50.0) is told
    foresight._scheduler.handle(Exited(job_id=1, exit_code=0), 60.0)
    assert foresight.starts(60.0) == {}


def test_an_overdue_end_is_expected_at_any_moment():
    foresight = busy(asks(2, cores=4))
    foresight._scheduler.handle(Ticked(), 100.0)
    assert foresight.starts(200.0) == {2: 201}


def state_of(scheduler: Scheduler) -> object:
    """Return all a scheduler would show, history and yardstick included."""
    jobs = scheduler.jobs
    return (
        [repr(entry) for entry in jobs.entries()],
        scheduler.allocations(),
        jobs.queue.changes,
        jobs.holdings.changes,
        repr(deep(scheduler._ordering)),
        scheduler._promises.promised(),
    )


def deep(value: object) -> object:
    """Return the attributes of an object and of those it is made of."""
    if type(value).__module__.startswith("jupyter_hpccontainers") and hasattr(value, "__dict__"):
        return {name: deep(one) for name, one in vars(value).items()}
    return value


def test_of_an_array_the_next_task_is_foretold():
    tasks = TaskBlock(first=50, count=3)
    foresight = busy(asks(2, cores=4), asks(3, cores=2, tasks=tasks))
    assert foresight.starts(0.0)[3] == foresight.explain(3, 0.0).predicted_start == 50
    told = foresight.dry_run(asks(9, cores=2, tasks=replace(tasks, first=90)), 0.0)
    assert (told.predicted_start, told.after) == (150, (2,))


def test_limits_and_drain_are_told_by_the_code_that_decides():
    policy = Policy(user_limits={"a": {"cores": 2}})
    lab = Lab(machine(cores=4), policy)
    lab.submit(asks(1, cores=2, user="a", limit_s=100.0))
    lab.send(Started(1))
    told = Foresight(lab.scheduler).dry_run(asks(2, user="a"), 0.0)
    assert (told.reason.code, told.predicted_start) == (ReasonCode.QUOTA, 100)
    assert told.changes == ()
    lab.send(DrainChanged(True))
    told = Foresight(lab.scheduler).dry_run(asks(2), 0.0)
    assert (told.reason.code, told.predicted_start) == (ReasonCode.DRAINED, None)


def test_after_one_that_ended_otherwise_it_would_be_skipped_at_once():
    lab = Lab(machine(cores=1))
    edge = Edge(Dependency(DependencyKind.AFTEROK, 1), Result.FAILED)
    told = Foresight(lab.scheduler).dry_run(job(2, dependencies=(edge,)), 1.0)
    assert (told.state, told.predicted_start) == (State.DONE, None)
    assert told.reason.code is ReasonCode.DEPENDENCY_NEVER_SATISFIED


def test_what_was_tried_is_charged_to_nobody_s_share():
    """With one GPU it would start now; that trial made its user a party to fair share."""
    lab = Lab(machine(cores=8, gpus=2), Policy(order=Order.INDEX, fair_half_life_s=60.0))
    lab.submit(job(1, ask(1), limit_s=5.0, submitted_at=0.0, user="ann", **AROUND))
    lab.send(Started(1))
    lab.submit(job(2, ask(8), limit_s=5.0, submitted_at=0.0, user="ann", **AROUND))
    tried = job(3, ask(1, gpus=2), limit_s=30.0, submitted_at=0.0, user="bob", **AROUND)
    told = Foresight(lab.scheduler).dry_run(tried, 0.0)
    assert Change(gpus=1) in told.changes
    assert lab.submit(tried) == []
    assert started(lab.send(Exited(job_id=1, exit_code=0), 5.0)) == [2]
    assert started(lab.send(Exited(job_id=2, exit_code=0), 10.0)) == [3]
    assert told.predicted_start == 10.0


class TestNoLimit:
    """Who gave no limit is taken to last as such jobs did; without one it is told by its number."""

    def after_runs(self, *runs_s: float) -> Lab:
        """Return a full machine: a job without limit runs, and such jobs took so long before."""
        lab = Lab(machine(cores=2), Policy(order=Order.INDEX))
        now, usual = 0.0, {"user": "ann", "kind": "fit", "limit_s": None}
        for number, run_s in enumerate(runs_s, start=1):
            lab.submit(job(number, ask(2), submitted_at=now, **AROUND, **usual), now=now)
            lab.send(Started(number), now)
            now += run_s
            lab.send(Exited(job_id=number, exit_code=0), now)
        lab.submit(job(9, ask(2), submitted_at=now, **AROUND, **usual), now=now)
        lab.send(Started(9), now)
        return lab

    def test_its_end_is_that_of_the_last_two_of_its_kind(self):
        lab = self.after_runs(500.0, 100.0, 200.0)
        told = Foresight(lab.scheduler).dry_run(asks(10), 850.0)
        assert (told.predicted_start, told.after, told.guessed) == (950.0, (9,), (9,))
        lab.submit(asks(11), now=850.0)
        assert Foresight(lab.scheduler).explain(11, 850.0).guessed == (9,)
        assert Foresight(lab.scheduler).starts(850.0) == {11: 950.0}

    def test_who_waits_without_a_limit_is_taken_so_too(self):
        lab = self.after_runs(100.0, 200.0)
        lab.submit(job(10, ask(2), submitted_at=300.0, user="ann", kind="fit", **AROUND), now=300.0)
        last = job(11, ask(2), submitted_at=301.0, priority=Priority.BEST_EFFORT, **AROUND)
        # Job 9 ends at 450 then, after 150 s, so that job 10 takes 175.
        told = Foresight(lab.scheduler).dry_run(last, 301.0)
        assert (told.predicted_start, told.guessed) == (625.0, (9, 10))

    @pytest.mark.parametrize("runs_s", [(), (100.0,)])
    def test_without_such_jobs_or_after_their_time_nobody_knows_and_is_named(self, runs_s):
        lab = self.after_runs(*runs_s)
        told = Foresight(lab.scheduler).dry_run(asks(10), 250.0)
        assert (told.predicted_start, told.endless, told.guessed) == (None, (9,), ())

    def test_a_suspended_job_is_named(self):
        lab = Lab(machine(cores=1), Policy())
        lab.submit(job(1, ask(1), limit_s=10.0, **AROUND))
        lab.send(Started(1))
        lab.send(Suspended(1))
        told = Foresight(lab.scheduler).dry_run(asks(2), 1.0)
        assert (told.predicted_start, told.endless) == (None, (1,))

    def test_a_promise_never_rests_on_it(self):
        lab = self.after_runs(100.0, 200.0)
        lab.submit(asks(10, cores=2), now=300.0)
        assert lab.scheduler.reservation(300.0).at == math.inf
