"""Replays a workload through the scheduler: the clock is simulated, the decisions are real."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..model.job import Priority
from ..model.machine import Core, Machine
from ..model.resources import Resources
from ..scheduler import (
    Action,
    Event,
    Exited,
    Policy,
    Scheduler,
    Start,
    Started,
    Submission,
    Submitted,
    Ticked,
    WakeAt,
)
from .workload import LoggedJob, Workload

#: Told how many jobs have ended, and of how many.
Progress = Callable[[int, int], None]
_TOLD_EVERY = 500


@dataclass(frozen=True, slots=True)
class Ran:
    """When a job of the log started in the replay."""

    job: LoggedJob
    start_s: float

    @property
    def wait_s(self) -> float:
        """How long it waited."""
        return self.start_s - self.job.submit_s


def replay(workload: Workload, policy: Policy, progress: Progress | None = None) -> list[Ran]:
    """Return every job of the workload with its start, in order of their ends."""
    return _Replay(workload, policy).run(progress or (lambda done, of: None))


class _Replay:
    """The machine, as the scheduler sees it: it starts what it is told to, jobs end on time."""

    def __init__(self, workload: Workload, policy: Policy) -> None:
        self._jobs = workload.jobs
        self._scheduler = Scheduler(_machine(workload.processors), policy)
        self._starts: dict[int, float] = {}
        self._ends: list[tuple[float, int]] = []
        self._submitted = 0
        self._wake_at = math.inf
        self._ran: list[Ran] = []
        self._amounts = {job.processors: Resources(job.processors) for job in workload.jobs}

    def run(self, progress: Progress) -> list[Ran]:
        """Go from event to event until the last job has ended."""
        total = len(self._jobs)
        while len(self._ran) < total:
            now = self._next_time()
            batch = self._ended(now) + self._arrived(now) or [Ticked()]
            told = len(self._ran) // _TOLD_EVERY
            while batch:
                batch = self._carry_out(self._scheduler.handle_all(batch, now), now)
            if len(self._ran) // _TOLD_EVERY > told:
                progress(len(self._ran), total)
        progress(total, total)
        return self._ran

    def _next_time(self) -> float:
        submit_s = (
            self._jobs[self._submitted].submit_s if self._submitted < len(self._jobs) else math.inf
        )
        end_s = self._ends[0][0] if self._ends else math.inf
        return min(submit_s, end_s, self._wake_at)

    def _ended(self, now: float) -> list[Event]:
        ended: list[Event] = []
        while self._ends and self._ends[0][0] <= now:
            _, at = heapq.heappop(self._ends)
            self._ran.append(Ran(self._jobs[at], self._starts.pop(at)))
            ended.append(Exited(job_id=at + 1, exit_code=0))
        return ended

    def _arrived(self, now: float) -> list[Event]:
        arrived: list[Event] = []
        jobs = self._jobs
        while self._submitted < len(jobs) and jobs[self._submitted].submit_s <= now:
            arrived.append(Submitted(self._submission(self._submitted)))
            self._submitted += 1
        return arrived

    def _carry_out(self, actions: Sequence[Action], now: float) -> list[Event]:
        """Start what is to be started; return what there is to report of it."""
        self._wake_at = math.inf
        reports: list[Event] = []
        for action in actions:
            if isinstance(action, Start):
                at = action.job_id - 1
                self._starts[at] = now
                heapq.heappush(self._ends, (now + self._jobs[at].run_s, at))
                reports.append(Started(action.job_id))
            elif isinstance(action, WakeAt):
                self._wake_at = action.at
        return reports

    def _submission(self, at: int) -> Submission:
        """Return a job as the scheduler sees it: it never learns the run time before the end."""
        job = self._jobs[at]
        return Submission(
            job_id=at + 1,
            resources=self._amounts[job.processors],
            limit_s=job.limit_s,
            priority=Priority.NORMAL,
            submitted_at=job.submit_s,
            grace_s=0.0,
            start_timeout_s=0.0,
            image_ready=True,
            user=job.user,
            kind=job.kind,
        )


def _machine(processors: int) -> Machine:
    return Machine("simulated", tuple(Core(n, n) for n in range(processors)), 0)
