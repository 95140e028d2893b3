"""How long the longest wait would have been if the queue had been served first come, first served.

Plain EASY is replayed on what was submitted, in amounts only. A job's run time is known once it has
really ended, and while it runs it is known to be at least what has passed; so the replay goes on as
far as that says, and is behind the real time by as much as jobs start later here than there.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, insort
from collections import deque

from ..model.resources import Resources
from .amounts import add, subtract
from .arrivals import Arrivals
from .backfill import choose
from .entry import Shape
from .holdings import Release


class Yardstick:
    """The replay, fed with what really happens, in the order of time."""

    def __init__(self, capacity: Resources) -> None:
        self._free = capacity
        self._waiting = Arrivals()
        self._timeline: list[Release] = []
        self._running: dict[int, tuple[float, Release]] = {}
        self._ends: list[tuple[float, int]] = []
        self._coming: deque[tuple[float, int]] = deque()
        self._started = 0
        #: Of those that come or run; ``_waiting`` knows those of who waits.
        self._shapes: dict[int, Shape] = {}
        self._known: dict[int, float] = {}
        self._began: dict[int, float] = {}
        #: Jobs that run in the replay and whose end there is not known: not begun in truth by
        #: their start there, begun in truth by how much later. Stale ones are dropped at the top.
        self._unbegun: list[tuple[float, int]] = []
        self._behind: list[tuple[float, int]] = []
        self._clock = -math.inf
        self._longest_s = 0.0

    def arrived(self, job_id: int, shape: Shape, at: float) -> None:
        """A job may be chosen from now on."""
        if not self._knows(job_id):
            self._shapes[job_id] = shape
            self._coming.append((at, job_id))

    def began(self, job_id: int, at: float) -> None:
        """The job really holds its allocation."""
        self._began[job_id] = at
        if job_id in self._running:
            heapq.heappush(self._behind, (self._running[job_id][0] - at, job_id))

    def ended(self, job_id: int, held_s: float) -> None:
        """The job has really ended, or will not start: then it has held nothing for 0 s."""
        self._began.pop(job_id, None)
        if not self._knows(job_id):
            return
        if job_id in self._known:
            # An earlier attempt has ended, and here it still runs or waits: one is enough.
            return
        self._known[job_id] = held_s
        if job_id in self._running:
            self._know_end(job_id)

    def longest_s(self, now: float) -> float:
        """Return the longest wait there so far."""
        self._advance(now)
        return self._longest_s

    # ------------------------------------------------------------------------ the replay's clock

    def _advance(self, now: float) -> None:
        while True:
            arrival = self._coming[0][0] if self._coming else math.inf
            end = self._ends[0][0] if self._ends else math.inf
            moment = max(min(arrival, end), self._clock)
            if moment > now or moment > self._known_until(now):
                return
            self._clock = moment
            if end <= moment:
                self._end_until(moment)
                self._start()
            else:
                self._take_in(moment)

    def _known_until(self, now: float) -> float:
        """Return the time up to which no job ends there that is not known to."""
        running, unbegun, behind = self._running, self._unbegun, self._behind
        while unbegun and (unbegun[0][1] not in running or self._is_told(unbegun[0][1])):
            heapq.heappop(unbegun)
        while behind and (behind[0][1] not in running or behind[0][1] in self._known):
            heapq.heappop(behind)
        return min(
            unbegun[0][0] if unbegun else math.inf, now + behind[0][0] if behind else math.inf
        )

    def _is_told(self, job_id: int) -> bool:
        return job_id in self._known or job_id in self._began

    def _take_in(self, moment: float) -> None:
        """Take in who arrives; who is last and does not fit changes nothing."""
        fits = False
        while self._coming and self._coming[0][0] <= moment:
            came = self._coming.popleft()
            shape = self._shapes.pop(came[1])
            if self._known.get(came[1]) == 0:
                del self._known[came[1]]
                continue
            self._waiting.add(came, shape)
            fits = fits or shape.resources.fits_in(self._free)
        if fits:
            self._start()

    def _start(self) -> None:
        """Start who may by plain EASY."""
        blocks = self._waiting.blocks()
        for key in choose(blocks, self._free, lambda: self._timeline, self._clock):
            job_id = key.job_id
            shape = self._shapes[job_id] = self._waiting.remove(job_id)
            self._longest_s = max(self._longest_s, self._clock - key.submitted_at)
            self._started += 1
            ends_at = self._clock + shape.span_s
            release = Release(ends_at, self._started, job_id, shape.resources)
            insort(self._timeline, release)
            self._free = subtract(self._free, shape.resources)
            self._running[job_id] = self._clock, release
            self._watch(job_id)

    def _watch(self, job_id: int) -> None:
        if job_id in self._known:
            self._know_end(job_id)
        elif job_id in self._began:
            heapq.heappush(self._behind, (self._clock - self._began[job_id], job_id))
        else:
            heapq.heappush(self._unbegun, (self._clock, job_id))

    def _know_end(self, job_id: int) -> None:
        started_at, _ = self._running[job_id]
        heapq.heappush(self._ends, (started_at + self._known[job_id], job_id))

    def _end_until(self, moment: float) -> None:
        while self._ends and self._ends[0][0] <= moment:
            job_id = heapq.heappop(self._ends)[1]
            _, release = self._running.pop(job_id)
            del self._timeline[bisect_left(self._timeline, release)]
            self._free = add(self._free, release.amounts)
            del self._shapes[job_id]
            del self._known[job_id]

    def _knows(self, job_id: int) -> bool:
        return job_id in self._shapes or job_id in self._waiting
