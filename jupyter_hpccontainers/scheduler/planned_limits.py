"""What the limits of people and projects, tokens and headroom leave over time, for the plan."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.resources import Resources
from .entry import Claim, Entry, Shape
from .gates import Counter, Demand, Gates
from .profile import SOON_S, Profile


class PlannedLimits:
    """One profile of each counter, and one of the cores that long jobs may hold.

    Each is kept as a machine of so many cores.
    """

    def __init__(self, gates: Gates, holding: Iterable[Entry], now: float) -> None:
        self._gates = gates
        self._now = now
        self._counters: dict[Counter, Profile] = {}
        self._long = Profile(Resources(gates.headroom.most), (), now)
        for entry in holding if gates.any else ():
            ends_at = entry.ends_at if entry.ends_at > now else now + SOON_S
            self._occupy(gates.claim(entry), entry.job.resources, now, ends_at)

    def first(self, claim: Claim, shape: Shape, after: float) -> float:
        """Return ``after`` where no limit keeps such a job waiting then, else when to try again."""
        at = after
        for demand in self._gates.demands(claim, shape.resources):
            at = self._of(demand).first_gap(Resources(demand.amount), shape.span_s, after=at)
        return self._opens(shape.resources.cores, shape.span_s, at) if claim.long else at

    def occupy(self, claim: Claim, shape: Shape, at: float) -> None:
        """Count a job that is planned to start at ``at``."""
        self._occupy(claim, shape.resources, at, at + shape.span_s)

    def _occupy(self, claim: Claim, asked: Resources, start: float, end: float) -> None:
        for demand in self._gates.demands(claim, asked):
            self._of(demand).occupy(start, end, Resources(demand.amount))
        if claim.long:
            self._long.occupy(start, end, Resources(asked.cores))

    def _opens(self, cores: int, span_s: float, at: float) -> float:
        """Return when a long job may start beside those planned to start in the same hours.

        Headroom asks only at a start; but whoever holds the room delays a start planned for later.
        """
        calendar = self._gates.headroom.calendar
        while calendar.inside(at):
            ends = calendar.next_change(at)
            room = self._long.first_gap(Resources(cores), min(span_s, ends - at), after=at)
            if room == at:
                break
            at = min(room, ends)
        return at

    def _of(self, demand: Demand) -> Profile:
        profile = self._counters.get(demand.counter)
        if profile is None:
            profile = Profile(Resources(demand.limit), (), self._now)
            self._counters[demand.counter] = profile
        return profile
