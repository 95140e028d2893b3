"""The decision where limits are set: as ``backfill``, past jobs that a limit keeps waiting.

A job that a limit keeps waiting never becomes the head, so it keeps nobody from starting but who
would take what it lacks (``gates.Counts``). The head's share of every limit is kept for it.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import NamedTuple

from ..model.resources import Resources
from .amounts import subtract
from .backfill import Reservation, reserve
from .entry import Key, Shape
from .gates import Counts, Gates
from .headroom import Room
from .holdings import Release
from .jobs import Jobs
from .lines import Line, Lines


def gated_pass(gates: Gates, jobs: Jobs, now: float) -> GatedPass:
    """Return a decision over jobs as they stand."""
    holdings, holding = jobs.holdings, [*jobs.holding()]
    counts, room = gates.counts(holding), gates.headroom.room(holding, now)
    return GatedPass(holdings.free, holdings.releases, now, counts, room)


class _Front(NamedTuple):
    """The first job of a line that has not been chosen; keys differ, so no more is compared."""

    key: Key
    line: Line
    rest: Iterator[Key]


class GatedPass:
    """One decision: what is free, the counts and the spare only shrink, so a line fails once."""

    def __init__(
        self,
        free: Resources,
        releases: Callable[[], Iterable[Release]],
        now: float,
        counts: Counts,
        room: Room,
    ) -> None:
        self._free = free
        self._releases = releases
        self._now = now
        self._counts = counts
        self._room = room
        self._starts: list[Key] = []
        self._begun: list[Release] = []
        self._reservation: Reservation | None = None
        self._aged_before = -math.inf

    def run(self, lines: Lines, aged_before: float, backfill: bool) -> list[Key]:
        """Return who starts, in that order; without ``backfill`` none goes past the head."""
        self._aged_before = aged_before
        fronts = _fronts(lines, aged_before)
        while fronts and (backfill or self._reservation is None):
            key, line, rest = fronts[0]
            if self._may_start(key, line):
                self._start(key, line)
                following = next(rest, None)
                if following is not None:
                    heapq.heapreplace(fronts, _Front(following, line, rest))
                    continue
            heapq.heappop(fronts)
        return self._starts

    def head(self, lines: Lines, aged_before: float) -> Reservation | None:
        """Return what is reserved, after a decision that started nobody."""
        self.run(lines, aged_before, backfill=False)
        return self._reservation

    def _may_start(self, key: Key, line: Line) -> bool:
        asked = line.shape.resources
        if self._room.puts_off(line.claim, asked.cores, key.submitted_at, self._aged_before):
            return False
        if not self._counts.admits(line.claim, asked):
            self._counts.pass_over(key, line.claim, asked)
            return False
        fits = asked.fits_in(self._free)
        if line.claim.long:
            fits = fits and self._room.admits(asked.cores)
        if self._reservation is None:
            if not fits:
                self._reserve(key, line)
            return fits
        return fits and self._may_pass(self._reservation, line)

    def _may_pass(self, made: Reservation, line: Line) -> bool:
        """Whether a job that fits does not delay the head."""
        if made.passed_by(self._now + line.shape.span_s, long=line.claim.long):
            return True
        return _leaves_room(made, line) and line.shape.resources.fits_in(made.spare)

    def _start(self, key: Key, line: Line) -> None:
        amounts, ends_at = line.shape.resources, self._now + line.shape.span_s
        self._starts.append(key)
        self._free = subtract(self._free, amounts)
        self._counts.take(line.claim, amounts)
        if line.claim.long:
            self._room.take(amounts.cores, ends_at)
        self._begun.append(Release(ends_at, len(self._begun), key.job_id, amounts))
        made = self._reservation
        if made is not None and not made.passed_by(ends_at, long=line.claim.long):
            left = made.long_spare
            if left is not None and line.claim.long:
                left -= amounts.cores
            spare = subtract(made.spare, amounts)
            self._reservation = replace(made, spare=spare, long_spare=left)

    def _reserve(self, key: Key, line: Line) -> None:
        coming = self._releases()
        if self._begun:
            coming = sorted([*coming, *self._begun], key=attrgetter("at"))
        asked = line.shape.resources
        opens = partial(self._room.opens, asked.cores) if line.claim.long else float
        made = reserve(key, asked, self._free, coming, self._now, opens)
        if line.claim.long:
            made = replace(
                made,
                long_spare=self._room.spare(asked.cores, made.at),
                long_until=self._room.long_until(line.claim, asked.cores, made.at),
            )
        self._reservation = made
        self._counts.keep(line.claim, asked)


def _leaves_room(made: Reservation, line: Line) -> bool:
    """Whether a job that is still there when the head is to start leaves it its room."""
    left = made.long_spare
    return left is None or not line.claim.long or line.shape.resources.cores <= left


def admitted(lines: Lines, aged_before: float, counts: Counts) -> dict[Key, Shape]:
    """Return in order the shapes of the jobs that may start together, as far as limits go."""
    admitted: dict[Key, Shape] = {}
    fronts = _fronts(lines, aged_before)
    while fronts:
        key, line, rest = fronts[0]
        asked, following = line.shape.resources, next(rest, None)
        if counts.admits(line.claim, asked):
            counts.take(line.claim, asked)
            admitted[key] = line.shape
        else:
            counts.pass_over(key, line.claim, asked)
            following = None
        if following is None:
            heapq.heappop(fronts)
        else:
            heapq.heapreplace(fronts, _Front(following, line, rest))
    return admitted


def _fronts(lines: Lines, aged_before: float) -> list[_Front]:
    fronts = []
    for line in lines.every():
        keys = line.keys(aged_before)
        fronts.append(_Front(next(keys), line, keys))
    heapq.heapify(fronts)
    return fronts
