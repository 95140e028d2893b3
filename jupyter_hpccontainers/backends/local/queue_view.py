"""What a waiting job shows: its reason and position, told anew when they change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...model.job import Job, Waiting
from ...scheduler.core import Scheduler
from ...scheduler.foresight import Foresight
from ..feed import Feed
from .clock import Clock

#: With more jobs waiting, followers are not told when each starts; lists and explain tell.
_MOST_FORETOLD = 30
#: With more jobs waiting, only those that changed themselves are told; lists stay exact.
_MOST_TOLD = 1000


class QueueView:
    """Adds what only the scheduler knows to the records that doors see."""

    def __init__(
        self, scheduler: Scheduler, foresight: Foresight, clock: Clock, feed: Feed
    ) -> None:
        self._scheduler = scheduler
        self._foresight = foresight
        self._clock = clock
        self._feed = feed
        self._waiting: dict[int, Job] = {}

    def shown(self, jobs: list[Job]) -> list[Job]:
        """Return the records with reason and position where they wait, and arrays with counts."""
        jobs = self._counted(jobs)
        if not any(job.state.waits for job in jobs):
            return jobs
        now = self._clock.now()
        return _with(jobs, self._scheduler.waiting_all(now), self._foresight.starts(now))

    def publish(self, jobs: list[Job]) -> None:
        """Tell followers of these jobs, and of others whose reason or place they changed."""
        jobs = self._counted(jobs)
        for job in jobs:
            self._waiting.pop(job.id, None)
        waiting = {job.id: job for job in jobs if job.state.waits}
        if not len(self._feed) or len(self._waiting) + len(waiting) > _MOST_TOLD:
            self._waiting.update(waiting)
            self._feed.publish(self.shown(jobs) if len(self._feed) else jobs)
            return
        now = self._clock.now()
        places = self._scheduler.waiting_all(now)
        starts = self._foresight.starts(now) if len(places) <= _MOST_FORETOLD else {}
        moved = [
            after
            for before in self._waiting.values()
            if (after := _with([before], places, starts)[0]) != before
        ]
        now_shown = _with(jobs, places, starts)
        self._waiting.update({job.id: job for job in (*moved, *now_shown) if job.state.waits})
        self._feed.publish([*now_shown, *moved])

    def _counted(self, jobs: list[Job]) -> list[Job]:
        return [
            replace(job, tasks=self._scheduler.tasks_of(job.id) or job.tasks)
            if job.spec.array is not None and not job.done
            else job
            for job in jobs
        ]


def _with(jobs: list[Job], places: Mapping[int, Waiting], starts: Mapping[int, float]) -> list[Job]:
    return [
        replace(
            job,
            reason=places[job.id].reason,
            position=places[job.id].position,
            # To the second: what moves by less need not be told anew.
            predicted_start=float(round(starts[job.id])) if job.id in starts else None,
        )
        if job.id in places and job.state.waits
        else job
        for job in jobs
    ]
