"""Conservative backfill: every job is promised its start when it comes, and never starts later.

When something ends early, or a job is cancelled, each waiting job in order gets the first gap that
is earlier than its promise. Source: Mu'alem and Feitelson, IEEE TPDS 12(6), 2001.

A promise is only as good as the ends it is built on. Where one proves wrong to the bad (overdue,
more time given, more use by others) all are made anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..model.resources import Resources
from .entry import Key, Shape
from .holdings import Release
from .profile import Profile


@dataclass(frozen=True, slots=True)
class _Promise:
    at: float
    shape: Shape


class Promises:
    """When each waiting job will start at the latest."""

    def __init__(self) -> None:
        self._profile: Profile | None = None
        self._held: dict[int, Release] = {}
        self._promised: dict[int, _Promise] = {}

    def choose(
        self,
        waiting: Mapping[Key, Shape],
        free: Resources,
        releases: Iterable[Release],
        now: float,
    ) -> list[Key]:
        """Return which jobs start now; ``waiting`` is in order. Those that start are known here."""
        held = {release.job_id: release for release in releases}
        self._keep_up(waiting, free, held, now)
        starts = []
        for key, shape in waiting.items():
            if self._promised[key.job_id].at <= now and shape.resources.fits_in(free):
                free = Resources(
                    free.cores - shape.resources.cores,
                    free.memory_bytes - shape.resources.memory_bytes,
                    free.gpus - shape.resources.gpus,
                )
                starts.append(key)
                del self._promised[key.job_id]
                held[key.job_id] = Release(now + shape.span_s, 0, key.job_id, shape.resources)
        self._held = held
        return starts

    @property
    def next(self) -> float:
        """When the next job is promised its start; infinite when none is, or nobody knows."""
        if not self._promised:
            return math.inf
        return min([promise.at for promise in self._promised.values()])

    def promised(self) -> Mapping[int, float]:
        """Return the promised start of every job that waits; infinite where it is unknown."""
        return {job_id: promise.at for job_id, promise in self._promised.items()}

    def _keep_up(
        self, waiting: Mapping[Key, Shape], free: Resources, held: dict[int, Release], now: float
    ) -> None:
        """Take in what has changed since the last time."""
        profile = self._profile
        if profile is None or self._proved_wrong(held, now):
            self._profile = profile = Profile(free, held.values(), now)
            self._promised = {}
        else:
            profile.forget_before(now)
            gained = self._take_back(profile, held, now)
            gained |= self._drop(profile, waiting, now)
            if gained:
                self._improve(profile, waiting)
        for key, shape in waiting.items():
            if key.job_id not in self._promised:
                self._promise(profile, key.job_id, shape)

    def _proved_wrong(self, held: Mapping[int, Release], now: float) -> bool:
        """Whether something holds on longer, or holds more, than what was promised rests on."""
        for job_id, release in held.items():
            before = self._held.get(job_id)
            if before is None or before.amounts != release.amounts or release.at > before.at:
                return True
            if release.at <= now:
                return True
        return any(promise.at < now for promise in self._promised.values())

    def _take_back(self, profile: Profile, held: Mapping[int, Release], now: float) -> bool:
        """Vacate what has ended, or will end, before it was to; whether there is any."""
        gained = False
        for job_id, before in self._held.items():
            release = held.get(job_id)
            end = now if release is None else release.at
            if end < before.at:
                profile.vacate(end, before.at, before.amounts)
                gained = True
        return gained

    def _drop(self, profile: Profile, waiting: Mapping[Key, Shape], now: float) -> bool:
        """Vacate what was promised to who waits no more, or asks for something else by now."""
        asked = {key.job_id: shape for key, shape in waiting.items()}
        gone = [n for n, promise in self._promised.items() if asked.get(n) != promise.shape]
        for job_id in gone:
            promise = self._promised.pop(job_id)
            end = promise.at + promise.shape.span_s
            profile.vacate(max(promise.at, now), end, promise.shape.resources)
        return bool(gone)

    def _improve(self, profile: Profile, waiting: Mapping[Key, Shape]) -> None:
        """Give each job in order the first gap before its promise."""
        for key, shape in waiting.items():
            promise = self._promised.get(key.job_id)
            if promise is None:
                continue
            at = profile.first_gap(shape.resources, shape.span_s, before=promise.at)
            if at < promise.at:
                profile.vacate(promise.at, promise.at + shape.span_s, shape.resources)
                profile.occupy(at, at + shape.span_s, shape.resources)
                self._promised[key.job_id] = _Promise(at, shape)

    def _promise(self, profile: Profile, job_id: int, shape: Shape) -> None:
        at = profile.first_gap(shape.resources, shape.span_s)
        profile.occupy(at, at + shape.span_s, shape.resources)
        self._promised[job_id] = _Promise(at, shape)
