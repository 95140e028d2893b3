"""The scheduler's time: the wall clock's value once, from then on what the kernel counts."""

from __future__ import annotations

import time
from collections.abc import Callable

#: A shorter sleep is the distance between two readings.
_LEAST_SLEEP_S = 1.0


class Clock:
    """Seconds since the epoch that never jump, and how many of them the machine slept.

    CLOCK_BOOTTIME goes on while a laptop is suspended, so a begin time is what the calendar says,
    and a corrected wall clock neither kills nor starts a job. CLOCK_MONOTONIC stands still then, so
    the difference of both is the sleep, during which no time limit runs (clock_gettime(2)).
    """

    def __init__(self, read: Callable[[int], float] = time.clock_gettime) -> None:
        self._read = read
        self._anchor = self.wall() - read(time.CLOCK_BOOTTIME)
        self._told_s = self._slept_s()

    def now(self) -> float:
        """Return the scheduler's now."""
        return self._anchor + self._read(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        """Return the time of day, for records people read."""
        return self._read(time.CLOCK_REALTIME)

    def monotonic_s(self) -> float:
        """Return the seconds the machine was awake since it was started."""
        return self._read(time.CLOCK_MONOTONIC)

    @property
    def has_slept(self) -> bool:
        """Whether the machine slept since ``newly_slept_s`` was last asked."""
        return self._slept_s() - self._told_s >= _LEAST_SLEEP_S

    def newly_slept_s(self) -> float:
        """Return how long the machine slept since this was last asked."""
        slept_s = self._slept_s()
        new_s = slept_s - self._told_s
        if new_s < _LEAST_SLEEP_S:
            return 0.0
        self._told_s = slept_s
        return new_s

    def _slept_s(self) -> float:
        return self._read(time.CLOCK_BOOTTIME) - self.monotonic_s()
