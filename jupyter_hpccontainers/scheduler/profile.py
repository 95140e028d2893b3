"""What will be free when: amounts as steps over time, and the first gap that holds a request."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from ..model.resources import Resources
from .holdings import Release

#: What is overdue is expected back this much later than now, in seconds.
SOON_S = 1.0


class Profile:
    """Free amounts from the first time on; each holds until the next time, the last for ever."""

    def __init__(self, free: Resources, releases: Iterable[Release], now: float) -> None:
        self._times = [now]
        self._free = [free.cores], [free.memory_bytes], [free.gpus]
        for release in releases:
            at = release.at if release.at > now else now + SOON_S
            self._take(at, math.inf, release.amounts, -1)

    def __len__(self) -> int:
        return len(self._times)

    def occupy(self, start: float, end: float, amounts: Resources) -> None:
        """Take amounts away from ``start`` until ``end``."""
        self._take(start, end, amounts, 1)

    def vacate(self, start: float, end: float, amounts: Resources) -> None:
        """Give amounts back from ``start`` until ``end``."""
        self._take(start, end, amounts, -1)

    def forget_before(self, now: float) -> None:
        """Drop what is past."""
        at = bisect_right(self._times, now) - 1
        if at > 0:
            for steps in (self._times, *self._free):
                del steps[:at]
        self._times[0] = max(now, self._times[0])

    def first_gap(
        self, asked: Resources, span_s: float, before: float = math.inf, after: float = -math.inf
    ) -> float:
        """Return the first time at which ``asked`` is free for ``span_s``, else ``before``.

        Nothing before ``after`` is looked at. From ``before`` on the request is taken to be served
        already: what a job itself has reserved from then on is no obstacle to being served earlier.
        """
        times, (cores, memory, gpus) = self._times, self._free
        asked_cores, asked_memory, asked_gpus = _amounts(asked)
        first = max(bisect_right(times, after) - 1, 0)
        start, last = max(times[first], after), len(times) - 1
        for at in range(first, last + 1):
            end = times[at + 1] if at < last else math.inf
            if cores[at] < asked_cores or memory[at] < asked_memory or gpus[at] < asked_gpus:
                start = end
                if start >= before:
                    break
            elif end >= before or end >= start + span_s:
                return start
        return before

    def _take(self, start: float, end: float, amounts: Resources, sign: int) -> None:
        if start >= end or start == math.inf:
            return
        first = self._step_at(start)
        last = len(self._times) if end == math.inf else self._step_at(end)
        for steps, amount in zip(self._free, _amounts(amounts), strict=True):
            if amount:
                less = sign * amount
                steps[first:last] = [step - less for step in steps[first:last]]

    def _step_at(self, time: float) -> int:
        """Return the step that begins at ``time``, made if need be; the first at the earliest."""
        at = bisect_left(self._times, time)
        if at == len(self._times) or self._times[at] != time:
            if at == 0:
                return 0
            self._times.insert(at, time)
            for steps in self._free:
                steps.insert(at, steps[at - 1])
        return at


def _amounts(asked: Resources) -> tuple[int, int, int]:
    return asked.cores, asked.memory_bytes, asked.gpus
