"""Would this start now? Asked of a copy of the scheduler, so that nothing has happened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..model.errors import HpccError
from ..model.resources import Allocation
from ..model.states import Reason, ReasonCode, State
from .actions import Action, Kill, Start, Stop
from .core import Scheduler
from .events import CancelRequested, Held, StartFailed, Submission, Submitted
from .policy import Backfill
from .rehearsal import MOST_WORK, Rehearsal

#: Numbers no job has: those of jobs that are only tried.
TRIED = 2**62


def alone(job: Submission, job_id: int) -> Submission:
    """Return what is tried for a job: under another number, of an array its first task alone."""
    return replace(job, job_id=job_id, image_ready=True, tasks=None, array=None)


class Trial:
    """Submissions tried at one moment, each as if the others had not been.

    With ``instead_of`` that waiting job is held back: what is tried is that job, changed.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        now: float,
        most_work: int = MOST_WORK,
        instead_of: int | None = None,
    ) -> None:
        self._scheduler = scheduler
        self._now = now
        self._most_work = most_work
        self._instead_of = instead_of
        self._rehearsal: Rehearsal | None = None
        self._number = TRIED

    def starts(self, job: Submission) -> Allocation | None:
        """Return what the job would be given now; None when it would wait."""
        rehearsal = self.rehearsal
        job_id = self._next_number()
        try:
            actions = rehearsal.send(Submitted(alone(job, job_id)))
        except HpccError:
            return None
        mine = [a.allocation for a in actions if isinstance(a, Start) and a.job_id == job_id]
        # What cannot be undone without a trace is done on a new copy the next time; promises made
        # while it waited are such a trace, and what its start was charged to a person's share.
        policy = rehearsal.scheduler.policy
        promised = policy.backfill is Backfill.CONSERVATIVE
        charged = bool(mine) and policy.fair_half_life_s > 0
        touched = promised or charged or _touches_others(actions, job_id)
        if touched or not self._undo(rehearsal, job_id, bool(mine)):
            self._rehearsal = None
        return mine[0] if mine else None

    @property
    def rehearsal(self) -> Rehearsal:
        """The copy as it is before anything is tried; it is only to be read."""
        if self._rehearsal is None:
            self._rehearsal = Rehearsal(self._scheduler, self._now, self._most_work)
            held = self._instead_of
            if held is not None and self._scheduler.state_of(held) is State.PENDING:
                self._rehearsal.send(Held(held))
        return self._rehearsal

    def take(self) -> Rehearsal:
        """Return the copy for good; what is tried later is tried on another."""
        rehearsal, self._rehearsal = self.rehearsal, None
        return rehearsal

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _undo(self, rehearsal: Rehearsal, job_id: int, begun: bool) -> bool:
        """Take the tried job back; False when that has left a trace."""
        event = (
            StartFailed(job_id, Reason(ReasonCode.START_FAILED))
            if begun
            else CancelRequested(job_id)
        )
        actions = rehearsal.send(event)
        done = rehearsal.scheduler.state_of(job_id) is State.DONE
        return done and not _touches_others(actions, job_id)


def _touches_others(actions: Iterable[Action], job_id: int) -> bool:
    return any(
        isinstance(action, Start | Stop | Kill) and action.job_id != job_id for action in actions
    )
