"""When each job that holds something is due to be told to stop, the next one first."""

from __future__ import annotations

import heapq
import math

#: Below this many entries nothing is worth tidying.
_FEW = 64


class Deadlines:
    """One time for each job; infinite: never.

    A time that was replaced stays in the heap until it comes up, or until most are such.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []
        self._times: dict[int, float] = {}

    def set(self, job_id: int, at: float) -> None:
        """Note when the job is due."""
        if self._times.get(job_id) == at:
            return
        self._times[job_id] = at
        if at < math.inf:
            heapq.heappush(self._heap, (at, job_id))
        if len(self._heap) > 2 * len(self._times) + _FEW:
            self._heap = [(at, number) for number, at in self._times.items() if at < math.inf]
            heapq.heapify(self._heap)

    def forget(self, job_id: int) -> None:
        """The job is due no more."""
        self._times.pop(job_id, None)

    def of(self, job_id: int) -> float:
        """Return when the job is due."""
        return self._times[job_id]

    def due(self, now: float) -> list[int]:
        """Return the jobs that are due by ``now``, the longest overdue first."""
        # A time that was changed and changed back stands in the heap twice.
        if self.next > now:
            return []
        due: dict[tuple[float, int], None] = {}
        while self.next <= now:
            due[heapq.heappop(self._heap)] = None
        for one in due:
            heapq.heappush(self._heap, one)
        return [job_id for _, job_id in due]

    @property
    def next(self) -> float:
        """When the next one is due."""
        heap, times = self._heap, self._times
        while heap:
            at, job_id = heap[0]
            if times.get(job_id) == at:
                return at
            heapq.heappop(heap)
        return math.inf
