"""What a waiting job shows: its reason and position, told anew when they change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...model.job import Job, Waiting
from ...scheduler.core import Scheduler
from ...scheduler.foresight import Foresight, Predictions
from ..feed import Feed
from .beside import Beside
from .clock import Clock

#: With more jobs waiting, when each starts is worked out beside the loop, for lists and explain;
#: followers are not told it.
_MOST_FORETOLD = 30
#: With more jobs waiting, only those that changed themselves are told; lists stay exact.
_MOST_TOLD = 1000


class QueueView:
    """Adds what only the scheduler knows to the records that doors see."""

    def __init__(
        self,
        scheduler: Scheduler,
        foresight: Foresight,
        clock: Clock,
        feed: Feed,
        beside: Beside,
    ) -> None:
        self._scheduler = scheduler
        self._foresight = foresight
        self._clock = clock
        self._feed = feed
        self._beside = beside
        self._waiting: dict[int, Job] = {}

    async def shown(self, jobs: list[Job]) -> list[Job]:
        """Return the records with reason and position where they wait, and arrays with counts."""
        jobs = self._counted(jobs)
        if not any(job.state.waits for job in jobs):
            return jobs
        starts = await self._starts()
        async with self._beside.turn:
            return _with(jobs, self._scheduler.waiting_all(self._clock.now()), starts)

    async def _starts(self) -> Mapping[int, float]:
        """Return the predicted starts, kept ones where nothing has happened since."""
        async with self._beside.turn:
            now = self._clock.now()
            if len(self._scheduler.jobs.queue) <= _MOST_FORETOLD or self._foresight.is_fresh(now):
                return self._foresight.starts(now)
        self._foresight.predictions = await self._beside.ask(_predicted)
        return self._foresight.predictions.starts

    def publish(self, jobs: list[Job]) -> None:
        """Tell followers of these jobs, and of others whose reason or place they changed.

        For whoever has the scheduler's turn.
        """
        jobs = self._counted(jobs)
        for job in jobs:
            self._waiting.pop(job.id, None)
        waiting = {job.id: job for job in jobs if job.state.waits}
        if not len(self._feed) or len(self._waiting) + len(waiting) > _MOST_TOLD:
            self._waiting.update(waiting)
            if len(self._feed) and waiting:
                jobs = _with(jobs, self._scheduler.waiting_all(self._clock.now()), {})
            self._feed.publish(jobs)
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


def _predicted(copy: Scheduler, now: float) -> Predictions:
    foresight = Foresight(copy)
    foresight.starts(now)
    return foresight.predictions


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
