"""Waiting jobs grouped so that alike jobs are tested, scored and moved together.

A *line* holds the jobs of one hard class and shape; in it a *group* holds those of one kind, which
share a score and stand by submission. So a pass asks each line for its first job, a new score of a
kind moves one group, and who has waited too long is at the front of its group.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, insort
from collections.abc import Collection, Iterator
from typing import TypeAlias

from .entry import AGED, Key, Kind, Shape, Spot

#: When a job was submitted, and its number.
Moment: TypeAlias = tuple[float, int]
_NEVER: Moment = (math.inf, 0)


class Group:
    """Jobs of one kind in one line, by submission; never empty."""

    __slots__ = ("moments", "score")

    def __init__(self, score: float) -> None:
        self.score = score
        self.moments: list[Moment] = []

    def keys(self, rank: int, aged_before: float) -> Iterator[Key]:
        """Yield the keys in order."""
        for submitted_at, job_id in self.moments:
            score = AGED if submitted_at < aged_before else self.score
            yield Key(rank, score, submitted_at, job_id)


class Line:
    """Jobs of one hard class and shape; never empty."""

    __slots__ = ("_best", "_oldest", "groups", "rank", "shape")

    def __init__(self, rank: int, shape: Shape) -> None:
        self.rank = rank
        self.shape = shape
        self.groups: dict[Kind, Group] = {}
        self._best: Key | None = None
        self._oldest = _NEVER

    def front(self, aged_before: float) -> Key:
        """Return who goes first; those submitted before ``aged_before`` do so by submission."""
        if self._best is None:
            groups = self.groups.values()
            self._oldest = min([group.moments[0] for group in groups])
            self._best = min([Key(self.rank, group.score, *group.moments[0]) for group in groups])
        if self._oldest[0] < aged_before:
            return Key(self.rank, AGED, *self._oldest)
        return self._best

    def keys(self, aged_before: float) -> Iterator[Key]:
        """Yield all in order."""
        return heapq.merge(*(group.keys(self.rank, aged_before) for group in self.groups.values()))

    def add(self, kind: Kind, score: float, moment: Moment) -> None:
        """Add a job; its group takes the score."""
        group = self.groups.get(kind)
        if group is None:
            group = self.groups[kind] = Group(score)
        group.score = score
        insort(group.moments, moment)
        self._best = None

    def remove(self, kind: Kind, moment: Moment) -> None:
        """Take out a job that is here."""
        group = self.groups[kind]
        del group.moments[bisect_left(group.moments, moment)]
        if not group.moments:
            del self.groups[kind]
        self._best = None

    def rescore(self, kind: Kind, score: float) -> None:
        """Give a group that is here another score."""
        self.groups[kind].score = score
        self._best = None

    def check(self) -> None:
        """Raise AssertionError when a group is empty or not in order, or the front is not."""
        for group in self.groups.values():
            if not group.moments or group.moments != sorted(set(group.moments)):
                raise AssertionError("a group of the queue is empty or not in order")
        if self.front(-math.inf) != next(self.keys(-math.inf)):
            raise AssertionError("the front of a line is not its first")


class Lines:
    """Every line of a queue, and where in them each job stands."""

    def __init__(self) -> None:
        self._lines: dict[tuple[int, Shape], Line] = {}
        self._places: dict[int, tuple[Line, Kind, Moment]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._places

    def every(self) -> Collection[Line]:
        """Return every line; none is empty."""
        return self._lines.values()

    def keys(self, aged_before: float) -> Iterator[Key]:
        """Yield the key of every job, in no order."""
        for line in self._lines.values():
            for group in line.groups.values():
                yield from group.keys(line.rank, aged_before)

    def shapes(self, aged_before: float) -> dict[Key, Shape]:
        """Return the shape of every job, in order."""
        pairs = [
            (key, line.shape)
            for line in self._lines.values()
            for group in line.groups.values()
            for key in group.keys(line.rank, aged_before)
        ]
        return dict(sorted(pairs))

    def add(self, spot: Spot, score: float, moment: Moment) -> None:
        """Add a job."""
        where = spot[:2]
        line = self._lines.get(where)
        if line is None:
            line = self._lines[where] = Line(spot.rank, spot.shape)
        line.add(spot.kind, score, moment)
        self._places[moment[1]] = line, spot.kind, moment

    def remove(self, job_id: int) -> bool:
        """Take a job out; False when it is not here."""
        place = self._places.pop(job_id, None)
        if place is None:
            return False
        line, kind, moment = place
        line.remove(kind, moment)
        if not line.groups:
            del self._lines[line.rank, line.shape]
        return True

    def has(self, spot: Spot) -> bool:
        """Whether anyone waits at a spot."""
        line = self._lines.get(spot[:2])
        return line is not None and spot.kind in line.groups

    def rescore(self, spot: Spot, score: float) -> None:
        """Give the jobs at a spot another score, where there are any."""
        if self.has(spot):
            self._lines[spot[:2]].rescore(spot.kind, score)

    def check(self) -> None:
        """Raise AssertionError when a line is empty or astray."""
        for (rank, shape), line in self._lines.items():
            line.check()
            if (line.rank, line.shape) != (rank, shape) or not line.groups:
                raise AssertionError("a line is empty or astray")
        if {key.job_id for key in self.keys(-math.inf)} != set(self._places):
            raise AssertionError("a line holds other jobs than are placed")
