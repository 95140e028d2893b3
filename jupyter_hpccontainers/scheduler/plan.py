"""When each waiting job will start if nothing changes: for display only, worked out when asked.

Each job in order gets the first gap beside those before it, as in conservative backfill. So it is
a prediction, no promise: early ends make it sooner, jobs that go ahead of it make it later.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..model.resources import Resources
from .entry import Key, Shape
from .profile import Profile

#: So many rough amounts of memory, and spans, are told apart within a factor of two: measured; with
#: more the searches for rounded shapes cost more than they spare.
_STEPS = 2


def predict(profile: Profile, waiting: Iterable[tuple[Key, Shape]], most: int) -> dict[int, float]:
    """Return the start of the first ``most`` jobs, in order; infinite where nobody knows.

    The profile is filled on the way. A plan only takes away, so a shape never starts before the
    one before it of the same shape did, nor before one that asks for no more in anything: the
    search goes on where that of the shape rounded down ended.
    """
    starts: dict[int, float] = {}
    gaps = _Gaps(profile)
    for key, shape in waiting:
        if len(starts) >= most:
            break
        at = starts[key.job_id] = gaps.next(shape)
        if at < math.inf:
            profile.occupy(at, at + shape.span_s, shape.resources)
    return starts


class _Gaps:
    """Where the search for each shape, and for each rounded one, goes on."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._latest: dict[Shape, float] = {}

    def next(self, shape: Shape) -> float:
        """Return the first gap, infinite if there is none."""
        after = self._latest.get(shape)
        if after is None:
            after = self._from(_rounded_down(shape), -math.inf)
        return self._from(shape, after)

    def _from(self, shape: Shape, after: float) -> float:
        after = max(after, self._latest.get(shape, -math.inf))
        if after < math.inf:
            after = self._profile.first_gap(shape.resources, shape.span_s, after=after)
        self._latest[shape] = after
        return after


def _rounded_down(shape: Shape) -> Shape:
    """Return a shape that many share and that asks for at most as much."""
    asked = shape.resources
    memory_bytes = int(_rough(asked.memory_bytes))
    return Shape(Resources(asked.cores, memory_bytes, asked.gpus), _rough(shape.span_s))


def _rough(amount: float) -> float:
    """Return the amount or a little less, such that few different ones are left."""
    if not 0 < amount < math.inf:
        return amount
    mantissa, exponent = math.frexp(amount)
    return math.ldexp(math.floor(mantissa * 2 * _STEPS) / (2 * _STEPS), exponent)
