"""This machine's time zone as data for the scheduler, which asks no clock."""

from __future__ import annotations

import time

_DAY_S = 86_400
#: Summer time is known for so many days; an engine that runs longer keeps the last offset.
_DAYS = 3 * 366


def local_offsets(now: float) -> tuple[tuple[float, float], ...]:
    """Return from when on local time is how many seconds ahead of UTC, from ``now`` on."""
    found = [(0.0, _ahead(now))]
    for day in range(_DAYS):
        since, until = now + day * _DAY_S, now + (day + 1) * _DAY_S
        if _ahead(until) != found[-1][1]:
            found.append((_change(since, until), _ahead(until)))
    return tuple(found)


def _ahead(at: float) -> float:
    return float(time.localtime(at).tm_gmtoff)


def _change(since: float, until: float) -> float:
    """Return the second at which the offset of ``until`` begins, by halving."""
    low, high = int(since), int(until) + 1
    after = _ahead(until)
    while high - low > 1:
        middle = (low + high) // 2
        if _ahead(middle) == after:
            high = middle
        else:
            low = middle
    return float(high)
