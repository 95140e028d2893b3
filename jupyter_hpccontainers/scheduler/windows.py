"""The hours of a week, in a local time that is handed in as data: when it is inside, what is next.

No clock and no time zone is asked: ``offsets`` say from when on how many seconds local time is
ahead of UTC, so that summer and winter time are plain arithmetic.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import chain
from operator import itemgetter
from typing import TypeAlias

from ..model.errors import InvalidSpec

#: From when on (seconds since the epoch) local time is how many seconds ahead of UTC, ascending.
Offsets: TypeAlias = Sequence[tuple[float, float]]

_DAY_S = 86_400
_WEEK_S = 7 * _DAY_S
#: The epoch was a Thursday; weeks begin on Monday.
_EPOCH_S = 3 * _DAY_S
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = re.compile(r"([a-z]{3}(?:[,-][a-z]{3})*) (\d\d):(\d\d)-(\d\d):(\d\d)")


class Calendar:
    """Windows of a week, as ``mon-fri 05:00-19:00``; raises InvalidSpec for what is none."""

    def __init__(self, windows: Iterable[str], offsets: Offsets = ()) -> None:
        self._spans = _merged(chain.from_iterable(map(_spans, windows)))
        self._offsets = tuple(offsets)
        self._edges = sorted({edge % _WEEK_S for span in self._spans for edge in span})
        #: How long the longest window lasts.
        self.longest_s = float(max((until - since for since, until in self._spans), default=0))
        if self._spans == [(0, _WEEK_S)]:
            raise InvalidSpec(
                "the calendar covers the whole week, so long jobs would never get their turn",
                cure="leave some hours out",
                field="headroom_calendar",
            )

    def inside(self, at: float) -> bool:
        """Whether a moment is in a window; a window's first second is, its end is not."""
        if at == math.inf:
            return False
        in_week = self._local(at) % _WEEK_S
        return any(since <= in_week < until for since, until in self._spans)

    def next_change(self, at: float) -> float:
        """Return the first moment after ``at`` at which a window may open or close."""
        if not self._edges or at == math.inf:
            return math.inf
        local, offset = self._local(at), self._offset(at)
        week = local - local % _WEEK_S
        edges = [*self._edges, self._edges[0] + _WEEK_S]
        edge = next(edge for edge in edges if week + edge > local)
        shifts = [since for since, _ in self._offsets if since > at]
        return min(week + edge - offset - _EPOCH_S, *shifts[:1], math.inf)

    def _local(self, at: float) -> float:
        return at + self._offset(at) + _EPOCH_S

    def _offset(self, at: float) -> float:
        after = bisect_right(self._offsets, at, key=itemgetter(0))
        return self._offsets[after - 1][1] if after else 0.0


def _spans(window: str) -> Iterable[tuple[int, int]]:
    """Yield a window's seconds of the week; one that ends before it begins goes past midnight."""
    found = _WINDOW.fullmatch(window.strip().lower())
    if found is None:
        raise _wrong(window)
    since, until = (int(found[n]) * 3600 + int(found[n + 1]) * 60 for n in (2, 4))
    if max(since, until) > _DAY_S or since == until:
        raise _wrong(window)
    until += _DAY_S if until < since else 0
    for day in _days(found[1], window):
        begin, end = day * _DAY_S + since, day * _DAY_S + until
        yield begin, min(end, _WEEK_S)
        if end > _WEEK_S:
            yield 0, end - _WEEK_S


def _days(text: str, window: str) -> Iterable[int]:
    for part in text.split(","):
        ends = part.split("-")
        if len(ends) > 2 or not set(ends) <= set(_DAYS):
            raise _wrong(window)
        first, last = _DAYS.index(ends[0]), _DAYS.index(ends[-1])
        yield from range(first, last + 1 if last >= first else last + 8)


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for since, until in sorted(spans):
        if merged and since <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(until, merged[-1][1])
        else:
            merged.append((since, until))
    return merged


def _wrong(window: str) -> InvalidSpec:
    return InvalidSpec(
        f"{window[:40]!r} is no window of a week",
        cure="write days and hours, e.g. mon-fri 05:00-19:00",
        field="headroom_calendar",
    )
