"""Who goes first within a hard class: an ordering scores kinds of jobs and says who has aged."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol

from ..model.resources import Resources
from .entry import Entry, Kind, Spot, restored_entry
from .events import Restored
from .history import Expected, History
from .yardstick import Yardstick

_ANY = Kind()


class Ordering(Protocol):
    """What the queue asks, and what it tells; the least score goes first, equal ones by time."""

    #: Whether one job's start or end may change the scores of everybody's jobs.
    shared: bool

    def kind_of(self, entry: Entry) -> Kind:
        """Return which jobs it shares its score with."""
        ...

    def score(self, spot: Spot) -> float:
        """Return the score of the jobs that wait there, not negative."""
        ...

    def since(self, entry: Entry) -> float:
        """Return since when it waits, as far as its place goes."""
        ...

    def aged_before(self, now: float) -> float:
        """Return the time before which a job must have been submitted to go before all scores."""
        ...

    def usual_s(self, entry: Entry) -> float | None:
        """Return how long such jobs run, as far as some have; for display, never to decide by."""
        ...

    def arrived(self, entry: Entry, now: float) -> None:
        """A job may be chosen from now on; told again when it was changed."""
        ...

    def began(self, entry: Entry, now: float) -> None:
        """A job was given its allocation."""
        ...

    def ended(self, entry: Entry, at: float) -> None:
        """A job has ended, or will not start for now."""
        ...

    def recall(self, rows: Iterable[Restored]) -> None:
        """Jobs that an earlier engine started, told once before all else."""
        ...


class BySubmission:
    """Who came first goes first."""

    shared = False

    def kind_of(self, entry: Entry) -> Kind:
        """All are of one kind."""
        return _ANY

    def score(self, spot: Spot) -> float:
        """All are worth the same."""
        return 0.0

    def since(self, entry: Entry) -> float:
        """All tasks of an array came with it."""
        return entry.job.submitted_at

    def aged_before(self, now: float) -> float:
        """Nobody goes before his turn."""
        return -math.inf

    def usual_s(self, entry: Entry) -> float | None:
        """Nothing is learnt."""
        return None

    def arrived(self, entry: Entry, now: float) -> None:
        """Nothing is learnt."""

    def began(self, entry: Entry, now: float) -> None:
        """Nothing is learnt."""

    def ended(self, entry: Entry, at: float) -> None:
        """Nothing is learnt."""

    def recall(self, rows: Iterable[Restored]) -> None:
        """Nothing is learnt."""


class ByIndex:
    """Who holds little for a short time, and loses much by waiting, goes first.

    The index is Smith's rule (weighted shortest processing time) for the bounded slowdown: cost,
    the dominant share of the machine times a power of the expected time, over what a second of
    waiting adds to the slowdown, the expected 1/time. Source: W. E. Smith, Naval Research Logistics
    Quarterly 3, 1956.

    Who has waited longer than a share of the longest wait that plain EASY would have given goes
    before all of them, by submission; so nobody waits much longer than there, however the machine
    is loaded; a wait of minutes is nobody's privilege.
    """

    #: The power of the expected time in the cost; below 1 since expectations are rough.
    POWER = 0.5
    shared = False

    def __init__(
        self, machine: Resources, guard: float, patience_s: float, unknown_s: float
    ) -> None:
        self._machine = machine
        self._guard = guard
        self._patience_s = patience_s
        self._history = History(unknown_s)
        self._yardstick = Yardstick(machine)

    def kind_of(self, entry: Entry) -> Kind:
        """Return what is expected to run alike."""
        return entry.kind

    def since(self, entry: Entry) -> float:
        """Return when it came; a task of an array waits since the one before it began.

        Or a long array would age as a whole, and nobody came in before its last task.
        """
        return max(entry.job.submitted_at, entry.renewed_at)

    def score(self, spot: Spot) -> float:
        """Return the index."""
        expected = self.expected(spot.kind, spot.shape.resources)
        share = dominant_share(spot.shape.resources, self._machine)
        return share * math.pow(expected.run_s, self.POWER) / expected.urgency

    def expected(self, kind: Kind, resources: Resources) -> Expected:
        """Return what such a job is expected to take."""
        return self._history.expect(kind, resources)

    def aged_before(self, now: float) -> float:
        """Return the time before which a job must have been submitted to have waited too long."""
        return now - max(self._patience_s, self._guard * self._yardstick.longest_s(now))

    def usual_s(self, entry: Entry) -> float | None:
        """Return what the last runs of its kind took."""
        return self._history.usual_s(entry.kind, entry.job.resources)

    def arrived(self, entry: Entry, now: float) -> None:
        """Replay its arrival."""
        self._yardstick.arrived(entry.job.job_id, entry.shape, now)

    def began(self, entry: Entry, now: float) -> None:
        """Note that it runs."""
        self._yardstick.began(entry.job.job_id, now)

    def ended(self, entry: Entry, at: float) -> None:
        """Learn how long it ran."""
        begun_at = entry.starting_at if entry.starting_at is not None else entry.started_at
        self._yardstick.ended(entry.job.job_id, 0.0 if begun_at is None else max(at - begun_at, 0))
        run_s = entry.ran_s(at)
        if run_s is not None:
            self._history.learn(entry.kind, entry.job.resources, max(run_s, 0.0))

    def recall(self, rows: Iterable[Restored]) -> None:
        """Learn what those that have ended took, and replay them and those that run."""
        known = [(row, restored_entry(row, row.started_at or 0.0)) for row in rows]
        for row, entry in sorted(known, key=lambda one: one[0].ended_at or 0.0):
            if row.ended_at is not None and row.started_at is not None:
                run_s = max(row.ended_at - row.started_at - row.paused_s, 0.0)
                self._history.learn(entry.kind, entry.job.resources, run_s)
        for row, entry in sorted(known, key=lambda one: (_came_at(one[0]), one[0].job.job_id)):
            self._replay(row, entry)

    def _replay(self, row: Restored, entry: Entry) -> None:
        job, begun_at = row.job, row.starting_at or row.started_at
        if begun_at is None or not job.resources.fits_in(self._machine):
            return
        # Since when a job could be chosen that was held or depended on others is not known.
        if job.dependencies or job.held:
            return
        self._yardstick.arrived(job.job_id, entry.shape, _came_at(row))
        self._yardstick.began(job.job_id, begun_at)
        if row.ended_at is not None:
            self._yardstick.ended(job.job_id, max(row.ended_at - begun_at, 0.0))


def _came_at(row: Restored) -> float:
    """Return since when it could be chosen, as far as is known; a task from its beginning on."""
    if row.job.array is not None:
        return row.starting_at or row.started_at or row.job.submitted_at
    return max(row.job.submitted_at, row.job.begin_at or row.job.submitted_at)


def usual_end(ordering: Ordering, entry: Entry) -> float:
    """Return when a running job without a limit ends if it takes what such jobs took.

    Infinite where there were none. To be told, never to decide by.
    """
    usual_s = ordering.usual_s(entry)
    if usual_s is None or entry.started_at is None:
        return math.inf
    return entry.started_at + entry.paused_s + usual_s


def dominant_share(asked: Resources, machine: Resources) -> float:
    """Return the largest of the shares asked of each resource the machine has."""
    return max(
        asked.cores / max(machine.cores, 1),
        asked.memory_bytes / max(machine.memory_bytes, 1),
        asked.gpus / max(machine.gpus, 1),
    )
