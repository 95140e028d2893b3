"""The scheduler's time: the wall clock's value once, from then on monotonic."""

from __future__ import annotations

import time


class Clock:
    """Seconds since the epoch that never jump.

    CLOCK_MONOTONIC stands still while a laptop sleeps, so time limits do not run then, and a
    corrected wall clock neither kills nor starts a job (clock_gettime(2)).
    """

    def __init__(self) -> None:
        self._anchor = time.time() - time.monotonic()

    def now(self) -> float:
        """Return the scheduler's now."""
        return self._anchor + time.monotonic()

    def wall(self) -> float:
        """Return the time of day, for records people read."""
        return time.time()
