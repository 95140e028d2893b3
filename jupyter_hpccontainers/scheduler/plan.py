"""When each waiting job will start if nothing changes: for display only, worked out when asked.

Each job in order gets the first gap beside those before it, as in conservative backfill. So it is
a prediction, no promise: early ends make it sooner, jobs that go ahead of it make it later.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from .entry import Key, Shape
from .profile import Profile


def predict(profile: Profile, waiting: Iterable[tuple[Key, Shape]], most: int) -> dict[int, float]:
    """Return the start of the first ``most`` jobs, in order; infinite where nobody knows.

    The profile is filled on the way. A plan only takes away, so a shape never starts before the
    one before it of the same shape did: the search goes on where it ended.
    """
    starts: dict[int, float] = {}
    latest: dict[Shape, float] = {}
    for key, shape in waiting:
        if len(starts) >= most:
            break
        after = latest.get(shape, -math.inf)
        at = after
        if after < math.inf:
            at = profile.first_gap(shape.resources, shape.span_s, after=after)
            profile.occupy(at, at + shape.span_s, shape.resources)
        starts[key.job_id] = latest[shape] = at
    return starts
