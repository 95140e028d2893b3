"""The smallest changes of a request that would start it now, each found by trying it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..model.explanation import Change
from ..model.job import Priority
from ..model.resources import Resources
from .amounts import least
from .entry import seconds
from .events import Submission
from .trial import Trial

#: Up to this count every smaller one is tried; of more, shares, and what is free.
_FEW = 16
_SHARES = 8
_MIB = 2**20
_HOUR_S = 3600.0
#: Time limits people give, in hours.
_USUAL_H = (168, 72, 48, 24, 12, 8, 4, 2, 1, 1 / 2, 1 / 4, 1 / 6, 1 / 12, 1 / 60)
#: A time limit found is rounded down to a multiple of the second, below the first (seconds).
_ROUNDED_S = ((60.0, 1.0), (600.0, 10.0), (7200.0, 60.0), (math.inf, 600.0))
#: What another class costs, and a first time limit, beside the share less of an amount.
_CLASS_COST = 1.0
_FIRST_LIMIT_COST = 0.5


class Smaller:
    """Finds them; with ``memory_per_core_bytes`` the job's memory follows its cores.

    Of each kind (fewer cores, fewer GPUs, less memory, a shorter time limit, a higher class) the
    smallest change is found by bisection among the values worth trying. Only where none of them
    helps alone, all amounts are made as small as what is free.
    """

    def __init__(self, trial: Trial, now: float, memory_per_core_bytes: int = 0) -> None:
        self._trial = trial
        self._now = now
        self._memory_per_core_bytes = memory_per_core_bytes

    def changes(self, job: Submission) -> tuple[Change, ...]:
        """Return what would start the job now, the smallest change first."""
        room = self._room()
        kinds = (
            _fewer_cores(job, room),
            _fewer_gpus(job),
            _less_memory(job, room),
            self._less_time(job),
            _higher(job),
        )
        found = [self._first(job, changes) for changes in kinds]
        helping = [change for change in found if change is not None]
        if not helping:
            together = _all_at_once(job, room)
            helping = [change for change in together[:1] if self._helps(job, change)] or [
                change for change in together[1:] if self._helps(job, change)
            ]
        return tuple(sorted(helping, key=lambda change: _cost(job, change)))

    def changed(self, job: Submission, change: Change) -> Submission:
        """Return the request with the change made."""
        asked = job.resources
        cores = asked.cores if change.cores is None else change.cores
        memory_bytes = asked.memory_bytes
        if change.memory_bytes is not None:
            memory_bytes = change.memory_bytes
        elif self._memory_per_core_bytes:
            memory_bytes = min(self._memory_per_core_bytes * cores, memory_bytes)
        gpus = asked.gpus if change.gpus is None else change.gpus
        return replace(
            job,
            resources=Resources(cores, memory_bytes, gpus),
            limit_s=job.limit_s if change.time_limit_s is None else change.time_limit_s,
            priority=change.priority or job.priority,
        )

    def _helps(self, job: Submission, change: Change) -> bool:
        return self._trial.starts(self.changed(job, change)) is not None

    def _first(self, job: Submission, changes: Sequence[Change]) -> Change | None:
        """Return the first that helps: where one does, all that follow it do."""
        if not changes or not self._helps(job, changes[-1]):
            return None
        low, high = 0, len(changes) - 1
        while low < high:
            middle = (low + high) // 2
            if self._helps(job, changes[middle]):
                high = middle
            else:
                low = middle + 1
        return changes[high]

    def _room(self) -> list[Resources]:
        """Return what is free, and what of it the first in the queue will not need."""
        scheduler = self._trial.rehearsal.scheduler
        free = scheduler.jobs.holdings.free
        reservation = scheduler.reservation(self._now)
        return [free] if reservation is None else [free, least(free, reservation.spare)]

    def _less_time(self, job: Submission) -> list[Change]:
        limits = {_HOUR_S * hours for hours in _USUAL_H}
        reservation = self._trial.rehearsal.scheduler.reservation(self._now)
        for ends in {reservation.at, reservation.long_until} if reservation is not None else ():
            if ends < math.inf:
                limits.add(_rounded(ends - self._now - job.start_timeout_s - job.grace_s))
        most = seconds(job.limit_s)
        return [Change(time_limit_s=s) for s in sorted(limits, reverse=True) if 0 < s < most]


def _fewer_cores(job: Submission, room: Iterable[Resources]) -> list[Change]:
    counts = _counts(job.resources.cores, (one.cores for one in room))
    return [Change(cores=count) for count in counts]


def _fewer_gpus(job: Submission) -> list[Change]:
    return [Change(gpus=count) for count in range(job.resources.gpus - 1, 0, -1)]


def _less_memory(job: Submission, room: Iterable[Resources]) -> list[Change]:
    asked = job.resources.memory_bytes // _MIB
    amounts = {asked * share // _SHARES for share in range(1, _SHARES)}
    amounts.update(one.memory_bytes // _MIB for one in room)
    return [
        Change(memory_bytes=amount * _MIB)
        for amount in sorted(amounts, reverse=True)
        if 0 < amount < asked
    ]


def _higher(job: Submission) -> list[Change]:
    above = [one for one in Priority if one.rank < job.priority.rank]
    return [Change(priority=one) for one in reversed(above)]


def _all_at_once(job: Submission, room: Iterable[Resources]) -> list[Change]:
    asked = job.resources
    changes = []
    for one in room:
        less = least(asked, one)
        if less.cores < 1 or (asked.gpus and less.gpus < 1):
            continue
        if asked.memory_bytes and less.memory_bytes < _MIB:
            continue
        memory_bytes = less.memory_bytes // _MIB * _MIB
        changes.append(
            Change(
                cores=less.cores if less.cores < asked.cores else None,
                memory_bytes=memory_bytes if memory_bytes < asked.memory_bytes else None,
                gpus=less.gpus if less.gpus < asked.gpus else None,
            )
        )
    return changes


def _counts(asked: int, seen: Iterable[int]) -> list[int]:
    """Return the counts worth trying, the largest first."""
    if asked <= _FEW:
        return list(range(asked - 1, 0, -1))
    counts = {asked * share // _FEW for share in range(1, _FEW)} | {asked - 1, 1, *seen}
    return [count for count in sorted(counts, reverse=True) if 0 < count < asked]


def _rounded(limit_s: float) -> float:
    step = next(step for below, step in _ROUNDED_S if limit_s < below)
    return limit_s // step * step


def _cost(job: Submission, change: Change) -> float:
    """Return how much a change changes: the share less of each amount, and of the time."""
    asked = job.resources
    pairs = (
        (change.cores, asked.cores),
        (change.memory_bytes, asked.memory_bytes),
        (change.gpus, asked.gpus),
    )
    cost = sum(1 - less / most for less, most in pairs if less is not None)
    if change.time_limit_s is not None:
        cost += 1 - change.time_limit_s / job.limit_s if job.limit_s else _FIRST_LIMIT_COST
    if change.priority is not None:
        cost += _CLASS_COST * (job.priority.rank - change.priority.rank)
    return cost
