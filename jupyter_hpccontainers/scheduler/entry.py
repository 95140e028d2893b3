"""What the scheduler keeps of a job that is not DONE."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from ..model.resources import Allocation, Resources
from ..model.states import Reason, State
from .events import Edge, Restored, Submission


class Key(NamedTuple):
    """A job's place in the queue: hard class, score, submission, number; the least goes first.

    The score is the order's (``order``), ``AGED`` for who has waited too long.
    """

    rank: int
    score: float
    submitted_at: float
    job_id: int


#: Less than every score of an order.
AGED = -1.0


class Shape(NamedTuple):
    """What jobs must share to be alike to the planner; ``span_s`` is infinite without a limit."""

    resources: Resources
    span_s: float


class Kind(NamedTuple):
    """Jobs that are expected to run alike: whose, what (image and command), and its time limit.

    ``project`` only where projects have shares.
    """

    user: str = ""
    what: str = ""
    limit_s: float = math.inf
    project: str = ""


class Claim(NamedTuple):
    """What a job counts against beside the machine, as far as any limit is set (``gates``)."""

    user: str = ""
    project: str = ""
    tokens: tuple[tuple[str, int], ...] = ()
    long: bool = False


#: What every job claims where no limit is set, so that alike jobs stand in one line.
NO_CLAIM = Claim()


class Spot(NamedTuple):
    """Where a job waits: with those of its hard class, shape, claim and kind, by submission."""

    rank: int
    shape: Shape
    kind: Kind
    claim: Claim = NO_CLAIM


@dataclass(slots=True)
class Entry:
    """A job as it stands; only ``core`` changes it, and its state only by the table.

    ``limit_s`` infinite means no limit. ``fetching``: FetchImage was asked for. ``stopping_at``
    bounds its grace; ``told_at`` is the same, unless an engine that restarted does not know.
    ``unmet``: the dependencies whose parents are not DONE; only ``dependencies`` changes it.
    ``failures`` counts attempts that were tried again; the next may start at ``retry_at``.
    ``paused_s``: how much of the time since ``started_at`` does not count against the limit, but
    for what has passed since ``suspended_at``.
    ``signalled``: this attempt was given its signal.
    ``throttled``: as many tasks of the array run as may; ``renewed_at``: when its last one began.
    """

    job: Submission
    limit_s: float
    image_ready: bool
    state: State = State.PENDING
    fetching: bool = False
    allocation: Allocation | None = None
    starting_at: float | None = None
    started_at: float | None = None
    stopping_at: float | None = None
    told_at: float | None = None
    stop_reason: Reason | None = None
    unmet: tuple[Edge, ...] = ()
    throttled: bool = False
    renewed_at: float = -math.inf
    failures: int = 0
    retry_at: float | None = None
    signalled: bool = False
    paused_s: float = 0.0
    suspended_at: float | None = None

    def forget_attempt(self) -> None:
        """Begin the next attempt with nothing of the one that has ended."""
        self.allocation = self.stop_reason = None
        self.starting_at = self.started_at = self.suspended_at = None
        self.stopping_at = self.told_at = None
        self.signalled, self.paused_s = False, 0.0

    @property
    def waits_until(self) -> float | None:
        """Until when it may not start: its begin time, or the end of its back-off."""
        begin_at, retry_at = self.job.begin_at, self.retry_at
        if begin_at is None or retry_at is None:
            return retry_at if begin_at is None else begin_at
        return max(begin_at, retry_at)

    @property
    def kind(self) -> Kind:
        """What it is expected to run like."""
        return Kind(self.job.user, self.job.kind, self.limit_s)

    @property
    def shape(self) -> Shape:
        """Its amounts, and the seconds it may hold them from its start."""
        span_s = self.job.start_timeout_s + self.limit_s + self.job.grace_s
        return Shape(self.job.resources, span_s)

    @property
    def stops_at(self) -> float:
        """When it is told to stop, unless something happens before; infinite if never."""
        if self.state is State.STARTING and self.starting_at is not None:
            return self.starting_at + self.job.start_timeout_s
        if self.state is State.RUNNING and self.started_at is not None:
            return self.started_at + self.paused_s + self.limit_s
        return math.inf

    @property
    def signal_at(self) -> float:
        """When it is given the signal before its time limit; infinite if never, or it was."""
        before_s = self.job.signal_before_s
        if before_s is None or self.signalled or self.state is not State.RUNNING:
            return math.inf
        return self.stops_at - before_s

    @property
    def ends_at(self) -> float:
        """The planner's end: when its allocation is free again at the latest.

        Of a suspended job nobody knows it: only a person does who lets it run on.
        """
        return self.end_with(self.limit_s)

    def end_with(self, limit_s: float) -> float:
        """Return the planner's end if its time limit were ``limit_s``."""
        if self.state is State.STOPPING and self.stopping_at is not None:
            return self.stopping_at + self.job.grace_s
        if self.state is State.RUNNING and self.started_at is not None:
            return self.started_at + self.paused_s + limit_s + self.job.grace_s
        if self.state is State.STARTING and self.starting_at is not None:
            return self.starting_at + self.job.start_timeout_s + limit_s + self.job.grace_s
        return math.inf

    def ran_s(self, at: float) -> float | None:
        """Return how long it had run by then, as its limit counts; None if it never has."""
        if self.started_at is None:
            return None
        if self.suspended_at is not None:
            at = min(at, self.suspended_at)
        return at - self.started_at - self.paused_s

    def enter(self, state: State, at: float) -> None:
        """Be in another state from now on; while it is suspended its time does not count."""
        if self.suspended_at is not None:
            self.paused_s += max(at - self.suspended_at, 0.0)
        self.suspended_at = at if state is State.SUSPENDED else None
        self.state = state

    def postpone(self, seconds: float) -> None:
        """Let none of the times that bound it have run for so long."""
        if self.state is State.STARTING and self.starting_at is not None:
            self.starting_at += seconds
        elif self.state is State.STOPPING and self.stopping_at is not None:
            self.stopping_at += seconds
        elif self.state is State.RUNNING:
            self.paused_s += seconds


def new_entry(job: Submission) -> Entry:
    """Return the entry of a job just accepted."""
    return Entry(job, seconds(job.limit_s), job.image_ready)


def restored_entry(row: Restored, now: float) -> Entry:
    """Return the entry of a job whose row was loaded; a time its state needs is ``now`` if lost."""
    state = row.state
    if row.job.tasks is not None and state is not State.DONE:
        # What is left of an array waits, however many of its tasks run.
        state = State.HELD if state is State.HELD else State.PENDING
    entry = Entry(
        row.job,
        seconds(row.job.limit_s),
        row.job.image_ready,
        state,
        allocation=row.allocation,
        starting_at=row.starting_at,
        started_at=row.started_at,
        stopping_at=row.stopping_at,
        told_at=row.stopping_at,
        stop_reason=row.stop_reason,
        failures=row.failures,
        retry_at=row.retry_at,
        paused_s=row.paused_s,
        suspended_at=now if state is State.SUSPENDED else None,
    )
    if state is State.STARTING and row.starting_at is None:
        entry.starting_at = now
    elif state in {State.RUNNING, State.SUSPENDED} and row.started_at is None:
        entry.started_at = now
    elif state is State.STOPPING and row.stopping_at is None:
        entry.stopping_at = now
    return entry


def seconds(limit_s: float | None) -> float:
    """Return the limit as a number: infinite when there is none."""
    return math.inf if limit_s is None else limit_s
