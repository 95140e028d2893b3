"""Random lives of random machines: what must hold after every step, whatever happened.

HPCC_HYPOTHESIS=long runs 5,000 lives of 50 steps, others each time, instead of the same 300 of 30.
"""

from __future__ import annotations

import math
import os
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from scheduler_lab import GiB, job, machine
from scheduler_world import Amounts, Known, World, amounts, fits, less

from jupyter_hpccontainers.model.dependencies import Dependency, DependencyKind
from jupyter_hpccontainers.model.errors import NeverFits, StateConflict
from jupyter_hpccontainers.model.job import Priority
from jupyter_hpccontainers.model.machine import OthersUse
from jupyter_hpccontainers.model.resources import Resources
from jupyter_hpccontainers.model.states import Reason, ReasonCode, State
from jupyter_hpccontainers.scheduler import (
    Action,
    CancelRequested,
    Changed,
    Edge,
    Event,
    Exited,
    Held,
    ImageFailed,
    ImageReady,
    OthersChanged,
    Released,
    Restored,
    Resumed,
    Slept,
    Start,
    Started,
    StartFailed,
    Submitted,
    Suspended,
    Ticked,
    TimeLimitChanged,
)

#: Few different limits, so that ends often meet; most jobs have one, so that most heads know when.
LIMITS = st.sampled_from([10.0, 10.0, 20.0, 20.0, 40.0, 80.0, None])
CLASSES = st.sampled_from([Priority.NORMAL, Priority.NORMAL, Priority.BEST_EFFORT])
EXITS = st.sampled_from(
    [{"exit_code": 0}, {"exit_code": 3}, {"signal": 9}, {"exit_code": 137, "oom_killed": True}, {}]
)
ASKED = st.builds(
    Resources,
    cores=st.integers(1, 4),
    memory_bytes=st.sampled_from([0, 0, 0, 1, 2, 4]).map(lambda n: n * GiB),
    gpus=st.sampled_from([0, 0, 0, 0, 1, 2]),
)


def total(jobs: list[Known]) -> Amounts:
    """Return what jobs ask together."""
    return tuple(map(sum, zip((0, 0, 0), *(one.asked for one in jobs), strict=True)))


class LivesOfAMachine(RuleBasedStateMachine):
    """Sends events as an engine would, never later than it was told to wake."""

    @initialize(
        cores=st.integers(2, 4),
        gpus=st.integers(0, 2),
        memory=st.integers(4, 8),
        nodes=st.integers(1, 2),
        threads=st.integers(1, 2),
    )
    def begin(self, **given: int) -> None:
        self.begin_in(World(machine(**given)))

    def begin_in(self, world: World) -> None:
        """Begin with the scheduler of a world without jobs."""
        self.world = world
        self.scheduler, self.again = world.scheduler(), world.scheduler()
        self.story: list[tuple[list[Event], float]] = []
        self.told: list[list[Action]] = [[]]
        self.restored: tuple[list[Restored], float] = ([], 0.0)
        self.head: int | None = None
        self.promise = math.inf
        self.went_past: set[int] = set()

    # ------------------------------------------------------------------------------ what happens

    @rule(some=st.lists(st.tuples(ASKED, LIMITS, CLASSES), min_size=1, max_size=4))
    def submit(self, some) -> None:
        names = ("asked", "limit_s", "priority")
        self.submit_all([dict(zip(names, given, strict=True)) for given in some])

    @rule(
        asked=ASKED,
        limit_s=LIMITS,
        priority=st.sampled_from(Priority),
        image_ready=st.booleans(),
        held=st.sampled_from([False, False, True]),
        begin_in=st.none() | st.integers(-5, 50),
        retries=st.sampled_from([0, 2]),
        retry_on=st.sampled_from([(), (), (3,)]),
        signal_before_s=st.sampled_from([None, 5.0, 15.0]),
        requeue=st.booleans(),
    )
    def submit_special(self, begin_in, **given) -> None:
        begin_at = None if begin_in is None else self.world.now + begin_in
        self.submit_all([{"begin_at": begin_at, **given}])

    @rule(
        data=st.data(),
        some=st.lists(st.sampled_from(DependencyKind), min_size=1, max_size=3),
        asked=ASKED,
        limit_s=LIMITS,
        held=st.sampled_from([False, False, True]),
        begin_in=st.none() | st.integers(0, 50),
    )
    @precondition(lambda self: self.world.jobs)
    def submit_dependent(self, data, some, asked, limit_s, held, begin_in) -> None:
        parents = [self.one(data, lambda one: True) for _ in some]
        edges = tuple(
            Edge(Dependency(kind, parent.job.job_id), parent.result)
            for kind, parent in zip(some, parents, strict=True)
        )
        begin_at = None if begin_in is None else self.world.now + begin_in
        more = {"dependencies": edges, "held": held, "begin_at": begin_at}
        self.submit_all([{"asked": asked, "limit_s": limit_s, **more}])

    @rule(more=st.sampled_from([(1, 0, 0), (0, 1, 0), (0, 0, 1), (3, 3, 3)]))
    def submit_what_never_fits(self, more) -> None:
        asked = Resources(
            *(have + one for have, one in zip(self.world.capacity, more, strict=True))
        )
        assert self.is_refused(Submitted(job(len(self.world.jobs) + 1, asked)), NeverFits)

    def submit_all(self, jobs: list[dict[str, Any]]) -> None:
        """Submit jobs at once, each cut to what the machine has."""
        batch = []
        for given in jobs:
            asked = Resources(*map(min, amounts(given.pop("asked")), self.world.most_of(given)))
            number, limit_s = len(self.world.jobs) + 1, given["limit_s"]
            around = {"grace_s": float(number % 2), "start_timeout_s": 5.0}
            one = job(number, asked, submitted_at=self.world.now, **around, **given)
            limit_s = math.inf if limit_s is None else limit_s
            self.world.jobs[number] = Known(one, limit_s, one.image_ready)
            batch.append(one)
        self.send(*(Submitted(one) for one in batch))

    @rule(data=st.data(), there=st.booleans())
    @precondition(lambda self: self.some(lambda one: not one.image_ready))
    def image_comes(self, data, there) -> None:
        one = self.one(data, lambda one: not one.image_ready and one.state.waits)
        if one is None:
            return
        if not there:
            self.send(ImageFailed(one.job.job_id, Reason(ReasonCode.IMAGE_FAILED)))
            return
        one.image_ready = True
        self.send(ImageReady(one.job.job_id))

    @rule(data=st.data(), works=st.sampled_from([True, True, True, False]))
    @precondition(lambda self: self.some(lambda one: one.state is State.STARTING))
    def start(self, data, works) -> None:
        one = self.one(data, lambda one: one.state is State.STARTING)
        number = one.job.job_id
        self.send(
            Started(number) if works else StartFailed(number, Reason(ReasonCode.START_FAILED))
        )

    @rule(data=st.data(), how=EXITS)
    @precondition(lambda self: self.world.holding())
    def exit(self, data, how) -> None:
        one = self.one(data, lambda one: one.state.holds_allocation)
        self.send(Exited(job_id=one.job.job_id, **how))

    @rule(data=st.data(), how=EXITS, began=st.booleans())
    @precondition(lambda self: self.some(lambda one: one.job.attempt > 1))
    def a_late_report_comes(self, data, how, began) -> None:
        """Of an attempt that another followed."""
        one = self.one(data, lambda one: one.job.attempt > 1)
        number, attempt, state = one.job.job_id, one.job.attempt - 1, one.state
        self.send(
            Started(number, attempt=attempt)
            if began
            else Exited(job_id=number, attempt=attempt, **how)
        )
        assert one.state is state

    @rule(data=st.data(), kill=st.booleans())
    @precondition(lambda self: self.world.jobs)
    def cancel(self, data, kill) -> None:
        self.send(CancelRequested(self.one(data, lambda one: True).job.job_id, kill))

    @rule(data=st.data())
    @precondition(lambda self: self.world.waiting())
    def hold_or_release(self, data) -> None:
        one = self.one(data, lambda one: one.state.waits)
        kind = Released if one.state is State.HELD else Held
        self.send(kind(one.job.job_id))

    @rule(data=st.data())
    @precondition(lambda self: self.some(lambda one: one.state is State.RUNNING))
    def suspend(self, data) -> None:
        """Who suspends a job takes what was promised on its end, and nothing else."""
        one = self.one(data, lambda one: one.state is State.RUNNING)
        head = self.world.head()
        one.state = State.SUSPENDED
        if head is not None:
            self.promise = max(self.promise, self.world.promise(head))
        one.state = State.RUNNING
        self.send(Suspended(one.job.job_id))
        assert one.state is State.SUSPENDED
        assert one.stands_still

    @rule(data=st.data(), again=st.booleans())
    @precondition(lambda self: self.some(lambda one: one.state is State.SUSPENDED))
    def resume(self, data, again) -> None:
        """Its time goes on, and may be over by now, where its limit was changed meanwhile."""
        one = self.one(data, lambda one: one.state is State.SUSPENDED)
        number, lasted_s = one.job.job_id, self.world.now - one.suspended_at
        paused_s = one.paused_s + lasted_s
        self.send(*[Resumed(number)] * (1 + again))
        assert one.state in {State.RUNNING, State.STOPPING}
        assert (one.stands_still, one.paused_s) == (False, paused_s)

    @rule(data=st.data(), again=st.booleans())
    @precondition(lambda self: self.world.jobs)
    def suspend_or_resume_what_does_not_run(self, data, again) -> None:
        runs = {State.RUNNING, State.SUSPENDED}
        one = self.one(data, lambda one: one.state not in runs)
        if one is not None:
            event = (Resumed if again else Suspended)(one.job.job_id)
            assert self.is_refused(event, StateConflict)

    @rule(data=st.data(), limit_s=LIMITS)
    @precondition(lambda self: self.world.waiting() or self.world.holding())
    def change_limit(self, data, limit_s) -> None:
        one = self.one(data, lambda one: one.state not in {State.DONE, State.STOPPING})
        if one is None:
            return
        before, head = one.limit_s, self.world.head()
        delayed = self.would_delay(one, head, limit_s) if head else False
        if one.state.holds_allocation:
            delayed = delayed or self.world.becomes_long(one, limit_s or math.inf)
        one.limit_s = math.inf if limit_s is None else limit_s
        if self.is_refused(TimeLimitChanged(one.job.job_id, limit_s), StateConflict):
            one.limit_s = before
            assert delayed or (limit_s is None and self.world.promise(head) == math.inf)
        else:
            assert not delayed
            self.went_past.discard(one.job.job_id)
            if one.job.job_id == self.head:
                # Who asks for something else has no claim to what was promised before.
                self.promise = math.inf

    @rule(
        data=st.data(),
        asked=ASKED,
        limit_s=LIMITS,
        priority=st.sampled_from(Priority),
        begin_in=st.none() | st.integers(-5, 50),
    )
    @precondition(lambda self: self.world.waiting())
    def change(self, data, asked, limit_s, priority, begin_in) -> None:
        one = self.one(data, lambda one: one.state.waits)
        before = one.job, one.limit_s
        begin_at = None if begin_in is None else self.world.now + begin_in
        one.job = replace(one.job, resources=asked, priority=priority, begin_at=begin_at)
        one.limit_s = math.inf if limit_s is None else limit_s
        self.promise = math.inf
        if one.job.job_id == self.head:
            # Who went past it did not stand in the way of what it asked for then.
            self.went_past = set()
        event = Changed(
            job_id=one.job.job_id,
            resources=asked,
            limit_s=limit_s,
            priority=priority,
            begin_at=begin_at,
        )
        most = self.world.most_of({"user": one.job.user, "project": one.job.project})
        refused = not fits(amounts(asked), most)
        self.send(event)
        said, self.world.refused = self.world.refused, []
        assert [type(error) for _, error in said] == [NeverFits] * refused
        if refused:
            one.job, one.limit_s = before

    @rule(memory=st.integers(0, 4), busy=st.sets(st.integers(0, 3), max_size=2))
    def others_come_and_go(self, memory, busy) -> None:
        self.world.others = OthersUse(memory_bytes=memory * GiB, busy_gpus=frozenset(busy))
        self.promise = math.inf
        self.send(OthersChanged(self.world.others))

    @rule(seconds=st.integers(1, 60))
    def time_passes(self, seconds) -> None:
        until = self.world.now + seconds
        while (moment := self.next_moment()) <= until:
            self.world.now = moment
            for one in self.world.holding():
                if one.state is State.STOPPING and one.due <= moment:
                    self.send(Exited(job_id=one.job.job_id, signal=9))
                    self.check_everything()
            if self.world.wake_at <= moment:
                self.send(Ticked())
                self.check_everything()
        self.world.now = until

    @rule(seconds=st.integers(1, 60))
    def the_machine_sleeps(self, seconds) -> None:
        """The time goes on, no limit does; begin times that came meanwhile come then."""
        world = self.world
        world.now += seconds
        for one in world.holding():
            if one.state is State.STARTING:
                one.starting_at += seconds
            elif one.state is State.STOPPING:
                one.stopping_at += seconds
            elif one.state is State.RUNNING:
                one.paused_s += seconds
        self.promise = world.not_before(self.promise + seconds)
        self.send(Slept(seconds))

    @rule()
    def engine_is_killed_and_restarted(self) -> None:
        self.scheduler, self.again = self.world.scheduler(), self.world.scheduler()
        self.world.others = OthersUse()
        self.promise = math.inf
        for one in self.world.jobs.values():
            # The new engine cannot know, and asks a supervisor that does.
            one.signalled = False
            if one.suspended_at is not None:
                one.paused_s += self.world.now - one.suspended_at
                one.suspended_at, one.stands_still = self.world.now, False
        self.restored = (self.world.rows(), self.world.now)
        self.story.clear()
        self.told = [self.scheduler.restore(*self.restored)]
        self.world.believe(self.told[0])

    # ------------------------------------------------------------------------------- what must hold

    @invariant()
    def check_everything(self) -> None:
        self.scheduler.check(self.world.now)
        self.nothing_is_held_twice()
        self.limits_are_kept()
        self.nobody_waits_who_may_start()
        self.nobody_waits_for_whom_others_make_way()
        self.nobody_waits_for_what_never_comes()
        self.who_is_suspended_stands_still()
        self.head_is_not_delayed()
        self.answers_are_true()

    def nothing_is_held_twice(self) -> None:
        holding = self.world.holding()
        cores = [number for one in holding for number in one.allocation.cores]
        gpus = [number for one in holding for number in one.allocation.gpus]
        assert len(cores) == len(set(cores)) <= len(self.world.machine.cores)
        assert len(gpus) == len(set(gpus)) <= len(self.world.machine.gpus)
        memory = sum(one.allocation.memory_bytes for one in holding)
        assert memory <= self.world.machine.memory_bytes
        used = self.scheduler.used()
        assert (used.cores, used.gpus) == (tuple(sorted(cores)), tuple(sorted(gpus)))
        assert used.memory_bytes == memory
        for number, one in self.world.jobs.items():
            assert self.scheduler.state_of(number) is one.state

    def limits_are_kept(self) -> None:
        assert all(one.told_to_stop_at > self.world.now for one in self.world.holding())
        assert all(one.signal_at > self.world.now for one in self.world.holding())

    def nobody_waits_who_may_start(self) -> None:
        world, head = self.world, self.world.head()
        if head is None:
            return
        assert not world.may_now(head), "the head fits and waits"
        known = world.promise(head) < math.inf
        for one in world.candidates()[1:]:
            if world.may_now(one) and not world.kept_off(one):
                ends_at = world.now + one.longest_s
                assert ends_at == math.inf if not known else world.delays(head, one, ends_at)

    def nobody_waits_for_whom_others_make_way(self) -> None:
        """The first, at least, where a limit may keep the second from starting with it."""
        world = self.world
        able = world.preempting() if type(world) is World else world.preempting()[:1]
        assert not able or fits(total(able), world.coming()), "others could make way"

    def nobody_makes_way_in_vain(self, told: list[Known]) -> None:
        """Whoever is told is needed, and what was freed is enough for those who wait for it."""
        wanted, coming = total(self.world.preempting()), self.world.coming()
        for one in told:
            assert not fits(wanted, less(coming, self.world.back(one))), "could be spared"

    def nobody_waits_for_what_never_comes(self) -> None:
        for one in self.world.waiting():
            assert not self.world.edges(one)[1], "it can never run, and waits"

    def who_is_suspended_stands_still(self) -> None:
        for one in self.world.holding():
            if one.state in {State.RUNNING, State.SUSPENDED}:
                assert one.stands_still == (one.state is State.SUSPENDED)

    def head_is_not_delayed(self) -> None:
        head = self.world.head()
        number = head.job.job_id if head else None
        if number != self.head:
            self.head, self.promise, self.went_past = number, math.inf, set()
        if head is None:
            return
        promise = self.world.promise(head)
        assert promise <= self.promise, "the head was delayed"
        self.promise = promise
        room = self.world.capacity
        for one in self.world.holding():
            # One that was told to stop since ends within its grace.
            if one.job.job_id in self.went_past and one.state is not State.STOPPING:
                room = less(room, one.asked)
        assert fits(head.asked, room), "the head must wait for an unlimited job that went past it"

    def answers_are_true(self) -> None:
        world = self.world
        everyone = self.scheduler.waiting_all(world.now)
        assert set(everyone) == {one.job.job_id for one in world.waiting()}
        assert [one.position for one in everyone.values()] == [*range(1, len(everyone) + 1)]
        for number, said in everyone.items():
            one = world.jobs[number]
            assert said.reason.code is self.true_reason(one)
            assert all(world.jobs[ahead].order < one.order for ahead in said.ahead)

    def true_reason(self, one: Known) -> ReasonCode:
        """Return why a job waits, worked out anew."""
        if one.state is State.HELD:
            return ReasonCode.USER_HOLD
        if self.world.edges(one)[0]:
            return ReasonCode.DEPENDENCY
        if one.may_start_at > self.world.now:
            backs_off = one.retry_at == one.may_start_at
            return ReasonCode.BACK_OFF if backs_off else ReasonCode.BEGIN_TIME
        if not one.image_ready:
            return ReasonCode.IMAGE
        limit = self.world.limit_reason(one)
        if limit is not None:
            return limit
        free = self.world.free()
        if fits(one.asked, free):
            return ReasonCode.PRIORITY
        held = {number for other in self.world.holding() for number in other.allocation.gpus}
        busy = {gpu.number for gpu in self.world.machine.gpus} & self.world.others.busy_gpus
        alone = (free[0], free[1] + self.world.others.memory_bytes, free[2] + len(busy - held))
        return ReasonCode.OTHERS if fits(one.asked, alone) else ReasonCode.RESOURCES

    def teardown(self) -> None:
        """The same story told again gives the same actions; ended jobs leave nothing behind."""
        if not hasattr(self, "world"):
            return
        again = self.again
        told = [again.restore(*self.restored)]
        told += [again.handle_all(batch, now) for batch, now in self.story]
        assert repr(told) == repr(self.told)
        while again.allocations():
            for number in again.allocations():
                again.handle(Exited(job_id=number, exit_code=0), self.world.now)
        assert not again.used().cores
        assert not again.used().gpus
        assert again.used().memory_bytes == 0

    # ------------------------------------------------------------------------------------ the ways

    def send(self, *batch: Event) -> None:
        """Send events as one batch, and believe what comes back."""
        made_way = {one.job.job_id for one in self.world.holding() if one.makes_way}
        self.story.append((list(batch), self.world.now))
        self.told.append(self.scheduler.handle_all(batch, self.world.now))
        self.world.believe(self.told[-1])
        told = [one for one in self.world.holding() if one.makes_way]
        if type(self.world) is World:
            self.nobody_makes_way_in_vain([one for one in told if one.job.job_id not in made_way])
        starts = {action.job_id for action in self.told[-1] if isinstance(action, Start)}
        begun = [one for one in self.world.holding() if one.job.job_id in starts]
        head = self.world.head()
        if head is not None and head.job.job_id == self.head:
            self.note_who_passed(head, begun)

    def note_who_passed(self, head: Known, begun: list[Known]) -> None:
        """A job that ranks above the head may delay it; one below that has no limit is noted."""
        if any(one.order < head.order for one in begun):
            self.promise = math.inf
        unlimited = [one for one in begun if one.limit_s == math.inf and one.order > head.order]
        self.went_past |= {one.job.job_id for one in unlimited}

    def is_refused(self, event: Event, error: type[Exception]) -> bool:
        """Send an event, and return whether it was refused."""
        self.send(event)
        refused, self.world.refused = self.world.refused, []
        assert all(isinstance(why, error) for _, why in refused)
        return bool(refused)

    def would_delay(self, one: Known, head: Known, limit_s: float | None) -> bool:
        """Whether another limit for a job that holds something delays a head with a known time."""
        promise = self.world.promise(head)
        if one.state.waits or promise == math.inf or one.due > promise:
            return False
        longer = one.due - one.limit_s + (math.inf if limit_s is None else limit_s)
        return self.world.delays(head, one, longer)

    def next_moment(self) -> float:
        """Return when something must happen next."""
        ends = [one.due for one in self.world.holding() if one.state is State.STOPPING]
        return min([self.world.wake_at, *ends])

    def some(self, which) -> bool:
        """Whether there is such a job."""
        return any(which(one) for one in self.world.jobs.values())

    def one(self, data, which) -> Known | None:
        """Draw one of such jobs."""
        able = [one for one in self.world.jobs.values() if which(one)]
        return data.draw(st.sampled_from(able)) if able else None


settings.register_profile("short", max_examples=300, stateful_step_count=30)
settings.register_profile("long", max_examples=5_000, stateful_step_count=50)
TestLivesOfAMachine = LivesOfAMachine.TestCase
TestLivesOfAMachine.settings = settings(
    settings.get_profile(os.environ.get("HPCC_HYPOTHESIS", "short")),
    derandomize="HPCC_HYPOTHESIS" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
