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
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from ..model.resources import Resources
from .amounts import subtract
from .entry import Key, Shape
from .holdings import Release
from .messages import message

#: The last time there is before infinity, which stands for an end that nobody knows.
_LAST = sys.float_info.max


@message
class Reservation:
    """When the head will start at the latest (infinite: unknown), and what is spare then."""

    head: Key
    at: float
    spare: Resources
    #: What jobs that leave headroom free may hold beside the head then; None: anything.
    long_spare: int | None = None
    #: When long jobs that pass the head have to have ended, if sooner than ``at``.
    long_until: float = math.inf

    def admits(self, shape: Shape, now: float) -> bool:
        """Whether a job of this shape may start now without delaying the head."""
        return self.outlived_by(now + shape.span_s) or shape.resources.fits_in(self.spare)

    def admitted(self, block: Block, now: float) -> Iterable[Line]:
        """Return the lines of a block that this admits; nothing else has started since."""
        lines = block.lines.values()
        if block.resources.fits_in(self.spare):
            return lines
        at = min(self.at, _LAST)
        return [line for line in lines if now + line.shape.span_s <= at]

    def outlived_by(self, ends_at: float) -> bool:
        """Whether something that ends at ``ends_at`` is surely gone when the head is to start."""
        return ends_at <= self.at and ends_at <= _LAST

    def passed_by(self, ends_at: float, *, long: bool) -> bool:
        """Whether something that starts now and ends at ``ends_at`` may pass the head."""
        return self.outlived_by(ends_at) and not (long and ends_at > self.long_until)


def reserve(
    head: Key,
    asked: Resources,
    free: Resources,
    releases: Iterable[Release],
    now: float,
    opens: Callable[[float], float] = float,
) -> Reservation:
    """Return the reservation of a head that asks for ``asked``; releases come soonest first.

    What is overdue is expected at any moment, so it counts as coming back now. ``opens`` tells the
    first time from a given one on at which the head may start as far as anything else goes.
    """
    at = now
    cores, memory, gpus = free.cores, free.memory_bytes, free.gpus
    unknown: list[Resources] = []
    for back_at, _, _, back in releases:
        if back_at > at:
            if (
                asked.cores <= cores
                and asked.memory_bytes <= memory
                and asked.gpus <= gpus
                and back_at > (opened := opens(at))
            ):
                at = opened
                break
            at = back_at
        cores, memory, gpus = cores + back.cores, memory + back.memory_bytes, gpus + back.gpus
        if at > _LAST:
            unknown.append(back)
    else:
        at = opens(at)
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

    def __len__(self) -> int:
        """Return how many may start."""
        ...


class Block(Protocol):
    """Lines that ask for the same amounts; never empty."""

    @property
    def resources(self) -> Resources:
        """What they ask for."""
        ...

    @property
    def lines(self) -> Mapping[Any, Line]:
        """All of them."""
        ...

    def front(self, aged_before: float, /) -> Key:
        """Return the first job of all."""
        ...


def choose(
    blocks: Iterable[Block],
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
    cores, memory, gpus = free.cores, free.memory_bytes, free.gpus
    able: list[Block] = []
    rest: list[Block] = []
    for block in blocks:
        asked = block.resources
        fits = asked.cores <= cores and asked.memory_bytes <= memory and asked.gpus <= gpus
        (able if fits else rest).append(block)
    if not able:
        return []
    unable: tuple[Key, Resources] | None = None
    for block in rest:
        front = block.front(aged_before)
        if unable is None or front < unable[0]:
            unable = front, block.resources
    return _Pass(free, releases, now, aged_before).run(able, unable, backfill)


class _Front(NamedTuple):
    """The first job of a line that has not been chosen yet, and those after it once asked for."""

    key: Key
    line: Line
    rest: Iterator[Key] | None = None

    def following(self, aged_before: float) -> _Front | None:
        """Return the next one, which is first once this one has started."""
        rest = self.rest
        if rest is None:
            if len(self.line) == 1:
                return None
            rest = self.line.keys(aged_before)
            next(rest)
        key = next(rest, None)
        return None if key is None else _Front(key, self.line, rest)


class _Pass:
    """One pass over the blocks whose jobs fit."""

    __slots__ = (
        "_aged_before",
        "_begun",
        "_free",
        "_now",
        "_releases",
        "_reservation",
        "_starts",
    )

    def __init__(
        self,
        free: Resources,
        releases: Callable[[], Iterable[Release]],
        now: float,
        aged_before: float,
    ) -> None:
        self._free = free
        self._releases = releases
        self._now = now
        self._aged_before = aged_before
        self._starts: list[Key] = []
        self._begun: list[Release] = []
        self._reservation: Reservation | None = None

    def run(
        self, able: Sequence[Block], unable: tuple[Key, Resources] | None, backfill: bool
    ) -> list[Key]:
        """Return who starts; ``unable`` is the first of those that don't fit from the outset."""
        first = min([block.front(self._aged_before) for block in able])
        if unable is None or first < unable[0]:
            fronts = self._fronts(line for block in able for line in block.lines.values())
            head = self._start_in_order(fronts, unable)
            if head is not None and backfill:
                self._reserve(*head)
                self._start_behind([front for front in fronts if self._may_start(front)])
        elif backfill:
            made = self._reserve(*unable)
            admitted = [line for block in able for line in made.admitted(block, self._now)]
            if admitted:
                self._start_behind(self._fronts(admitted))
        return self._starts

    def _fronts(self, lines: Iterable[Line]) -> list[_Front]:
        return [_Front(line.front(self._aged_before), line) for line in lines]

    def _start_in_order(
        self, fronts: list[_Front], unable: tuple[Key, Resources] | None
    ) -> tuple[Key, Resources] | None:
        """Start jobs until the first does not fit; return that one, the head."""
        heapq.heapify(fronts)
        while fronts and (unable is None or fronts[0].key < unable[0]):
            front = fronts[0]
            if not self._may_start(front):
                heapq.heappop(fronts)
                return front.key, front.line.shape.resources
            self._start_first(fronts)
        return unable

    def _start_behind(self, fronts: list[_Front]) -> None:
        """Start who does not delay the head; a line that fails once fails for good."""
        heapq.heapify(fronts)
        while fronts:
            if self._may_start(fronts[0]):
                self._start_first(fronts)
            else:
                heapq.heappop(fronts)

    def _may_start(self, front: _Front) -> bool:
        shape = front.line.shape
        if not shape.resources.fits_in(self._free):
            return False
        return self._reservation is None or self._reservation.admits(shape, self._now)

    def _start_first(self, fronts: list[_Front]) -> None:
        """Start the first, and put the next job of its line in its place."""
        front = fronts[0]
        amounts, span_s = front.line.shape
        ends_at = self._now + span_s
        self._starts.append(front.key)
        self._free = subtract(self._free, amounts)
        self._begun.append(Release(ends_at, len(self._begun), front.key.job_id, amounts))
        made = self._reservation
        if made is not None and not made.outlived_by(ends_at):
            self._reservation = Reservation(made.head, made.at, subtract(made.spare, amounts))
        following = front.following(self._aged_before)
        if following is None:
            heapq.heappop(fronts)
        else:
            heapq.heapreplace(fronts, following)

    def _reserve(self, head: Key, asked: Resources) -> Reservation:
        coming = self._releases()
        if self._begun:
            coming = sorted([*coming, *self._begun], key=attrgetter("at"))
        self._reservation = reserve(head, asked, self._free, coming, self._now)
        return self._reservation
