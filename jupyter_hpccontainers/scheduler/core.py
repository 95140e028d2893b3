"""The scheduler: events and the time in, actions out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..model.arrays import TaskCounts
from ..model.errors import HpccError, StateConflict
from ..model.job import Waiting
from ..model.machine import Machine, OthersUse
from ..model.resources import Allocation, Resources
from ..model.states import Reason, ReasonCode, State
from .actions import Action, Kill, Refused
from .array_events import ArrayEvents
from .array_jobs import ArrayJobs
from .backfill import Reservation, choose, reserve
from .entry import Entry, Key, new_entry, seconds
from .events import (
    CancelRequested,
    Changed,
    DrainChanged,
    Event,
    Exited,
    Held,
    ImageFailed,
    ImageReady,
    JobEvent,
    OthersChanged,
    Released,
    Restored,
    Resumed,
    Slept,
    Started,
    StartFailed,
    Submission,
    Submitted,
    Suspended,
    Ticked,
    TimeLimitChanged,
)
from .explain import Reasons
from .extension import refuse_delay
from .gated import admitted, gated_pass
from .gates import Gates
from .loading import load_rows
from .orders import ordering
from .overdue import end_overdue, next_due
from .plan import plan
from .policy import Backfill, Policy
from .preempt import BEST_EFFORT, Decision, decide
from .promises import Promises
from .refusal import NO_WANTS, Wants, refuse, wants_of
from .result import CANCELLED, USER_CANCEL, Verdict, judge_exit, judge_failure
from .retry import following, is_stale, would_follow
from .transitions import Preempted, next_state

#: How many of the jobs ahead are named in a Waiting; the position tells how many there are.
AHEAD_SHOWN = 100
#: For how many jobs a start is predicted; those behind start later still.
PLANNED = 10_000
#: When nothing was decided yet.
_NEVER = (-math.inf, 0)


class Scheduler:
    """Decides which job starts when and where, on one machine.

    Pure: the same events at the same times give the same actions. Times are seconds since the
    epoch. Every call of ``handle`` also ends what is due and starts whatever may start, so between
    calls no job that may start is waiting.
    """

    def __init__(
        self, machine: Machine, policy: Policy | None = None, *, drained: bool = False
    ) -> None:
        self.machine = machine
        self.policy = policy or Policy()
        self.ordering = self._ordering = ordering(self.policy, machine)
        self._gates = Gates(self.policy, machine)
        #: The jobs that are not DONE, with queue and holdings; as ``ordering`` to be read only.
        self.jobs = self._jobs = ArrayJobs(machine, self._ordering, self._gates)
        self._array_events = ArrayEvents(self._jobs, self._cancel)
        self._promises = Promises()
        self._drained = drained
        self._decided = _NEVER
        self._handlers: Mapping[type[Any], Callable[[Entry, Any, float], None]] = {
            ImageReady: self._image_ready,
            ImageFailed: self._failed,
            Started: self._started,
            StartFailed: self._failed,
            Exited: self._exited,
            CancelRequested: self._cancel,
            TimeLimitChanged: self._limit,
            Changed: self._change,
            Held: self._jobs.hold_or_release,
            Released: self._jobs.hold_or_release,
            Suspended: self._jobs.suspend_or_resume,
            Resumed: self._jobs.suspend_or_resume,
        }

    # ------------------------------------------------------------------- events in, actions out

    def handle(self, event: Event, now: float) -> list[Action]:
        """Return what to do about one event: every Record first, WakeAt last.

        Raises NeverFits, StateConflict or UnknownJob when the event is refused; then nothing has
        changed and nothing is to be done.
        """
        self._apply(event, now)
        return self._settle(now)

    def handle_all(self, batch: Iterable[Event], now: float) -> list[Action]:
        """Return what to do about several events at once, deciding once; see ``handle``.

        An event that is refused changes nothing and is answered by a Refused among the actions.
        """
        for event in batch:
            try:
                self._apply(event, now)
            except HpccError as error:
                self._jobs.act(Refused(event, error))
        return self._settle(now)

    def restore(
        self, rows: Iterable[Restored], now: float, past: Iterable[Restored] = ()
    ) -> list[Action]:
        """Load the jobs of an earlier engine, once, before the first event; then decide.

        ``past`` are jobs that are DONE, from which the order learns.

        Jobs that hold an allocation keep it. A STOPPING one is told again to stop, since the engine
        may have died before it acted. A waiting one that this machine can no longer hold ends
        FAILED with MachineChanged.
        """
        load_rows(self._jobs, [*rows], past, self.machine, now)
        return self._settle(now)

    def refuse(self, resources: Resources, wants: Wants = NO_WANTS) -> None:
        """Raise NeverFits, naming what is asked and what there is, if it can never start."""
        refuse(resources, wants, self.machine, self.policy)

    # ------------------------------------------------------------------------------- questions

    def state_of(self, job_id: int) -> State:
        """Return where the job stands; raises UnknownJob."""
        return self._jobs.state_of(job_id)

    def used(self) -> Allocation:
        """Return everything jobs hold: core numbers, bytes, GPU numbers."""
        return self._jobs.holdings.used

    def allocations(self) -> dict[int, Allocation]:
        """Return what each job holds."""
        return self._jobs.holdings.holders

    @property
    def drained(self) -> bool:
        """Whether nothing new starts for now."""
        return self._drained

    @property
    def others(self) -> OthersUse:
        """What processes outside our jobs use, as last heard."""
        return self._jobs.holdings.others

    def tasks_of(self, job_id: int) -> TaskCounts | None:
        """Return how the tasks of an array stand; None for a job that is none, or is DONE."""
        array = self._jobs.arrays.get(job_id)
        return array.counts if array is not None else None

    def reservation(self, now: float) -> Reservation | None:
        """Return what is reserved for the first job that may be chosen; None when none waits."""
        aged_before = self._ordering.aged_before(now)
        if self._drained:
            return None
        if self._gates.any:
            return gated_pass(self._gates, self._jobs, now).head(
                self._jobs.queue.ready, aged_before
            )
        head = self._jobs.queue.first(aged_before)
        if head is None:
            return None
        asked = self._jobs[head.job_id].job.resources
        holdings = self._jobs.holdings
        return reserve(head, asked, holdings.free, holdings.releases(), now)

    def waiting(self, job_id: int, now: float) -> Waiting:
        """Return why the job waits and who is ahead; raises StateConflict when it does not wait."""
        state = self._jobs.state_of(job_id)
        if not state.waits:
            raise StateConflict(
                f"job {job_id} is {state} and waits for nothing",
                cure="look at its state",
                job_id=job_id,
                state=state.value,
            )
        return self.waiting_all(now)[job_id]

    def waiting_all(self, now: float) -> dict[int, Waiting]:
        """Return the same for every job that waits, in order: positions are 1 to n."""
        queue = self._jobs.queue
        line = [key.job_id for key in queue.in_line(self._ordering.aged_before(now))]
        kept_back = self._gates.kept_back([*self._jobs.holding()], now, self._drained)
        reasons = Reasons(self._jobs.holdings, self.reservation(now), kept_back)
        ahead = tuple(line[:AHEAD_SHOWN])
        waiting: dict[int, Waiting] = {}
        for place, job_id in enumerate(line, start=1):
            reason = reasons.in_line(self._jobs[job_id], place)
            shown = ahead if place > AHEAD_SHOWN else ahead[: place - 1]
            waiting[job_id] = Waiting(job_id=job_id, reason=reason, position=place, ahead=shown)
        for place, job_id in enumerate(queue.behind(), start=len(line) + 1):
            reason = reasons.behind(self._jobs[job_id])
            waiting[job_id] = Waiting(job_id=job_id, reason=reason, position=place)
        return waiting

    def plan(self, now: float, most: int = PLANNED) -> dict[int, float]:
        """Return when each of the first ``most`` jobs and tasks is predicted to start.

        Worked out anew at each call; infinite where it hangs on something with an unknown end.
        """
        if self._drained:
            return {}
        return plan(self._jobs, self._gates, now, self._ordering.aged_before(now), most)

    def check(self, now: float) -> None:
        """Raise AssertionError when an invariant is broken; for tests, after every call."""
        self._jobs.check()
        if any((decided := self._decide(now))[:2]):
            raise AssertionError(f"{decided} is still to be done")

    # ------------------------------------------------------------------------ one event at a time

    def _apply(self, event: Event, now: float) -> None:
        match event:
            case Submitted(job=job):
                self._submitted(job, now)
            case OthersChanged(others=others):
                self._jobs.holdings.see_others(others)
            case DrainChanged(drained=drained):
                self._drained, self._decided = drained, _NEVER
            case Slept(seconds=seconds):
                self._jobs.sleep_through(seconds)
            case Ticked():
                pass
            case _:
                self._apply_to_job(event, now)

    def _apply_to_job(self, event: JobEvent, now: float) -> None:
        """Refuse what the table does not list; DONE jobs and past attempts never change."""
        if self._array_events.take(event, now):
            return
        state = self._jobs.state_of(event.job_id)
        if state is not State.DONE and is_stale(event, self._jobs[event.job_id]):
            return
        next_state(event.job_id, state, type(event))
        if state is not State.DONE:
            self._handlers[type(event)](self._jobs[event.job_id], event, now)

    def _submitted(self, job: Submission, now: float) -> None:
        if job.job_id in self._jobs:
            raise StateConflict(
                f"job {job.job_id} was submitted before",
                cure="give each job its own number",
                job_id=job.job_id,
            )
        self.refuse(job.resources, wants_of(job))
        self._jobs.admit(new_entry(job), now)

    def _image_ready(self, entry: Entry, event: ImageReady, now: float) -> None:
        self._jobs.image_ready(entry, now)

    def _failed(self, entry: Entry, event: ImageFailed | StartFailed, now: float) -> None:
        verdict = judge_failure(event.reason, entry.stop_reason)
        self._end(entry, type(event), verdict, now, now)

    def _started(self, entry: Entry, event: Started, now: float) -> None:
        at = now if event.at is None else min(event.at, now)
        self._jobs.run(entry, Started, at)

    def _exited(self, entry: Entry, event: Exited, now: float) -> None:
        verdict = judge_exit(event, entry.stop_reason, entry.told_at)
        ended_at = now if event.ended_at is None else event.ended_at
        self._end(entry, Exited, verdict, ended_at, now)

    def _end(
        self,
        entry: Entry,
        trigger: type[ImageFailed | StartFailed | Exited],
        verdict: Verdict,
        ended_at: float,
        now: float,
    ) -> None:
        """End the attempt, and the job unless another attempt follows."""
        holds = entry.state.holds_allocation
        after = following(entry, verdict, self.policy, ended_at) if holds else None
        if after is None:
            self._jobs.finish(entry, trigger, verdict, ended_at)
        else:
            self._jobs.requeue(entry, verdict, after, ended_at, now)

    def _cancel(self, entry: Entry, event: CancelRequested, now: float) -> None:
        if entry.state.waits:
            self._jobs.finish(entry, CancelRequested, CANCELLED, now)
        elif entry.stop_reason is None:
            self._jobs.stop(entry, CancelRequested, USER_CANCEL, now, kill=event.kill)
        else:
            if would_follow(entry, entry.stop_reason):
                self._jobs.give_another_reason(entry, USER_CANCEL)
            if event.kill:
                self._jobs.act(Kill(event.job_id))

    def _limit(self, entry: Entry, event: TimeLimitChanged, now: float) -> None:
        limit_s = seconds(event.limit_s)
        if entry.state.holds_allocation:
            made, headroom = self.reservation(now), self._gates.headroom
            refuse_delay(entry, limit_s, made, long=headroom.is_long(limit_s))
            headroom.refuse(entry, limit_s, self._jobs.holding(), now, made is not None)
        self._jobs.set_limit(entry, limit_s, now)

    def _change(self, entry: Entry, event: Changed, now: float) -> None:
        self.refuse(event.resources, wants_of(entry.job))
        self._jobs.change(entry, event, now)

    # ------------------------------------------------------------------- what follows every event

    def _settle(self, now: float) -> list[Action]:
        """End what is due, start what may start, and say when to look again."""
        jobs = self._jobs
        jobs.follow_dependencies(now)
        jobs.let_begin(now)
        end_overdue(jobs, now)
        # Nothing has changed since the last decision at this time, so it would be the same.
        while self._decided != (stand := (now, self._changes)):
            self._decided = stand
            self._carry_out(now)
            # Who makes way for one may let another start; else one pass finds all.
            if not jobs.best_effort:
                self._decided = now, self._changes
                break
        return jobs.actions(self._wake_at(now))

    def _carry_out(self, now: float) -> None:
        """Start who may start, and stop who is to make way."""
        while (decided := self._decide(now)).starts or decided.victims:
            for key in decided.starts:
                self._jobs.begin(key.job_id, now)
            for job_id in decided.victims:
                reason = Reason(ReasonCode.PREEMPTED, {"by": list(decided.by)})
                self._jobs.stop(self._jobs[job_id], Preempted, reason, now)
            # A promise is made to one task of an array at a time; a backfill chooses them all.
            if self.policy.backfill is not Backfill.CONSERVATIVE:
                return

    @property
    def _changes(self) -> int:
        return self._jobs.queue.changes + self._jobs.holdings.changes

    def _decide(self, now: float) -> Decision:
        """Return who starts, and who makes way for others; see ``preempt``."""
        keys, jobs = self._choose(now), self._jobs
        # Also one that would only start now is weighed against who waits for what comes back.
        concerned = jobs.best_effort or any(key.rank == BEST_EFFORT for key in keys)
        if self._drained or self.policy.backfill is Backfill.CONSERVATIVE or not concerned:
            return Decision(tuple(keys))
        return decide(keys, jobs, self._gates, now, self._ordering.aged_before(now))

    def _choose(self, now: float) -> list[Key]:
        holdings, queue = self._jobs.holdings, self._jobs.queue
        aged_before = self._ordering.aged_before(now)
        if self._drained:
            keys = []
        elif self.policy.backfill is Backfill.CONSERVATIVE:
            waiting = queue.ready.shapes(aged_before)
            if self._gates.any:
                counts = self._gates.counts(self._jobs.holding())
                waiting = admitted(queue.ready, aged_before, counts)
            keys = self._promises.choose(waiting, holdings.free, holdings.releases(), now)
        elif self._gates.any:
            past_head = self.policy.backfill is Backfill.EASY
            keys = gated_pass(self._gates, self._jobs, now).run(queue.ready, aged_before, past_head)
        else:
            keys = choose(
                queue.blocks,
                holdings.free,
                holdings.releases,
                now,
                aged_before=aged_before,
                backfill=self.policy.backfill is Backfill.EASY,
            )
        return keys

    def _wake_at(self, now: float) -> float | None:
        at = min(next_due(self._jobs), self._promises.next)
        if self._gates.any and len(self._jobs.queue):
            at = min(at, self._gates.headroom.next_change(now))
        for begin_at, _, _ in self._jobs.queue.later[:1]:
            at = min(at, begin_at)
        return None if at == math.inf else at
