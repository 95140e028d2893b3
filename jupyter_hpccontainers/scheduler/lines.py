"""Waiting jobs grouped so that alike jobs are tested, scored and moved together.

A *line* holds the jobs of one hard class, shape and claim; in it a *group* holds those of one kind,
which share a score and stand by submission. A *block* holds the lines that ask for the same
amounts. So a pass tests each amount once and asks for the first job of a line without looking at
the others, and a new score of a kind moves one group.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, insort
from collections.abc import Collection, Iterator
from typing import TypeAlias

from ..model.resources import Resources
from .entry import AGED, NO_CLAIM, Claim, Key, Kind, Shape, Spot

#: When a job was submitted, and its number.
Moment: TypeAlias = tuple[float, int]


class Group:
    """Jobs of one kind in one line, by submission; never empty but while it is changed."""

    __slots__ = ("kind", "moments", "score")

    def __init__(self, kind: Kind, score: float) -> None:
        self.kind = kind
        self.score = score
        self.moments: list[Moment] = []


#: Where a group stands in its line: its score, then when its first job was submitted.
_Place: TypeAlias = tuple[float, float, int, Group]


class Line:
    """Jobs of one hard class, shape and claim; never empty.

    INVARIANT: ``_moments`` are those of all its jobs, ascending, and ``_places`` those of all its
    groups.
    """

    __slots__ = (
        "_moments",
        "_places",
        "best",
        "claim",
        "groups",
        "oldest",
        "rank",
        "shape",
        "times",
    )

    def __init__(self, rank: int, shape: Shape, claim: Claim = NO_CLAIM) -> None:
        self.rank = rank
        self.shape = shape
        self.claim = claim
        self.groups: dict[Kind, Group] = {}
        #: How many tasks of an array may begin; a job that is no array begins once.
        self.times: dict[int, int] = {}
        self._moments: list[Moment] = []
        self._places: list[_Place] = []
        #: The first by score, and the first by submission; the latter as one that has aged.
        self.best = self.oldest = Key(rank, math.inf, math.inf, 0)

    def __len__(self) -> int:
        return sum(self.times.values()) + len(self._moments) - len(self.times)

    def front(self, aged_before: float) -> Key:
        """Return who goes first; those submitted before ``aged_before`` do so by submission."""
        return self.oldest if self.oldest.submitted_at < aged_before else self.best

    def keys(self, aged_before: float) -> Iterator[Key]:
        """Yield all in order, an array as often as tasks of it may begin.

        Only what is asked for is worked out.
        """
        keys = self._ordered(aged_before)
        if not self.times:
            return keys
        return (key for key in keys for _ in range(self.times.get(key.job_id, 1)))

    def _ordered(self, aged_before: float) -> Iterator[Key]:
        rank = self.rank
        aged = bisect_left(self._moments, (aged_before,))
        for at in range(aged):
            yield Key(rank, AGED, *self._moments[at])
        if aged == len(self._moments):
            return
        # A sorted list is a heap; each entry says which of its group's jobs is next.
        heap = [(*place, 0) for place in self._places]
        while heap:
            score, submitted_at, job_id, group, at = heap[0]
            if submitted_at >= aged_before:
                yield Key(rank, score, submitted_at, job_id)
            at += 1
            if at < len(group.moments):
                heapq.heapreplace(heap, (score, *group.moments[at], group, at))
            else:
                heapq.heappop(heap)

    def every(self, aged_before: float) -> Iterator[Key]:
        """Yield the key of every job, in no order."""
        rank = self.rank
        for group in self.groups.values():
            score = group.score
            for submitted_at, job_id in group.moments:
                own = AGED if submitted_at < aged_before else score
                yield Key(rank, own, submitted_at, job_id)

    def add(self, kind: Kind, score: float, moment: Moment) -> Group:
        """Add a job and return its group, which takes the score."""
        group = self.groups.get(kind)
        if group is None:
            group = self.groups[kind] = Group(kind, score)
        else:
            self._displace(group)
        group.score = score
        insort(group.moments, moment)
        insort(self._moments, moment)
        self._replace(group)
        return group

    def remove(self, group: Group, moment: Moment) -> None:
        """Take out a job of a group that is here."""
        self.times.pop(moment[1], None)
        self._displace(group)
        _take_out(group.moments, moment)
        _take_out(self._moments, moment)
        if group.moments:
            self._replace(group)
        else:
            del self.groups[group.kind]
            if self._places:
                self._look()

    def rescore(self, kind: Kind, score: float) -> None:
        """Give a group that is here another score."""
        group = self.groups[kind]
        self._displace(group)
        group.score = score
        self._replace(group)

    def _displace(self, group: Group) -> None:
        place = group.score, *group.moments[0]
        del self._places[bisect_left(self._places, place)]

    def _replace(self, group: Group) -> None:
        insort(self._places, (group.score, *group.moments[0], group))
        self._look()

    def _look(self) -> None:
        self.best = Key(self.rank, *self._places[0][:3])
        self.oldest = Key(self.rank, AGED, *self._moments[0])

    def check(self) -> None:
        """Raise AssertionError when a group is empty or not in order, or the line is not."""
        groups = self.groups.values()
        for group in groups:
            if not group.moments or group.moments != sorted(set(group.moments)):
                raise AssertionError("a group of the queue is empty or not in order")
        if self._moments != sorted(moment for group in groups for moment in group.moments):
            raise AssertionError("a line does not know when its jobs came")
        if self._places != sorted((group.score, *group.moments[0], group) for group in groups):
            raise AssertionError("a line does not know where its groups stand")
        if list(self._ordered(-math.inf)) != sorted(self.every(-math.inf)):
            raise AssertionError("a line is not in order")
        if self.front(-math.inf) != next(self.keys(-math.inf)):
            raise AssertionError("the front of a line is not its first")


class Block:
    """Lines whose jobs ask for the same amounts; never empty."""

    __slots__ = ("_best", "_looked", "_oldest", "lines", "resources")

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self.lines: dict[tuple[int, float, Claim], Line] = {}
        self._looked = False

    def front(self, aged_before: float) -> Key:
        """Return who goes first of all its lines."""
        if not self._looked:
            self._looked = True
            self._best = min([line.best for line in self.lines.values()])
            self._oldest = min([line.oldest for line in self.lines.values()])
        if self._oldest.submitted_at < aged_before:
            return self._oldest
        return self._best

    def changed(self) -> None:
        """One of its lines has changed."""
        self._looked = False


class Lines:
    """Every line of a queue, and where in them each job stands."""

    def __init__(self) -> None:
        self._blocks: dict[Resources, Block] = {}
        self._places: dict[int, tuple[Line, Group, Moment]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._places

    def blocks(self) -> Collection[Block]:
        """Return every block; none is empty."""
        return self._blocks.values()

    def every(self) -> Iterator[Line]:
        """Yield every line; none is empty."""
        return (line for block in self._blocks.values() for line in block.lines.values())

    def keys(self, aged_before: float) -> Iterator[Key]:
        """Yield the key of every job, in no order."""
        return (key for line in self.every() for key in line.every(aged_before))

    def shapes(self, aged_before: float) -> dict[Key, Shape]:
        """Return the shape of every job, in order."""
        pairs = [(key, line.shape) for line in self.every() for key in line.every(aged_before)]
        return dict(sorted(pairs))

    def add(self, spot: Spot, score: float, moment: Moment, times: int = 1) -> None:
        """Add a job, or an array of which ``times`` tasks may begin."""
        block = self._blocks.get(spot.shape.resources)
        if block is None:
            block = self._blocks[spot.shape.resources] = Block(spot.shape.resources)
        where = spot.rank, spot.shape.span_s, spot.claim
        line = block.lines.get(where)
        if line is None:
            line = block.lines[where] = Line(spot.rank, spot.shape, spot.claim)
        group = line.add(spot.kind, score, moment)
        if times > 1:
            line.times[moment[1]] = times
        block.changed()
        self._places[moment[1]] = line, group, moment

    def remove(self, job_id: int) -> bool:
        """Take a job out; False when it is not here."""
        place = self._places.pop(job_id, None)
        if place is None:
            return False
        line, group, moment = place
        line.remove(group, moment)
        block = self._blocks[line.shape.resources]
        block.changed()
        if not line.groups:
            del block.lines[line.rank, line.shape.span_s, line.claim]
            if not block.lines:
                del self._blocks[block.resources]
        return True

    def has(self, spot: Spot) -> bool:
        """Whether anyone waits at a spot."""
        line = self._line(spot)
        return line is not None and spot.kind in line.groups

    def rescore(self, spot: Spot, score: float) -> None:
        """Give the jobs at a spot another score, where there are any."""
        line = self._line(spot)
        if line is not None and spot.kind in line.groups:
            line.rescore(spot.kind, score)
            self._blocks[spot.shape.resources].changed()

    def _line(self, spot: Spot) -> Line | None:
        block = self._blocks.get(spot.shape.resources)
        where = spot.rank, spot.shape.span_s, spot.claim
        return None if block is None else block.lines.get(where)

    def check(self) -> None:
        """Raise AssertionError when a line is empty or astray."""
        for resources, block in self._blocks.items():
            for (rank, span_s, claim), line in block.lines.items():
                line.check()
                where = line.rank, line.shape, line.claim
                if where != (rank, Shape(resources, span_s), claim) or not line.groups:
                    raise AssertionError("a line is empty or astray")
            fronts = [line.front(-math.inf) for line in block.lines.values()]
            if not fronts or block.front(-math.inf) != min(fronts):
                raise AssertionError("a block is empty, or its front is not its first")
        if {key.job_id for key in self.keys(-math.inf)} != set(self._places):
            raise AssertionError("a line holds other jobs than are placed")


def _take_out(moments: list[Moment], moment: Moment) -> None:
    del moments[bisect_left(moments, moment)]
