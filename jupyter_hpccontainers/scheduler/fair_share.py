"""Fair share: who has had much of the machine lately is set back behind who has had little."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..model.resources import Resources
from .entry import Entry, Kind, Spot
from .events import Restored
from .order import ByIndex, dominant_share

#: No one is set back by more than two to this power.
_MOST_DOUBLINGS = 10.0
#: Above this power of two the books are written anew, long before a float overflows.
_RESCALE_AT = 500.0


class Books:
    """What each one has had, in seconds of the whole machine, halved with every half-life.

    Instead of letting all amounts decay, later ones are written down larger: only shares matter.
    """

    def __init__(self, half_life_s: float) -> None:
        self._half_life_s = half_life_s
        self._since = 0.0
        self._had: dict[str, float] = {}

    def charge(self, who: str, machine_s: float, at: float) -> None:
        """Write down what one has had at a time; a negative amount takes back what was charged."""
        doublings = (at - self._since) / self._half_life_s
        if doublings > _RESCALE_AT:
            shrink = math.pow(2.0, -doublings)
            self._had = {one: had * shrink for one, had in self._had.items() if had * shrink > 0}
            self._since, doublings = at, 0.0
        had = self._had.get(who, 0.0) + machine_s * math.pow(2.0, max(doublings, -_RESCALE_AT))
        self._had[who] = max(had, 0.0)

    def set_back(self, who: str) -> float:
        """Return what the index is multiplied by: 1 for who has had nothing, 2 at an even share.

        2^(U/S) with U the share of all use and S an even one: the inverse of Slurm's classic fair
        share factor. Source: Slurm, Multifactor Priority Plugin, "Classic Fairshare".
        """
        total = sum(self._had.values())
        if total <= 0.0:
            return 1.0
        share = self._had.get(who, 0.0) / total
        return math.pow(2.0, min(share * len(self._had), _MOST_DOUBLINGS))


class ByFairIndex(ByIndex):
    """By index, times what the person and the project are set back.

    The age guard is the index's own, so nobody waits without end for having had much.
    """

    shared = True

    def __init__(self, machine: Resources, half_life_s: float, **figures: float) -> None:
        super().__init__(machine, **figures)
        self._users = Books(half_life_s)
        self._projects = Books(half_life_s)
        self._charged: dict[int, tuple[float, float]] = {}

    def kind_of(self, entry: Entry) -> Kind:
        """Return what is expected to run alike, by project too."""
        return entry.kind._replace(project=entry.job.project)

    def score(self, spot: Spot) -> float:
        """Return the index, larger for who has had much."""
        kind = spot.kind
        back = self._users.set_back(kind.user)
        if kind.project:
            back *= self._projects.set_back(kind.project)
        return super().score(spot._replace(kind=kind._replace(project=""))) * back

    def began(self, entry: Entry, now: float) -> None:
        """Charge what it is expected to take, so that what runs counts too."""
        super().began(entry, now)
        expected = self.expected(entry.kind, entry.job.resources)
        had = dominant_share(entry.job.resources, self._machine) * expected.run_s
        self._charge(entry, had, now)
        self._charged[entry.job.job_id] = (had, now)

    def ended(self, entry: Entry, at: float) -> None:
        """Charge what it took in truth."""
        charged = self._charged.pop(entry.job.job_id, None)
        begun_at = entry.started_at if entry.started_at is not None else entry.starting_at
        if charged is not None:
            self._charge(entry, -charged[0], charged[1])
        if begun_at is not None and entry.state.holds_allocation:
            share = dominant_share(entry.job.resources, self._machine)
            self._charge(entry, share * max(at - begun_at, 0.0), begun_at)
        super().ended(entry, at)

    def recall(self, rows: Iterable[Restored]) -> None:
        """Write down what those had that have ended."""
        known = list(rows)
        for row in known:
            if row.ended_at is None or row.started_at is None:
                continue
            job = row.job
            had = dominant_share(job.resources, self._machine) * (row.ended_at - row.started_at)
            self._users.charge(job.user, max(had, 0.0), row.started_at)
            if job.project:
                self._projects.charge(job.project, max(had, 0.0), row.started_at)
        super().recall(known)

    def _charge(self, entry: Entry, machine_s: float, at: float) -> None:
        self._users.charge(entry.job.user, machine_s, at)
        if entry.job.project:
            self._projects.charge(entry.job.project, machine_s, at)
