"""What will happen if nothing else does: a copy of the scheduler, run forward event by event.

The copy decides with the code that decides in truth, so what it says is right whatever the policy
is. Assumed is: every job takes its whole time limit, or what such jobs took where it has none, one
that is told to stop its whole grace, a container starts at once, images arrive at once, others use
what they use now, nobody submits.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterable

from ..model.states import State
from .actions import Action, Kill, Start, Stop, WakeAt
from .core import Scheduler
from .entry import Entry
from .events import Event, Exited, ImageReady, Started, Ticked
from .order import usual_end
from .profile import SOON_S
from .replica import replica

#: How much a rehearsal may cost, in amounts looked at; about a tenth of a second.
MOST_WORK = 100_000
#: What a step costs beside the amounts it looks at.
_STEP_WORK = 400


class Rehearsal:
    """A copy of a scheduler at ``now``, and what happened to it since."""

    def __init__(self, scheduler: Scheduler, now: float, most_work: int = MOST_WORK) -> None:
        self.scheduler = replica(scheduler)
        self.now = now
        #: When each job or array started, and who ended at that moment.
        self.starts: dict[int, float] = {}
        self.after: dict[int, tuple[int, ...]] = {}
        #: Jobs without a time limit that have ended here after their usual time.
        self.guessed: dict[int, None] = {}
        self._work_left = most_work
        self._begun = False
        self._wake_at = math.inf
        self._ends: list[tuple[float, int]] = []
        self._end_of: dict[int, float] = {}

    def send(self, event: Event) -> list[Action]:
        """Let something happen now; raises what the scheduler refuses."""
        actions = self.scheduler.handle(event, self.now)
        self._note(actions, ())
        return actions

    def run(self, until: Collection[int]) -> bool:
        """Go on until these jobs have started; False when that would cost too much.

        Where it is True, one of them that has not started never will as things are.
        """
        if not self._begun:
            self._begun = True
            self._begin()
        awaited = set(until) - self.starts.keys()
        while awaited:
            at = min(self._next_end(), self._wake_at)
            if at == math.inf:
                return True
            if self._work_left <= 0:
                return False
            self.now = max(at, self.now)
            ended = self._ended()
            begun = self._happen([Exited(job_id=n, exit_code=0) for n in ended] or [Ticked()])
            if begun:
                awaited -= self.starts.keys()
        return True

    def endless(self) -> tuple[int, ...]:
        """Return the jobs that hold something now and of which nobody knows when they end."""
        holding = [entry.job.job_id for entry in self.scheduler.jobs.holding()]
        return tuple(n for n in holding if self._end_of.get(n, math.inf) == math.inf)

    def _begin(self) -> None:
        """Let images arrive and run what has begun."""
        reports: list[Event] = []
        for entry in self.scheduler.jobs.entries():
            if entry.state is State.STARTING:
                reports.append(Started(entry.job.job_id))
            elif entry.state.holds_allocation:
                self._watch(entry)
            elif not entry.image_ready:
                reports.append(ImageReady(entry.job.job_id))
        self._happen(reports or [Ticked()])

    def _happen(self, batch: list[Event]) -> list[int]:
        """Let events happen together; return who starts at that moment."""
        ended = tuple(event.job_id for event in batch if isinstance(event, Exited))
        begun: list[int] = []
        while batch:
            self._work_left -= _STEP_WORK + len(self.scheduler.jobs.queue.blocks)
            started = self._note(self.scheduler.handle_all(batch, self.now), ended)
            self._watch_all(event.job_id for event in batch if isinstance(event, Started))
            batch = [Started(job_id) for job_id in started]
            begun += started
        return begun

    def _note(self, actions: Iterable[Action], ended: tuple[int, ...]) -> list[int]:
        """Write down what starts, and return it."""
        self._wake_at = math.inf
        started = []
        for action in actions:
            match action:
                case Start(job_id=job_id):
                    self._note_start(job_id, ended)
                    started.append(job_id)
                case Stop(job_id=job_id) | Kill(job_id=job_id):
                    self._watch_all([job_id])
                case WakeAt(at=at):
                    self._wake_at = at
        return started

    def _note_start(self, job_id: int, ended: tuple[int, ...]) -> None:
        """Write down a start, of a task also as that of its array, which starts with the first."""
        entry = self.scheduler.jobs.get(job_id)
        array = None if entry is None else entry.job.array
        for number in (job_id,) if array is None else (job_id, array):
            self.starts.setdefault(number, self.now)
            self.after.setdefault(number, ended)

    def _watch_all(self, numbers: Iterable[int]) -> None:
        for job_id in numbers:
            entry = self.scheduler.jobs.get(job_id)
            if entry is not None and entry.state.holds_allocation:
                self._watch(entry)

    def _watch(self, entry: Entry) -> None:
        """Expect its end: of one that runs by its limit, of one told to stop after its grace."""
        runs = entry.state is State.RUNNING
        at = entry.stops_at if runs else entry.ends_at
        if runs and at == math.inf and (end := self._usual_end(entry)) > self.now:
            at = end
        if at <= self.now:
            at = self.now + SOON_S
        self._end_of[entry.job.job_id] = at
        if at < math.inf:
            heapq.heappush(self._ends, (at, entry.job.job_id))

    def _usual_end(self, entry: Entry) -> float:
        return usual_end(self.scheduler.ordering, entry)

    def _next_end(self) -> float:
        ends = self._ends
        while ends and self._end_of.get(ends[0][1]) != ends[0][0]:
            heapq.heappop(ends)
        return ends[0][0] if ends else math.inf

    def _ended(self) -> list[int]:
        """Return who ends now, and expect it no more."""
        ended = []
        while self._next_end() <= self.now:
            job_id = heapq.heappop(self._ends)[1]
            del self._end_of[job_id]
            ended.append(job_id)
            entry = self.scheduler.jobs.get(job_id)
            if entry is not None and entry.limit_s == math.inf and entry.state is State.RUNNING:
                self.guessed[job_id] = None
        return ended
