"""What may keep a job waiting beside the machine: limits of people and projects, and tokens."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from ..model.machine import Machine
from ..model.resources import Resources
from ..model.states import Reason, ReasonCode
from .entry import AGED, NO_CLAIM, Claim, Entry, Key
from .headroom import Headroom
from .limits import limits_of
from .policy import Order, Policy


class Counter(NamedTuple):
    """Something counted: ``cores``, ``jobs`` or ``gpus`` of a ``user`` or ``project``, a token."""

    scope: str
    name: str
    unit: str


class Demand(NamedTuple):
    """How much of a counter a job asks, and how much of it all jobs may hold together."""

    counter: Counter
    amount: int
    limit: int


class Gates:
    """Says what each job counts against; what is in use is counted anew from who holds something.

    So there are no books that a restart, a requeue or a change of limits could leave wrong.
    """

    def __init__(self, policy: Policy, machine: Machine) -> None:
        self._limits = {"user": policy.user_limits, "project": policy.project_limits}
        self._tokens = machine.tokens
        self.headroom = Headroom(policy, machine)
        self._in_order = policy.order is Order.SUBMISSION
        self._demands: dict[tuple[Claim, Resources], tuple[Demand, ...]] = {}
        #: Whether there is anything to count; where not, nothing is.
        self.any = any(self._limits.values()) or bool(self._tokens) or self.headroom.any

    def claim(self, entry: Entry) -> Claim:
        """Return what of a job some limit asks about."""
        if not self.any:
            return NO_CLAIM
        job = entry.job
        return Claim(
            job.user if limits_of(self._limits["user"], job.user) else "",
            job.project if limits_of(self._limits["project"], job.project) else "",
            job.tokens,
            self.headroom.is_long(entry.limit_s),
        )

    def demands(self, claim: Claim, asked: Resources) -> tuple[Demand, ...]:
        """Return what a job of this claim counts against."""
        if claim == NO_CLAIM:
            return ()
        if (claim, asked) not in self._demands:
            self._demands[claim, asked] = tuple(
                demand for demand in self._all(claim, asked) if demand.amount
            )
        return self._demands[claim, asked]

    def counts(self, holding: Iterable[Entry]) -> Counts:
        """Return what is in use now, for one decision."""
        used: dict[Counter, int] = {}
        for entry in holding if self.any else ():
            for counter, amount, _ in self.demands(self.claim(entry), entry.job.resources):
                used[counter] = used.get(counter, 0) + amount
        return Counts(self, used, self._in_order)

    def kept_back(
        self, holding: Collection[Entry], now: float, drained: bool
    ) -> Callable[[Entry], Reason | None]:
        """Return what tells why a job may not start whatever is free."""
        if drained:
            return lambda entry: Reason(ReasonCode.DRAINED)
        if not self.any:
            return lambda entry: None
        counts, room = self.counts(holding), self.headroom.room(holding, now)

        def tell(entry: Entry) -> Reason | None:
            claim, asked = self.claim(entry), entry.job.resources
            over = counts.reason(claim, asked)
            return room.reason(asked.cores, now) if over is None and claim.long else over

        return tell

    def _all(self, claim: Claim, asked: Resources) -> Iterable[Demand]:
        units = {"cores": asked.cores, "jobs": 1, "gpus": asked.gpus}
        for scope, name in (("user", claim.user), ("project", claim.project)):
            if name:
                for unit, limit in limits_of(self._limits[scope], name).items():
                    yield Demand(Counter(scope, name, unit), units[unit], limit)
        for name, amount in claim.tokens:
            yield Demand(Counter("token", name, "tokens"), amount, self._tokens.get(name, 0))


class Counts:
    """What is in use of every counter during one decision; it only grows.

    Who is kept waiting here is passed over and blocks nobody, until it has waited too long (with
    order by submission: from the outset). Then nobody behind it may have what it lacks, so that
    many small jobs can't keep a large one waiting for ever.
    """

    def __init__(self, gates: Gates, used: Mapping[Counter, int], in_order: bool) -> None:
        self._gates = gates
        self._used = dict(used)
        self._kept: dict[Counter, int] = {}
        self._closed: set[Counter] = set()
        self._in_order = in_order

    def over(self, claim: Claim, asked: Resources) -> Demand | None:
        """Return the first limit such a job would pass now, or None."""
        for demand in self._gates.demands(claim, asked):
            if self.used(demand.counter) + demand.amount > demand.limit:
                return demand
        return None

    def used(self, counter: Counter) -> int:
        """Return how much jobs hold of it."""
        return self._used.get(counter, 0)

    def admits(self, claim: Claim, asked: Resources) -> bool:
        """Whether such a job may start: within all limits, and not in the way of one ahead."""
        return all(
            counter not in self._closed
            and self.used(counter) + self._kept.get(counter, 0) + amount <= limit
            for counter, amount, limit in self._gates.demands(claim, asked)
        )

    def pass_over(self, key: Key, claim: Claim, asked: Resources) -> None:
        """Note that a job is not admitted; whoever asks after this is behind it.

        What it lacks is closed, and its share of the rest kept: two jobs that each have what the
        other lacks could else take turns without end.
        """
        if not (self._in_order or key.score == AGED):
            return
        for counter, amount, limit in self._gates.demands(claim, asked):
            if self.used(counter) + amount > limit:
                self._closed.add(counter)
            else:
                self._kept[counter] = self._kept.get(counter, 0) + amount

    def take(self, claim: Claim, asked: Resources) -> None:
        """Count a job that starts."""
        for counter, amount, _ in self._gates.demands(claim, asked):
            self._used[counter] = self.used(counter) + amount

    def keep(self, claim: Claim, asked: Resources) -> None:
        """Keep its share for the head of the queue, so that nobody behind it takes it."""
        for counter, amount, _ in self._gates.demands(claim, asked):
            self._kept[counter] = self._kept.get(counter, 0) + amount

    def reason(self, claim: Claim, asked: Resources) -> Reason | None:
        """Return which limit keeps such a job waiting, if one does."""
        over = self.over(claim, asked)
        if over is None:
            return None
        (scope, name, unit), amount, limit = over
        figures = {"name": name, "requested": amount, "used": self.used(over.counter)}
        if scope == "token":
            return Reason(ReasonCode.TOKENS, {**figures, "capacity": limit})
        return Reason(ReasonCode.QUOTA, {**figures, "scope": scope, "unit": unit, "limit": limit})
