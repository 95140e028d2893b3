"""What will become of jobs, also of one not submitted: asked for, never decided by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..model.errors import NeverFits
from ..model.explanation import Explanation
from ..model.job import Waiting
from ..model.states import State
from .actions import Action, Record
from .core import PLANNED, Scheduler
from .events import Submission, Submitted
from .refusal import wants_of
from .rehearsal import MOST_WORK, Rehearsal
from .smaller import Smaller
from .trial import TRIED, Trial, alone

#: With more ahead, or waiting, the start is estimated by the plan at once.
_MOST_REHEARSED = 500
#: With more different shapes than the first, only so many jobs are planned.
_MOST_SHAPES = 1000
_PLANNED_OF_MANY = 2000


class Predictions(NamedTuple):
    """When each waiting job starts, as foretold of a queue that stood so, and until when."""

    stood: object = None
    until: float = -math.inf
    starts: Mapping[int, float] = {}


class Foresight:
    """Answers from rehearsals; keeps the predictions of the whole queue until something happens."""

    def __init__(self, scheduler: Scheduler, most_work: int = MOST_WORK) -> None:
        self._scheduler = scheduler
        self._most_work = most_work
        #: The last of the whole queue; one made of a copy of this scheduler may take its place.
        self.predictions = Predictions()

    def is_fresh(self, now: float) -> bool:
        """Whether the last predictions still hold."""
        return self.predictions.stood == self._stands() and now < self.predictions.until

    def starts(self, now: float) -> Mapping[int, float]:
        """Return when each waiting job is predicted to start; absent where nobody knows."""
        if not self.is_fresh(now):
            starts = self._predict(now)
            # Until the first of them nothing is expected to happen; after it this is old.
            soonest = min(starts.values(), default=math.inf)
            until = soonest if soonest > now else now + 1.0
            self.predictions = Predictions(self._stands(), until, starts)
        return self.predictions.starts

    def _stands(self) -> object:
        """Return what differs when something has happened."""
        queue, holdings = self._scheduler.jobs.queue, self._scheduler.jobs.holdings
        return queue.changes, holdings.changes, len(queue), self._scheduler.drained

    def _predict(self, now: float) -> Mapping[int, float]:
        queue = self._scheduler.jobs.queue
        if len(queue) > _MOST_REHEARSED:
            return _plan(self._scheduler, now)
        waiting = {e.job.job_id for e in self._scheduler.jobs.entries() if e.state.waits}
        if not waiting:
            return {}
        rehearsal = Rehearsal(self._scheduler, now, self._most_work)
        ran = rehearsal.run(waiting)
        starts = {} if ran else _plan(rehearsal.scheduler, rehearsal.now)
        # Who runs now may be preempted and start again, and tasks begin: they do not wait yet.
        return {n: at for n, at in (starts | rehearsal.starts).items() if n in waiting}

    def explain(self, job_id: int, now: float, memory_per_core_bytes: int = 0) -> Explanation:
        """Return all there is to tell of a waiting job.

        Raises StateConflict when it does not wait, UnknownJob. With ``memory_per_core_bytes`` its
        memory follows its cores.
        """
        rehearsal = Rehearsal(self._scheduler, now, self._most_work)
        waiting = rehearsal.scheduler.waiting(job_id, now)
        entry = self._scheduler.jobs[job_id]
        limit_s = None if entry.limit_s == math.inf else entry.limit_s
        as_it_is = replace(entry.job, limit_s=limit_s, held=entry.state is State.HELD)
        trial = Trial(self._scheduler, now, self._most_work, instead_of=job_id)
        smaller = Smaller(trial, now, memory_per_core_bytes)
        changes = () if trial.starts(as_it_is) else smaller.changes(as_it_is)
        told = _foretold(waiting, rehearsal)
        return replace(told, job_id=job_id, state=entry.state, changes=changes)

    def dry_run(self, job: Submission, now: float, memory_per_core_bytes: int = 0) -> Explanation:
        """Return the same for a job that was not submitted; nothing changes by asking.

        Of an array its first task is meant. What can never start is answered, not raised. Whether
        its image is here is left aside: the answer holds from when it is.
        """
        trial = Trial(self._scheduler, now, self._most_work)
        smaller = Smaller(trial, now, memory_per_core_bytes)
        tried = alone(job, TRIED)
        try:
            self._scheduler.refuse(job.resources, wants_of(job))
        except NeverFits as error:
            changes = smaller.changes(tried)
            return Explanation(
                job_id=None, state=State.PENDING, never=error.message, changes=changes
            )
        allocation = trial.starts(tried)
        if allocation is not None:
            return Explanation(
                job_id=None, state=State.PENDING, predicted_start=now, allocation=allocation
            )
        changes = smaller.changes(tried)
        rehearsal = trial.take()
        told = rehearsal.send(Submitted(tried))
        if not rehearsal.scheduler.jobs.state_of(TRIED).waits:
            return _ended_at_once(told)
        waiting = rehearsal.scheduler.waiting(TRIED, now)
        return replace(_foretold(waiting, rehearsal), changes=changes)


def _ended_at_once(told: Sequence[Action]) -> Explanation:
    """Return why a job would be DONE as soon as it came: what it comes after ended otherwise."""
    reasons = [one.reason for one in told if isinstance(one, Record) and one.job_id == TRIED]
    return Explanation(job_id=None, state=State.DONE, reason=reasons[-1])


def _foretold(waiting: Waiting, rehearsal: Rehearsal) -> Explanation:
    """Return what a rehearsal tells of a job that waits in it."""
    start, exact = _start_of(waiting, rehearsal)
    return Explanation(
        job_id=None,
        state=State.PENDING,
        reason=waiting.reason,
        position=waiting.position,
        ahead=waiting.ahead,
        after=rehearsal.after.get(waiting.job_id, ()),
        predicted_start=start,
        exact=exact,
        guessed=tuple(rehearsal.guessed) if start is not None else (),
        endless=rehearsal.endless() if start is None and exact else (),
    )


def _start_of(waiting: Waiting, rehearsal: Rehearsal) -> tuple[float | None, bool]:
    """Return when a job starts, and whether that is exact; None: never, or nobody knows."""
    job_id = waiting.job_id
    if waiting.position <= _MOST_REHEARSED and rehearsal.run([job_id]):
        return rehearsal.starts.get(job_id), True
    return _plan(rehearsal.scheduler, rehearsal.now).get(job_id), False


def _plan(scheduler: Scheduler, now: float) -> dict[int, float]:
    few = sum(1 for _ in scheduler.jobs.queue.ready.every()) <= _MOST_SHAPES
    planned = scheduler.plan(now, PLANNED if few else _PLANNED_OF_MANY)
    return {job_id: at for job_id, at in planned.items() if at < math.inf}
