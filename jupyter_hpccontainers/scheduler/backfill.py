"""EASY backfill: which waiting jobs start now, and what is reserved for the first that can't.

One pass, in order of the queue:

1. start jobs while the first one fits;
2. the first that does not fit is the *head*. Its reservation is the earliest time at which enough
   will be free if every holder keeps what it has until its planned end (start timeout, time limit
   and grace, so never later in truth), and the *spare*: what is free then beyond the head's need;
3. any job behind it may start now if it fits, and either ends by the reservation or fits in the
   spare in every dimension. So no backfilled job ever delays the head.

An unknown end (no time limit, or others' use) is infinite. A head that must wait for some of them
counts on those given first, and on no more than it needs. Jobs with a time limit may go past it,
others only on the spare: it never has to wait for an unlimited job that went past it.

What is free and what is spare only shrink during a pass, so a shape that fails once fails for all
its jobs, and a pass costs one test per shape and one per start, not one per job. Source: Mu'alem
and Feitelson, IEEE TPDS 12(6), 2001 (EASY).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol

from ..model.resources import Resources
from .amounts import subtract
from .entry import Key, Shape
from .holdings import Release


@dataclass(frozen=True, slots=True)
class Reservation:
    """When the head will start at the latest (infinite: unknown), and what is spare then."""

    head: Key
    at: float
    spare: Resources

    def admits(self, shape: Shape, now: float) -> bool:
        """Whether a job of this shape may start now without delaying the head."""
        return self.outlived_by(now + shape.span_s) or shape.resources.fits_in(self.spare)

    def outlived_by(self, ends_at: float) -> bool:
        """Whether something that ends at ``ends_at`` is surely gone when the head is to start."""
        return ends_at <= self.at and ends_at < math.inf


def reserve(
    head: Key, asked: Resources, free: Resources, releases: Iterable[Release], now: float
) -> Reservation:
    """Return the reservation of a head that asks for ``asked``; releases come soonest first.

    What is overdue is expected at any moment, so it counts as coming back now.
    """
    at = now
    cores, memory, gpus = free.cores, free.memory_bytes, free.gpus
    unknown: list[Resources] = []
    for release in releases:
        if (
            release.at > at
            and asked.cores <= cores
            and asked.memory_bytes <= memory
            and asked.gpus <= gpus
        ):
            break
        at, back = max(at, release.at), release.amounts
        cores, memory, gpus = cores + back.cores, memory + back.memory_bytes, gpus + back.gpus
        if at == math.inf:
            unknown.append(back)
    free = _without_needless(unknown, asked, Resources(cores, memory, gpus))
    return Reservation(head, at, subtract(free, asked))


def _without_needless(unknown: Iterable[Resources], asked: Resources, free: Resources) -> Resources:
    """Return what is free when only those with an unknown end that are needed have ended."""
    for back in unknown:
        less = subtract(free, back)
        if asked.fits_in(less):
            free = less
    return free


class Line(Protocol):
    """Waiting jobs of one shape, in order; never empty."""

    @property
    def shape(self) -> Shape:
        """What they share."""
        ...

    def front(self, aged_before: float, /) -> Key:
        """Return the first."""
        ...

    def keys(self, aged_before: float, /) -> Iterator[Key]:
        """Yield all, the first first."""
        ...


def choose(
    lines: Collection[Line],
    free: Resources,
    releases: Callable[[], Iterable[Release]],
    now: float,
    *,
    aged_before: float = -math.inf,
    backfill: bool = True,
) -> list[Key]:
    """Return which of the ready jobs start now, in that order.

    Without ``backfill`` none goes past the head. ``releases`` are asked for only if one might.
    """
    able = [line for line in lines if line.shape.resources.fits_in(free)]
    if not able:
        return []
    unable = (
        min(
            (line.front(aged_before), line.shape.resources)
            for line in lines
            if not line.shape.resources.fits_in(free)
        )
        if len(able) < len(lines)
        else None
    )
    return _Pass(free, releases, now).run(able, unable, aged_before, backfill)


class _Pass:
    """One pass over the lines whose first job fits."""

    def __init__(
        self, free: Resources, releases: Callable[[], Iterable[Release]], now: float
    ) -> None:
        self._free = free
        self._releases = releases
        self._now = now
        self._starts: list[Key] = []
        self._begun: list[Release] = []
        self._reservation: Reservation | None = None

    def run(
        self,
        able: Iterable[Line],
        unable: tuple[Key, Resources] | None,
        aged_before: float,
        backfill: bool,
    ) -> list[Key]:
        """Return who starts; ``unable`` is the first of those that don't fit from the outset."""
        fronts = [_Front(line.front(aged_before), line) for line in able]
        head = self._start_in_order(fronts, unable, aged_before)
        if head is not None and fronts and backfill:
            self._reserve(*head)
            self._start_behind([front for front in fronts if self._may_start(front)], aged_before)
        return self._starts

    def _start_in_order(
        self, fronts: list[_Front], unable: tuple[Key, Resources] | None, aged_before: float
    ) -> tuple[Key, Resources] | None:
        """Start jobs until the first does not fit; return that one, the head."""
        heapq.heapify(fronts)
        while fronts and (unable is None or fronts[0].key < unable[0]):
            front = fronts[0]
            if not self._may_start(front):
                heapq.heappop(fronts)
                return front.key, front.line.shape.resources
            self._start(front)
            _advance(fronts, aged_before)
        return unable

    def _start_behind(self, fronts: list[_Front], aged_before: float) -> None:
        """Start who does not delay the head; a line that fails once fails for good."""
        heapq.heapify(fronts)
        while fronts:
            if self._may_start(fronts[0]):
                self._start(fronts[0])
                _advance(fronts, aged_before)
            else:
                heapq.heappop(fronts)

    def _may_start(self, front: _Front) -> bool:
        shape = front.line.shape
        if not shape.resources.fits_in(self._free):
            return False
        return self._reservation is None or self._reservation.admits(shape, self._now)

    def _start(self, front: _Front) -> None:
        shape = front.line.shape
        amounts, ends_at = shape.resources, self._now + shape.span_s
        self._starts.append(front.key)
        self._free = subtract(self._free, amounts)
        self._begun.append(Release(ends_at, len(self._begun), front.key.job_id, amounts))
        made = self._reservation
        if made is not None and not made.outlived_by(ends_at):
            self._reservation = Reservation(made.head, made.at, subtract(made.spare, amounts))

    def _reserve(self, head: Key, asked: Resources) -> None:
        coming = self._releases()
        if self._begun:
            coming = sorted([*coming, *self._begun], key=attrgetter("at"))
        self._reservation = reserve(head, asked, self._free, coming, self._now)


class _Front:
    """The first job of a line that has not been chosen yet."""

    __slots__ = ("_rest", "key", "line")

    def __init__(self, key: Key, line: Line, rest: Iterator[Key] | None = None) -> None:
        self.key = key
        self.line = line
        self._rest = rest

    def __lt__(self, other: _Front) -> bool:
        return self.key < other.key

    def following(self, aged_before: float) -> _Front | None:
        """Return the next one, which is first once this one has started."""
        if self._rest is None:
            self._rest = self.line.keys(aged_before)
            next(self._rest)
        key = next(self._rest, None)
        return None if key is None else _Front(key, self.line, self._rest)


def _advance(fronts: list[_Front], aged_before: float) -> None:
    """Put the next job of the first line in the place of the one that starts."""
    following = fronts[0].following(aged_before)
    if following is None:
        heapq.heappop(fronts)
    else:
        heapq.heapreplace(fronts, following)
