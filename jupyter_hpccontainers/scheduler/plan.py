"""When each waiting job will start if nothing changes: for display only, worked out when asked.

Each job in order gets the first gap beside those before it, as in conservative backfill, and of an
array each task one. So it is a prediction, no promise: early ends make it sooner, jobs that go
ahead of it make it later. Images are taken to arrive at once. Whoever is held or depends on others
has no start here, nor has anybody while the machine is drained.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from typing import NamedTuple

from ..model.resources import Resources
from .array_jobs import ArrayJobs
from .arrays import Array
from .entry import NO_CLAIM, Claim, Key, Shape
from .gates import Gates
from .planned_limits import PlannedLimits
from .profile import Profile

#: So many rough amounts of memory, and spans, are told apart within a factor of two: measured; with
#: more the searches for rounded shapes cost more than they spare.
_STEPS = 2


def plan(
    jobs: ArrayJobs, gates: Gates, now: float, aged_before: float, most: int
) -> dict[int, float]:
    """Return the start of the first ``most`` jobs and tasks, in order; infinite: nobody knows.

    An array's start is that of its next task.
    """
    holdings = jobs.holdings
    profile = Profile(holdings.free, holdings.releases(), now)
    plan = _Plan(jobs, _Gaps(profile, PlannedLimits(gates, jobs.holding(), now)), most)
    for waiting in _in_order(jobs, gates, aged_before):
        if plan.is_full:
            break
        plan.place(waiting)
    return plan.starts


class _Waiting(NamedTuple):
    """Who waits; keys differ, so no more is compared."""

    key: Key
    shape: Shape
    claim: Claim
    begin_at: float = -math.inf


def _in_order(jobs: ArrayJobs, gates: Gates, aged_before: float) -> Iterator[_Waiting]:
    """Yield who may be chosen now or as tasks end, then who begins later, the soonest first."""
    queue = jobs.queue
    now = [
        _Waiting(key, line.shape, line.claim)
        for lines in (queue.ready, queue.imageless)
        for line in lines.every()
        for key in line.every(aged_before)
    ]
    for key in queue.throttled.values():
        entry = jobs[key.job_id]
        now.append(_Waiting(key, entry.shape, gates.claim(entry)))
    yield from sorted(now)
    for begin_at, submitted_at, job_id in queue.later:
        entry = jobs[job_id]
        key = Key(entry.job.priority.rank, 0.0, submitted_at, job_id)
        yield _Waiting(key, entry.shape, gates.claim(entry), begin_at)


class _Plan:
    """The starts so far."""

    def __init__(self, jobs: ArrayJobs, gaps: _Gaps, most: int) -> None:
        self.starts: dict[int, float] = {}
        self._jobs = jobs
        self._gaps = gaps
        self._left = most

    @property
    def is_full(self) -> bool:
        """Whether as many are planned as were asked for."""
        return self._left <= 0

    def place(self, waiting: _Waiting) -> None:
        """Give a job, or every task of an array that is left, the first gap."""
        job_id = waiting.key.job_id
        array = self._jobs.arrays.get(job_id)
        if array is None:
            self.starts[job_id] = self._take(waiting, waiting.begin_at)
        else:
            self._place_tasks(array, waiting)

    def _place_tasks(self, array: Array, waiting: _Waiting) -> None:
        """Let at most ``max_running`` of them be there at once."""
        most = array.block.max_running
        ends = sorted(self._jobs[number].ends_at for number in array.living)
        for _ in range(min(array.left, self._left)):
            after = waiting.begin_at
            if most is not None and len(ends) >= most:
                after = max(after, heapq.heappop(ends))
            at = self._take(waiting, after)
            self.starts.setdefault(array.number, at)
            if at == math.inf:
                return
            heapq.heappush(ends, at + waiting.shape.span_s)

    def _take(self, waiting: _Waiting, after: float) -> float:
        self._left -= 1
        return self._gaps.take(waiting.shape, waiting.claim, after)


class _Gaps:
    """Where the search for each shape and claim, and for each rounded shape, goes on.

    A plan only takes away, so a shape never starts before the one before it of the same shape did,
    nor before one that asks for no more in anything: the search goes on where that of the shape
    rounded down ended.
    """

    def __init__(self, profile: Profile, limits: PlannedLimits) -> None:
        self._profile = profile
        self._limits = limits
        self._latest: dict[tuple[Shape, Claim], float] = {}

    def take(self, shape: Shape, claim: Claim, after: float) -> float:
        """Take the first gap from ``after`` on and return when it begins; infinite: there is none.

        What begins later than that shape could says nothing of the next one.
        """
        since = self._since(shape, claim)
        at = self._search(shape, claim, max(since, after))
        if after <= since:
            self._latest[shape, claim] = at
        if at < math.inf:
            self._profile.occupy(at, at + shape.span_s, shape.resources)
            self._limits.occupy(claim, shape, at)
        return at

    def _since(self, shape: Shape, claim: Claim) -> float:
        known = self._latest.get((shape, claim))
        if known is not None:
            return known
        rough = _rounded_down(shape), NO_CLAIM
        since = self._search(*rough, self._latest.get(rough, -math.inf))
        self._latest[rough] = since
        return since

    def _search(self, shape: Shape, claim: Claim, after: float) -> float:
        """Return the first gap of the machine that is one of all limits too."""
        at = after
        while at < math.inf:
            gap = self._profile.first_gap(shape.resources, shape.span_s, after=at)
            at = gap if claim == NO_CLAIM else self._limits.first(claim, shape, gap)
            if at == gap:
                break
        return at


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
