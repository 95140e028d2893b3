"""The jobs that are not DONE, and every change one can undergo, with its Record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ..model.errors import UnknownJob
from ..model.job import PastAttempt, Priority
from ..model.machine import Machine
from ..model.resources import Allocation
from ..model.states import Reason, Result, State
from .actions import (
    Action,
    FetchImage,
    Kill,
    Record,
    Resume,
    Signal,
    Start,
    Stop,
    Suspend,
    WakeAt,
)
from .deadlines import Deadlines
from .dependencies import Dependencies
from .entry import Entry, seconds
from .events import Changed, Held, JobEvent, Released, Restored, Resumed, Suspended
from .gates import Gates
from .holdings import Holdings
from .order import Ordering
from .queue import Queue
from .result import Verdict
from .retry import Following, past_attempt
from .transitions import Chosen, ParentEndedOtherwise, Requeued, Trigger, next_state


class Jobs:
    """Entries, queue and holdings, changed together.

    INVARIANT: a job waits exactly as long as it is in the queue, holds its allocation exactly as
    long as it is in the holdings, and is forgotten (but for its number) once it is DONE.
    """

    def __init__(self, machine: Machine, ordering: Ordering, gates: Gates) -> None:
        self._ordering = ordering
        self.queue = Queue(ordering, gates)
        self.holdings = Holdings(machine)
        self.deadlines = Deadlines()
        #: When those that asked for a signal before their time limit are given it.
        self.signals = Deadlines()
        #: Those of the lowest class that hold something.
        self.best_effort: set[int] = set()
        self._entries: dict[int, Entry] = {}
        self.dependencies = Dependencies()
        self._done: dict[int, Result | None] = {}
        self._records: list[Action] = []
        self._others: list[Action] = []

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._entries or job_id in self._done

    def __getitem__(self, job_id: int) -> Entry:
        return self._entries[job_id]

    def get(self, job_id: int) -> Entry | None:
        """Return a job that is not DONE, else None."""
        return self._entries.get(job_id)

    def state_of(self, job_id: int) -> State:
        """Return where the job stands; raises UnknownJob."""
        if job_id in self._done:
            return State.DONE
        if job_id not in self._entries:
            raise UnknownJob(
                f"job {job_id} is not known",
                cure="list the jobs to see their numbers",
                job_id=job_id,
            )
        return self._entries[job_id].state

    def result_of(self, job_id: int) -> Result | None:
        """Return how a job ended that has been known here; None while it has not."""
        return self._done.get(job_id)

    def holding(self) -> Iterator[Entry]:
        """Yield the jobs that hold an allocation, those that were given it first first."""
        return (self._entries[job_id] for job_id in self.holdings.holders)

    def entries(self) -> Iterator[Entry]:
        """Yield every job that is not DONE."""
        return iter(self._entries.values())

    def act(self, action: Action) -> None:
        """Put an action that is no Record on the list of what to do."""
        self._others.append(action)

    def actions(self, wake_at: float | None) -> list[Action]:
        """Return what there is to do since the last call: Records, the rest, the time to wake."""
        todo = self._records
        todo += self._others
        self._records, self._others = [], []
        if wake_at is not None:
            todo.append(WakeAt(wake_at))
        return todo

    # ---------------------------------------------------------------------- while it waits

    def admit(self, entry: Entry, now: float) -> None:
        """Take in a job just accepted."""
        self._entries[entry.job.job_id] = entry
        self.dependencies.add(entry, self.result_of)
        if entry.job.held:
            entry.state = next_state(entry.job.job_id, entry.state, Held)
        self._record(entry, now)
        self.enqueue(entry, now)

    def recall(self, rows: Iterable[Restored]) -> None:
        """Let the order learn from jobs that an earlier engine started."""
        self._ordering.recall(rows)

    def load(self, entry: Entry, now: float) -> None:
        """Take in a job of an earlier engine as it stood; nothing is recorded."""
        if entry.state is State.DONE:
            self._done[entry.job.job_id] = None
            return
        self._entries[entry.job.job_id] = entry
        if entry.state.waits:
            self.dependencies.add(entry, self.result_of)
            self.enqueue(entry, now)
        else:
            allocation = entry.allocation or Allocation((), 0)
            self._note_holder(entry)
            self.holdings.take(entry.job.job_id, allocation, entry.ends_at)
            self._watch(entry)

    def enqueue(self, entry: Entry, now: float) -> None:
        """Put a waiting job in the line it belongs to, and ask for its image unless it is held."""
        begin_at = entry.waits_until
        if entry.state is State.HELD:
            self.queue.add_held(entry)
            return
        if entry.unmet:
            self.queue.add_dependent(entry)
        elif begin_at is not None and begin_at > now:
            self.queue.add_later(entry, begin_at)
        else:
            self._line_up(entry, now)
        hopeless = self.dependencies.is_hopeless(entry.job.job_id)
        if not (entry.image_ready or entry.fetching or hopeless):
            entry.fetching = True
            self.act(FetchImage(entry.job.job_id))

    def _line_up(self, entry: Entry, now: float) -> None:
        self.queue.add(entry)
        if entry.image_ready:
            self._ordering.arrived(entry, now)

    def let_begin(self, now: float) -> None:
        """Put the jobs whose begin time has come in the line of those that may be chosen."""
        for job_id in self.queue.due(now):
            entry = self._entries[job_id]
            self.queue.remove(entry)
            self.enqueue(entry, now)

    def follow_dependencies(self, now: float) -> None:
        """Let go on whose dependencies are met, and end who can never run, with who follows."""
        while judged := self.dependencies.take():
            for job_id, never in judged:
                entry = self._entries[job_id]
                if never is not None:
                    self.finish(entry, ParentEndedOtherwise, never, now)
                elif entry.state is State.PENDING:
                    self.queue.remove(entry)
                    self.enqueue(entry, now)

    def image_ready(self, entry: Entry, now: float) -> None:
        """Note that the image is here, so that the job may be chosen."""
        if entry.state.waits:
            self.queue.remove(entry)
            entry.image_ready = True
            self.enqueue(entry, now)
        entry.image_ready = True

    def hold_or_release(self, entry: Entry, asked: Held | Released, now: float) -> None:
        """Move a waiting job to or from HELD."""
        self.queue.remove(entry)
        self._move(entry, type(asked), now)
        if entry.state is State.HELD:
            self._ordering.ended(entry, now)
        self.enqueue(entry, now)

    def change(self, entry: Entry, asked: Changed, now: float) -> None:
        """Let a waiting job ask for something else; it keeps its place by submission."""
        self.queue.remove(entry)
        self._ordering.ended(entry, now)
        entry.limit_s = seconds(asked.limit_s)
        entry.job = replace(
            entry.job,
            resources=asked.resources,
            priority=asked.priority,
            begin_at=asked.begin_at,
        )
        self.enqueue(entry, now)

    def set_limit(self, entry: Entry, limit_s: float, now: float) -> None:
        """Give the job another time limit, from now on part of every plan."""
        if entry.state.waits:
            self.queue.remove(entry)
            entry.limit_s = limit_s
            self.enqueue(entry, now)
            return
        entry.limit_s = limit_s
        self._replan(entry)

    # ------------------------------------------------------------------ from its start to its end

    def begin(self, job_id: int, now: float) -> None:
        """Give a chosen job its allocation and have it started; the amounts are known to fit."""
        entry = self._entries[job_id]
        allocation = self.holdings.find(entry.job.resources)
        if allocation is None:
            raise AssertionError(f"job {job_id} was chosen but does not fit")
        self.queue.remove(entry)
        entry.allocation, entry.starting_at = allocation, now
        self._move(entry, Chosen, now)
        self._note_holder(entry)
        self.holdings.take(job_id, allocation, entry.ends_at)
        self._watch(entry)
        self._ordering.began(entry, now)
        if self._ordering.shared:
            self.queue.rescore(entry.job.user)
        self.act(Start(job_id, allocation, entry.job.attempt))

    def run(self, entry: Entry, trigger: type[JobEvent], started_at: float) -> None:
        """Note that the user's program runs; a job told to stop meanwhile goes on stopping."""
        if entry.started_at is None:
            entry.started_at = started_at
        self._move(entry, trigger, started_at)
        self._replan(entry)

    def suspend_or_resume(self, entry: Entry, asked: Suspended | Resumed, now: float) -> None:
        """Move a running job to or from SUSPENDED; meanwhile it is planned without end."""
        before = entry.state
        self._move(entry, type(asked), now)
        if entry.state is not before:
            job_id = entry.job.job_id
            self.act(Suspend(job_id) if entry.state is State.SUSPENDED else Resume(job_id))
            self._replan(entry)

    def stop(
        self, entry: Entry, trigger: type[Trigger], reason: Reason, now: float, kill: bool = False
    ) -> None:
        """Tell a job to end for ``reason``; it keeps its allocation until it has."""
        job = entry.job
        entry.stopping_at = entry.told_at = now
        entry.stop_reason = reason
        self._move(entry, trigger, now)
        self._replan(entry)
        self.act(Kill(job.job_id) if kill else Stop(job.job_id, job.grace_s))

    def signal(self, entry: Entry) -> None:
        """Give a job the signal it asked for before its time limit, once in each attempt."""
        entry.signalled = True
        self._watch(entry)
        self.act(Signal(entry.job.job_id))

    def finish(
        self, entry: Entry, trigger: type[Trigger], verdict: Verdict, ended_at: float
    ) -> None:
        """End the job; whatever it held is free at once."""
        job_id = entry.job.job_id
        self._let_go(entry, ended_at)
        self._move(entry, trigger, ended_at, verdict)
        del self._entries[job_id]
        self.dependencies.forget(entry)
        self._note_end(job_id, verdict.result)

    def _note_end(self, job_id: int, result: Result) -> None:
        self._done[job_id] = result
        self.dependencies.ended(job_id, result)

    def requeue(
        self, entry: Entry, verdict: Verdict, following: Following, ended_at: float, now: float
    ) -> None:
        """End the attempt, whose allocation is free at once, and let the next one wait."""
        past = past_attempt(entry, verdict, ended_at)
        if verdict.result is Result.PREEMPTED:
            # How long it was let run says nothing of how long it would take.
            entry.starting_at = entry.started_at = None
        self._let_go(entry, ended_at)
        entry.job = replace(entry.job, attempt=entry.job.attempt + 1)
        entry.failures, entry.retry_at = following
        entry.forget_attempt()
        self._move(entry, Requeued, ended_at, past=past)
        self.enqueue(entry, now)

    def _let_go(self, entry: Entry, ended_at: float) -> None:
        job_id = entry.job.job_id
        if entry.state.waits:
            self.queue.remove(entry)
        self._ordering.ended(entry, ended_at)
        if entry.started_at is not None:
            self.queue.rescore(entry.job.user)
        self.holdings.give_back(job_id)
        self.best_effort.discard(job_id)
        self.deadlines.forget(job_id)
        self.signals.forget(job_id)

    def sleep_through(self, seconds: float) -> None:
        """Let every job that holds something have its times later by a sleep of the machine."""
        for entry in list(self.holding()):
            entry.postpone(seconds)
            self._replan(entry)

    def give_another_reason(self, entry: Entry, reason: Reason) -> None:
        """Note that a job told to stop is to stop for another reason, which then counts."""
        entry.stop_reason = reason
        self._record(entry, entry.stopping_at or 0.0)

    def _note_holder(self, entry: Entry) -> None:
        if entry.job.priority is Priority.BEST_EFFORT:
            self.best_effort.add(entry.job.job_id)

    def _replan(self, entry: Entry) -> None:
        """Plan anew when a job that holds something is told to stop, and when it has ended."""
        self.holdings.move_end(entry.job.job_id, entry.ends_at)
        self._watch(entry)

    def _watch(self, entry: Entry) -> None:
        self.deadlines.set(entry.job.job_id, entry.stops_at)
        if entry.job.signal_before_s is not None:
            self.signals.set(entry.job.job_id, entry.signal_at)

    def _move(
        self,
        entry: Entry,
        trigger: type[Trigger],
        at: float,
        verdict: Verdict | None = None,
        past: PastAttempt | None = None,
    ) -> None:
        following = next_state(entry.job.job_id, entry.state, trigger)
        if following is not entry.state:
            entry.enter(following, at)
            self._record(entry, at, verdict, past)

    def _record(
        self,
        entry: Entry,
        at: float,
        verdict: Verdict | None = None,
        past: PastAttempt | None = None,
    ) -> None:
        job = entry.job
        reason = verdict.reason if verdict is not None else entry.stop_reason
        self._records.append(
            Record(
                job_id=job.job_id,
                attempt=job.attempt,
                state=entry.state,
                at=at,
                reason=reason,
                result=verdict.result if verdict else None,
                allocation=entry.allocation,
                exit_code=verdict.exit_code if verdict else None,
                signal=verdict.signal if verdict else None,
                past=past,
                failures=entry.failures if past else 0,
                retry_at=entry.retry_at if past else None,
                array=job.array,
                started_at=entry.started_at,
                ran_s=entry.ran_s(at),
                paused_s=None if entry.started_at is None else entry.paused_s,
            )
        )

    def check(self) -> None:
        """Raise AssertionError when an invariant of this class is broken."""
        self.holdings.check()
        self.queue.check()
        holding = {e.job.job_id for e in self.entries() if e.state.holds_allocation}
        if holding != set(self.holdings.holders):
            raise AssertionError(f"{holding} hold by state, {set(self.holdings.holders)} in truth")
        waiting = {e.job.job_id for e in self.entries() if e.state.waits}
        if waiting != {k.job_id for k in self.queue.in_line(0.0)} | set(self.queue.behind()):
            raise AssertionError("the queue is not that of the waiting jobs")
        dependent = {e.job.job_id for e in self.entries() if e.unmet and e.state is State.PENDING}
        if dependent != set(self.queue.dependent):
            raise AssertionError("the dependent jobs are not those with open dependencies")
        for entry in self.holding():
            job_id = entry.job.job_id
            if self.holdings.end_of(job_id) != entry.ends_at:
                raise AssertionError(f"job {job_id} is planned for another end")
            if self.deadlines.of(job_id) != entry.stops_at:
                raise AssertionError(f"job {job_id} is watched for another time")
            asked = entry.job.signal_before_s is not None
            if asked and self.signals.of(job_id) != entry.signal_at:
                raise AssertionError(f"job {job_id} is to be signalled at another time")
