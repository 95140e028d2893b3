"""The waiting jobs in order: those that may be chosen, and those that wait for something first."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection
from itertools import islice
from operator import itemgetter

from .entry import AGED, Entry, Key, Spot
from .gates import Gates
from .lines import Block, Lines
from .order import Ordering

#: When it may begin, when it was submitted, and its number.
_Begin = tuple[float, float, int]

#: With more kinds of jobs of one person waiting, only so many are scored anew at once.
_MOST_RESCORED = 100


class Queue:
    """All jobs that wait.

    ``ready``: may be chosen, and they alone are ever considered; ``imageless``: only their image is
    missing; ``later``: their begin time is to come, soonest first; ``dependent``: a job they depend
    on is not DONE; ``throttled``: as many tasks of an array run as may; ``held``: kept back
    by a person.

    INVARIANT: a waiting job is in exactly one of the six.
    """

    def __init__(self, ordering: Ordering, gates: Gates) -> None:
        self.ready = Lines()
        self.imageless = Lines()
        self.later: list[_Begin] = []
        self.dependent: dict[int, Key] = {}
        self.throttled: dict[int, Key] = {}
        self.held: dict[int, Key] = {}
        self._ordering = ordering
        self._gates = gates
        self._begins: dict[int, _Begin] = {}
        self._spots: dict[str, dict[Spot, None]] = {}
        #: Counts what may change a decision.
        self.changes = 0

    def __len__(self) -> int:
        in_line = len(self.ready) + len(self.imageless)
        behind = len(self.throttled) + len(self.dependent) + len(self.held)
        return in_line + len(self.later) + behind

    @property
    def blocks(self) -> Collection[Block]:
        """The jobs that may be chosen now."""
        return self.ready.blocks()

    def first(self, aged_before: float) -> Key | None:
        """Return the first job that may be chosen now."""
        return min((block.front(aged_before) for block in self.blocks), default=None)

    def add(self, entry: Entry, times: int = 1) -> None:
        """Add a pending job whose begin time has come, ready or not.

        Of an array as many tasks may begin as ``times`` says.
        """
        kind, claim = self._ordering.kind_of(entry), self._gates.claim(entry)
        spot = Spot(entry.job.priority.rank, entry.shape, kind, claim)
        since = self._ordering.since(entry)
        if self._is_shut_out(spot):
            since -= self._gates.headroom.credit_s
        lines = self.ready if entry.image_ready else self.imageless
        lines.add(spot, self._score(spot), (since, entry.job.job_id), times)
        self._spots.setdefault(spot.kind.user, {})[spot] = None
        self.changes += 1

    def add_later(self, entry: Entry, begin_at: float) -> None:
        """Add a pending job that may not begin before ``begin_at``."""
        begin = begin_at, entry.job.submitted_at, entry.job.job_id
        insort(self.later, begin)
        self._begins[entry.job.job_id] = begin

    def add_dependent(self, entry: Entry) -> None:
        """Add a pending job that depends on one that is not DONE."""
        self.dependent[entry.job.job_id] = _key_behind(entry)

    def add_throttled(self, entry: Entry) -> None:
        """Add an array of which as many tasks run as may."""
        self.throttled[entry.job.job_id] = _key_behind(entry)

    def add_held(self, entry: Entry) -> None:
        """Add a held job."""
        self.held[entry.job.job_id] = _key_behind(entry)

    def remove(self, entry: Entry) -> None:
        """Take the job out, wherever it waits."""
        job_id = entry.job.job_id
        self.changes += 1
        if self.ready.remove(job_id) or self.imageless.remove(job_id):
            return
        behind = self.held, self.dependent, self.throttled
        if not any([place.pop(job_id, None) for place in behind]):
            del self.later[bisect_left(self.later, self._begins.pop(job_id))]

    def rescore(self, user: str) -> None:
        """Score anew who of this person waits, and all others where that touches them."""
        for one in list(self._spots) if self._ordering.shared else (user,):
            self._rescore(one)

    def _rescore(self, user: str) -> None:
        """Score anew who of one person waits; of very many kinds the rest another time."""
        known = self._spots.get(user, {})
        for spot in list(islice(known, _MOST_RESCORED)):
            del known[spot]
            if self.ready.has(spot) or self.imageless.has(spot):
                known[spot] = None
                score = self._score(spot)
                self.ready.rescore(spot, score)
                self.imageless.rescore(spot, score)
                self.changes += 1
        if not known:
            self._spots.pop(user, None)

    def _score(self, spot: Spot) -> float:
        """Return the order's score; who is shut out by day has its turn when it may start."""
        return AGED if self._is_shut_out(spot) else self._ordering.score(spot)

    def _is_shut_out(self, spot: Spot) -> bool:
        return self._gates.headroom.shuts_out(spot.claim, spot.shape.resources.cores)

    def due(self, now: float) -> list[int]:
        """Return the jobs whose begin time has come by ``now`` and who still wait for it."""
        if not self.later:
            return []
        until = bisect_right(self.later, now, key=itemgetter(0))
        return [job_id for _, _, job_id in self.later[:until]]

    def in_line(self, aged_before: float) -> list[Key]:
        """Return the keys of all whose begin time has come and that nobody holds, in order."""
        return sorted([*self.ready.keys(aged_before), *self.imageless.keys(aged_before)])

    def behind(self) -> list[int]:
        """Return the others in order: later ones, throttled, dependent, held ones."""
        later = [job_id for _, _, job_id in self.later]
        rest = self.throttled, self.dependent, self.held
        return later + [key.job_id for place in rest for key in sorted(place.values())]

    def check(self) -> None:
        """Raise AssertionError when anything is not in order or in two places."""
        self.ready.check()
        self.imageless.check()
        if self.later != sorted(self._begins.values()):
            raise AssertionError("the jobs that begin later are not in order")
        everyone = [key.job_id for key in self.in_line(0.0)] + self.behind()
        if len(everyone) != len(set(everyone)):
            raise AssertionError("a job waits in two places")


def _key_behind(entry: Entry) -> Key:
    job = entry.job
    return Key(job.priority.rank, 0.0, job.submitted_at, job.job_id)
