"""An independent model of a machine and its jobs, written as plainly as possible.

It shares no code with the scheduler: it believes only the actions it is given, keeps its own books
and works out heads and reservations by trying every moment at which something ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jupyter_hpccontainers.model.dependencies import DependencyKind
from jupyter_hpccontainers.model.errors import HpccError
from jupyter_hpccontainers.model.job import Priority
from jupyter_hpccontainers.model.machine import Machine, OthersUse
from jupyter_hpccontainers.model.resources import Allocation, Resources
from jupyter_hpccontainers.model.states import Reason, ReasonCode, Result, State
from jupyter_hpccontainers.scheduler import (
    Action,
    Edge,
    Event,
    FetchImage,
    Kill,
    Record,
    Refused,
    Restored,
    Resume,
    Scheduler,
    Signal,
    Start,
    Stop,
    Submission,
    Suspend,
    WakeAt,
)

Amounts = tuple[int, int, int]
#: Which end of the parent lets a child run: from whether it completed.
WANTED: Mapping[DependencyKind, Callable[[bool], bool]] = {
    DependencyKind.AFTEROK: lambda completed: completed,
    DependencyKind.AFTERNOTOK: lambda completed: not completed,
    DependencyKind.AFTERANY: lambda completed: True,
    DependencyKind.AFTERARRAY: lambda completed: True,
}

FAILURES = {Result.FAILED, Result.OUT_OF_MEMORY, Result.LOST}
#: As the default policy has it.
BACK_OFF_S, LONGEST_BACK_OFF_S = 10.0, 3600.0


def amounts(asked: Resources) -> Amounts:
    """Return cores, bytes and GPUs."""
    return asked.cores, asked.memory_bytes, asked.gpus


def fits(asked: Amounts, free: Amounts) -> bool:
    """Whether every amount is there."""
    return all(a <= f for a, f in zip(asked, free, strict=True))


def more(free: Amounts, back: Amounts) -> Amounts:
    """Return what there is with what comes back."""
    return (free[0] + back[0], free[1] + back[1], free[2] + back[2])


def less(free: Amounts, taken: Amounts) -> Amounts:
    """Return what is left."""
    return (free[0] - taken[0], free[1] - taken[1], free[2] - taken[2])


@dataclass
class Known:
    """What the model knows of one job."""

    job: Submission
    limit_s: float
    image_ready: bool
    state: State = State.PENDING
    allocation: Allocation | None = None
    starting_at: float | None = None
    started_at: float | None = None
    stopping_at: float | None = None
    stop_reason: Reason | None = None
    failures: int = 0
    retry_at: float | None = None
    fetches: int = 0
    starts: int = 0
    result: Result | None = None
    signalled: bool = False
    paused_s: float = 0.0
    suspended_at: float | None = None
    stands_still: bool = False
    was_suspended: bool = False

    @property
    def asked(self) -> Amounts:
        """Its amounts."""
        return amounts(self.job.resources)

    @property
    def order(self) -> tuple[int, float, int]:
        """Its place: class, submission, number."""
        return self.job.priority.rank, self.job.submitted_at, self.job.job_id

    @property
    def best_effort(self) -> bool:
        """Whether it makes way for others."""
        return self.job.priority is Priority.BEST_EFFORT

    @property
    def makes_way(self) -> bool:
        """Whether it was told to, and has not ended."""
        told = self.stop_reason
        return self.state is State.STOPPING and told.code is ReasonCode.PREEMPTED

    @property
    def alike(self) -> tuple[object, ...]:
        """What makes two jobs exchangeable but for their order."""
        job = self.job
        counted = job.user, job.project, job.tokens
        return job.resources, self.limit_s, job.priority, job.grace_s, counted

    @property
    def longest_s(self) -> float:
        """How long it may hold its allocation, from its start."""
        return self.job.start_timeout_s + self.limit_s + self.job.grace_s

    @property
    def may_start_at(self) -> float:
        """When its begin time and its back-off are over."""
        return max(self.job.begin_at or 0.0, self.retry_at or 0.0)

    @property
    def due(self) -> float:
        """When it gives back what it holds, at the latest."""
        if self.state is State.STOPPING:
            return self.stopping_at + self.job.grace_s
        if self.state is State.RUNNING:
            return self.started_at + self.paused_s + self.limit_s + self.job.grace_s
        if self.state is State.SUSPENDED:
            return math.inf
        return self.starting_at + self.longest_s

    @property
    def told_to_stop_at(self) -> float:
        """When it has to be told to stop."""
        if self.state is State.STARTING:
            return self.starting_at + self.job.start_timeout_s
        if self.state is State.RUNNING:
            return self.started_at + self.paused_s + self.limit_s
        return math.inf

    @property
    def signal_at(self) -> float:
        """When it has to be given the signal it asked for, while it was not."""
        before_s = self.job.signal_before_s
        if before_s is None or self.signalled or self.state is not State.RUNNING:
            return math.inf
        return self.told_to_stop_at - before_s


@dataclass
class World:
    """The machine, its jobs and the time, as the actions and the events say."""

    machine: Machine
    now: float = 0.0
    others: OthersUse = field(default_factory=OthersUse)
    jobs: dict[int, Known] = field(default_factory=dict)
    wake_at: float = math.inf
    refused: list[tuple[Event, HpccError]] = field(default_factory=list)

    # ------------------------------------------------------------------ believing the actions

    def believe(self, actions: list[Action]) -> None:
        """Take in what is to be done, checking what may be checked on the way."""
        kinds = [isinstance(action, Record) for action in actions]
        assert kinds == sorted(kinds, reverse=True), "a Record came after another action"
        self.wake_at = math.inf
        for action in actions:
            match action:
                case Record():
                    self.record(action)
                case Start(job_id=number, allocation=allocation, attempt=attempt):
                    self.start(self.jobs[number], allocation, attempt)
                case FetchImage(job_id=number):
                    self.jobs[number].fetches += 1
                    assert not self.jobs[number].image_ready
                case Signal(job_id=number):
                    one = self.jobs[number]
                    assert one.signal_at <= self.now, "signalled early, twice, or unasked"
                    one.signalled = True
                case Suspend(job_id=number) | Resume(job_id=number):
                    self.stand_still(self.jobs[number], still=isinstance(action, Suspend))
                case Stop(job_id=number) | Kill(job_id=number):
                    assert self.jobs[number].state is State.STOPPING
                case WakeAt(at=at):
                    assert at > self.now
                    self.wake_at = at
                case Refused(event=event, error=error):
                    self.refused.append((event, error))

    def record(self, said: Record) -> None:
        """Write down a record; only what follows a job's life is possible."""
        one = self.jobs[said.job_id]
        assert one.state is not State.DONE, "DONE changed"
        if one.suspended_at is not None:
            one.paused_s += said.at - one.suspended_at
            one.suspended_at = None
        assert (said.result is not None) == (said.state is State.DONE)
        if said.past is not None:
            self.requeue(one, said)
        if said.state is State.DONE and one.state.holds_allocation:
            assert not self.is_tried_again(one, said, said.result), "given up"
        if said.state is State.STOPPING and said.reason.code is ReasonCode.PREEMPTED:
            assert one.best_effort
            assert one.state is not State.STOPPING, "told twice"
        one.state, one.result = said.state, said.result
        if said.result is Result.SKIPPED:
            assert self.edges(one)[1], "skipped, and could have run"
        match said.state:
            case State.STARTING:
                one.starting_at, one.allocation = said.at, said.allocation
            case State.RUNNING:
                one.started_at = said.at if one.started_at is None else one.started_at
                self.check_clock(one, said)
            case State.SUSPENDED:
                one.suspended_at, one.was_suspended = said.at, True
                self.check_clock(one, said)
            case State.STOPPING:
                one.stopping_at, one.stop_reason = said.at, said.reason

    @staticmethod
    def stand_still(one: Known, *, still: bool) -> None:
        """Let a job stand still or run on, as its state says."""
        assert one.state is (State.SUSPENDED if still else State.RUNNING)
        assert one.was_suspended
        one.stands_still = still

    @staticmethod
    def check_clock(one: Known, said: Record) -> None:
        """See that a record tells how long a job has run, and how long it has not."""
        assert (said.started_at, said.paused_s) == (one.started_at, one.paused_s)
        assert said.ran_s == said.at - one.started_at - one.paused_s

    def requeue(self, one: Known, said: Record) -> None:
        """Close an attempt and open the next."""
        past = said.past
        assert said.state is State.PENDING
        assert one.state.holds_allocation
        assert (past.number, said.attempt) == (one.job.attempt, one.job.attempt + 1)
        assert past.ended_at == said.at
        assert self.is_tried_again(one, past, past.result)
        if past.result is Result.PREEMPTED:
            assert (said.failures, said.retry_at) == (one.failures, None)
        else:
            assert said.failures == one.failures + 1 <= one.job.retries
            pause_s = min(BACK_OFF_S * 2**one.failures, LONGEST_BACK_OFF_S)
            agreed = one.signalled and past.exit_code in one.job.retry_on
            assert said.retry_at == (None if agreed else said.at + pause_s)
        one.job = replace(one.job, attempt=said.attempt)
        one.failures, one.retry_at, one.starts = said.failures, said.retry_at, 0
        one.allocation = one.starting_at = one.started_at = one.stopping_at = None
        one.stop_reason, one.signalled, one.paused_s = None, False, 0.0
        one.stands_still = one.was_suspended = False

    def is_tried_again(self, one: Known, end: Any, result: Result) -> bool:
        """Whether another attempt has to follow one that ended so."""
        told = one.stop_reason.code if one.stop_reason else None
        if result is Result.PREEMPTED:
            assert told is ReasonCode.PREEMPTED
            return one.job.requeue
        if told is ReasonCode.USER_CANCEL or result not in FAILURES:
            return False
        program = end.reason is None or end.reason.code in {
            ReasonCode.NON_ZERO_EXIT,
            ReasonCode.SIGNALLED,
            ReasonCode.OUT_OF_MEMORY,
        }
        listed = one.job.retry_on
        counts = not listed or not program or end.exit_code in listed
        return counts and one.failures < one.job.retries

    def start(self, one: Known, allocation: Allocation, attempt: int) -> None:
        """See that a start is right: a job whose turn it is, on what is free."""
        one.starts += 1
        assert one.starts == 1, "started twice"
        assert one.state is State.STARTING
        assert (one.allocation, one.job.attempt) == (allocation, attempt)
        assert one.image_ready
        assert one.may_start_at <= self.now
        assert self.edges(one) == ([], []), "started before its parents had ended as asked"
        assert amounts(allocation.amounts) == one.asked
        assert not set(allocation.gpus) & self.others.busy_gpus
        for other in self.eligible():
            assert not (other.alike == one.alike and other.order < one.order), "out of order"

    def not_before(self, promise: float) -> float:
        """Return when a promise is kept that a sleep of the machine has moved here."""
        return promise

    def scheduler(self) -> Scheduler:
        """Return a scheduler for this machine as it stands."""
        return Scheduler(self.machine)

    # --------------------------------------------------------------------------- plain questions

    @property
    def capacity(self) -> Amounts:
        """What the machine has."""
        return amounts(self.machine.amounts)

    def holding(self) -> list[Known]:
        """Return the jobs that hold something."""
        return [one for one in self.jobs.values() if one.state.holds_allocation]

    def waiting(self) -> list[Known]:
        """Return the jobs that wait."""
        return [one for one in self.jobs.values() if one.state.waits]

    def edges(self, one: Known) -> tuple[list[Edge], list[Edge]]:
        """Return the dependencies that are open, and those that can never be met."""
        opened, broken = [], []
        for edge in one.job.dependencies:
            parent = self.jobs[edge.on.job]
            if parent.state is not State.DONE:
                opened.append(edge)
            elif not WANTED[edge.on.kind](parent.result is Result.COMPLETED):
                broken.append(edge)
        return opened, broken

    def eligible(self) -> list[Known]:
        """Return the jobs that may be chosen now, in order."""
        able = [
            one for one in self.waiting()
            if one.state is State.PENDING and one.image_ready
            and one.may_start_at <= self.now and not self.edges(one)[0]
        ]  # fmt: skip
        return sorted(able, key=lambda one: one.order)

    def candidates(self) -> list[Known]:
        """Return the jobs that may be chosen and that no limit keeps waiting, in order."""
        return self.eligible()

    def becomes_long(self, one: Known, limit_s: float) -> bool:
        """Whether more time for a running job is refused for what is kept for others."""
        return False

    def limit_reason(self, one: Known) -> ReasonCode | None:
        """Return what would keep a job waiting whatever were free."""
        return None

    def most_of(self, given: Mapping[str, Any]) -> Amounts:
        """Return the most a job of these fields may ask."""
        return self.capacity

    def free_at(self, moment: float) -> Amounts:
        """Return what is free at a moment, if everyone holds on as long as they may."""
        left = self.capacity
        gpus_left = {gpu.number for gpu in self.machine.gpus}
        for one in self.holding():
            if max(one.due, self.now) > moment:
                left = less(left, one.asked)
                gpus_left -= set(one.allocation.gpus)
        if moment < math.inf:
            busy = len(gpus_left & self.others.busy_gpus)
            left = less(left, (0, self.others.memory_bytes, busy))
        return left

    def free(self) -> Amounts:
        """Return what is free now, whatever may be overdue."""
        left = self.capacity
        gpus = {gpu.number for gpu in self.machine.gpus} & self.others.busy_gpus
        for one in self.holding():
            left = less(left, one.asked)
            gpus -= set(one.allocation.gpus)
        return less(left, (0, self.others.memory_bytes, len(gpus)))

    def may_now(self, one: Known) -> bool:
        """Whether a candidate could start now if nobody were ahead of it."""
        return fits(one.asked, self.free())

    def back(self, one: Known) -> Amounts:
        """Return what becomes free when a job ends."""
        cores, memory, gpus = one.asked
        return cores, memory, gpus - len(set(one.allocation.gpus) & self.others.busy_gpus)

    def coming(self) -> Amounts:
        """Return what is free once everyone has ended who was told to."""
        coming = self.free()
        for one in self.holding():
            if one.state is State.STOPPING:
                coming = more(coming, self.back(one))
        return coming

    def preempting(self) -> list[Known]:
        """Return the first to wait who together could start if all best-effort jobs were gone."""
        most, able = self.coming(), []
        for one in self.holding():
            if one.best_effort and one.state is not State.STOPPING:
                most = more(most, self.back(one))
        for one in self.candidates():
            if one.best_effort or self.kept_for_short(one) or not fits(one.asked, most):
                break
            most = less(most, one.asked)
            able.append(one)
        return able

    def kept_for_short(self, one: Known) -> bool:
        """Whether what a job needs could be kept for others though it is free."""
        return False

    def kept_off(self, one: Known) -> bool:
        """Whether it may not start since a job of a higher class gets what is freed in a moment."""
        return one.best_effort and bool(self.preempting())

    def head(self) -> Known | None:
        """Return the first job that may be chosen but does not fit."""
        return next(iter(self.candidates()), None)

    def promise(self, head: Known) -> float:
        """Return when the head starts at the latest; infinite when that is unknown."""
        moments = sorted({self.now, *(max(one.due, self.now) for one in self.holding())})
        return next((m for m in moments if fits(head.asked, self.free_at(m))), math.inf)

    def delays(self, head: Known, one: Known, ends_at: float) -> bool:
        """Whether ``one`` on the machine until ``ends_at`` keeps the head from its promise."""
        at = self.promise(head)
        return ends_at > at and not fits(head.asked, less(self.free_at(at), one.asked))

    # ------------------------------------------------------------------------------- after a crash

    def rows(self) -> list[Restored]:
        """Return what a store would hold."""
        return [
            Restored(
                job=_as_stored(one, self.jobs),
                state=one.state,
                allocation=one.allocation,
                starting_at=one.starting_at,
                started_at=one.started_at,
                stopping_at=one.stopping_at,
                stop_reason=one.stop_reason,
                failures=one.failures,
                retry_at=one.retry_at,
                paused_s=one.paused_s,
                resumed=one.state is State.RUNNING and one.was_suspended,
            )
            for one in self.jobs.values()
        ]


def _as_stored(one: Known, jobs: Mapping[int, Known]) -> Submission:
    """Return the job as loaded: the ends of parents are told with it, since DONE ones are not."""
    job = one.job
    edges = tuple(Edge(edge.on, jobs[edge.on.job].result) for edge in job.dependencies)
    limit_s = None if one.limit_s == math.inf else one.limit_s
    return replace(
        job, limit_s=limit_s, image_ready=one.image_ready, held=False, dependencies=edges
    )
