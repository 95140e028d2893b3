"""The model of a machine under limits: people, projects, tokens and drain, counted plainly."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scheduler_world import Amounts, Known, World, fits

from jupyter_hpccontainers.model.resources import Allocation
from jupyter_hpccontainers.model.states import ReasonCode
from jupyter_hpccontainers.scheduler import Policy, Scheduler

#: Whose, which of theirs; a token is its own.
Counted = tuple[str, str, str]
DAY_S = 86_400


@dataclass
class LimitedWorld(World):
    """A world with a policy that limits; jobs of nobody and of no project are not limited."""

    policy: Policy = Policy()  # noqa: RUF009 - frozen
    drained: bool = False
    #: Seconds of each day from and until which headroom is kept; the policy says the same.
    hours: tuple[tuple[int, int], ...] = ()

    def scheduler(self) -> Scheduler:
        """Return a scheduler that starts as an engine would."""
        return Scheduler(self.machine, self.policy, drained=self.drained)

    def asks(self, one: Known) -> dict[Counted, int]:
        """Return what a job counts against."""
        job = one.job
        found = {("token", name, ""): number for name, number in job.tokens}
        for scope, name in (("user", job.user), ("project", job.project)):
            units = {"cores": job.resources.cores, "jobs": 1, "gpus": job.resources.gpus}
            found |= {(scope, name, unit): units[unit] for unit in self.limits(scope, name)}
        return {counted: number for counted, number in found.items() if number}

    def limits(self, scope: str, name: str) -> Mapping[str, int]:
        """Return the limits of a person or project."""
        table = self.policy.user_limits if scope == "user" else self.policy.project_limits
        return table.get(name, table.get("*", {})) if name else {}

    def limit(self, counted: Counted) -> int:
        """Return how many there may be."""
        scope, name, unit = counted
        return self.machine.tokens[name] if scope == "token" else self.limits(scope, name)[unit]

    # ------------------------------------------------------------------------------------ headroom

    def long(self, one: Known) -> bool:
        """Whether a job has to leave the headroom free."""
        return self.keeps and one.limit_s > self.policy.headroom_short_s

    @property
    def keeps(self) -> bool:
        """Whether anything is kept at all."""
        return self.most < len(self.machine.cores)

    @property
    def most(self) -> int:
        """What long jobs may hold together at hours with headroom."""
        return len(self.machine.cores) - int(len(self.machine.cores) * self.policy.headroom)

    def offset(self, at: float) -> float:
        """Return how far local time is ahead."""
        return [0.0, *(ahead for since, ahead in self.policy.utc_offsets if since <= at)][-1]

    def inside(self, at: float) -> bool:
        """Whether headroom is kept."""
        local = (at + self.offset(at)) % DAY_S
        return at < math.inf and any(since <= local < until for since, until in self.hours)

    def not_before(self, promise: float) -> float:
        """Headroom's hours do not move with a sleep: what came before them may come after them."""
        while self.keeps and self.inside(promise):
            promise = math.floor(promise / 60 + 1) * 60.0
        return promise

    def long_cores(self, at: float) -> int:
        """Return what long jobs hold that may still be there."""
        there = [one for one in self.holding() if max(one.due, self.now) > at]
        return sum(one.job.resources.cores for one in there if self.long(one))

    def open_for(self, cores: int, at: float) -> bool:
        """Whether long jobs may take so many more."""
        return not self.inside(at) or self.long_cores(at) + cores <= self.most

    def open_now(self, cores: int) -> bool:
        """Whether long jobs may take so many more now, whatever may be overdue."""
        held = [one.job.resources.cores for one in self.holding() if self.long(one)]
        return not self.inside(self.now) or sum(held) + cores <= self.most

    def may_now(self, one: Known) -> bool:
        """Whether there is room, too."""
        room = not self.long(one) or self.open_now(one.job.resources.cores)
        return room and super().may_now(one)

    def kept_for_short(self, one: Known) -> bool:
        """Whether it has to leave the headroom free now."""
        return self.long(one) and self.inside(self.now)

    def promise(self, head: Known) -> float:
        """Try also every moment at which the hours change."""
        moments = {self.now, *(max(one.due, self.now) for one in self.holding())}
        moments |= {since for since, _ in self.policy.utc_offsets}
        offsets = {0.0, *(ahead for _, ahead in self.policy.utc_offsets)}
        edges = {edge for span in self.hours for edge in span}
        moments |= {day * DAY_S + e - o for day in range(-1, 3) for e in edges for o in offsets}
        for at in sorted(moment for moment in moments if moment >= self.now):
            room = not self.long(head) or self.open_for(head.job.resources.cores, at)
            if room and fits(head.asked, self.free_at(at)):
                return at
        return math.inf

    def delays(self, head: Known, one: Known, ends_at: float) -> bool:
        """See also that the head's room is left."""
        at = self.promise(head)
        cores = head.job.resources.cores + one.job.resources.cores
        both = self.long(head) and self.long(one)
        narrow = ends_at > at and both and not self.open_for(cores, at)
        return narrow or super().delays(head, one, ends_at)

    def becomes_long(self, one: Known, limit_s: float) -> bool:
        """Whether more time for a running job would take what is kept."""
        if self.long(one) or not self.keeps or limit_s <= self.policy.headroom_short_s:
            return False
        return self.head() is not None or not self.open_now(one.job.resources.cores)

    # -------------------------------------------------------------------------------------- limits

    def used(self) -> Counter[Counted]:
        """Return how many are in use."""
        used: Counter[Counted] = Counter()
        for one in self.holding():
            used.update(self.asks(one))
        return used

    def candidates(self) -> list[Known]:
        """Return who no limit keeps waiting; who waits for a limit keeps it from those behind."""
        return [] if self.drained else [*self._admitted()]

    def _admitted(self) -> Iterator[Known]:
        used, kept, closed, headless = self.used(), Counter[Counted](), set[Counted](), True
        for one in self.eligible():
            asks = self.asks(one)
            lacks = {c for c, number in asks.items() if used[c] + number > self.limit(c)}
            full = {c for c, number in asks.items() if used[c] + kept[c] + number > self.limit(c)}
            if not (lacks | full | (closed & set(asks))):
                if headless:
                    kept.update(asks)
                headless = False
                yield one
                continue
            closed |= lacks
            kept.update({c: number for c, number in asks.items() if c not in lacks})

    def start(self, one: Known, allocation: Allocation, attempt: int) -> None:
        """See also that nothing was taken that the first who waits lacks, and nothing in drain."""
        super().start(one, allocation, attempt)
        assert not self.drained
        assert not self.long(one) or self.open_now(0), "took what is kept for short jobs"
        first = next(iter(self.eligible()), None)
        if first is not None and first.order < one.order:
            used = self.used()
            lacks = {c for c, n in self.asks(first).items() if used[c] + n > self.limit(c)}
            assert not lacks & set(self.asks(one)), "took what the first who waits lacks"

    def limit_reason(self, one: Known) -> ReasonCode | None:
        """Return which limit is reached."""
        if self.drained:
            return ReasonCode.DRAINED
        used = self.used()
        for counted, number in self.asks(one).items():
            if used[counted] + number > self.limit(counted):
                scopes = {c[0] for c, n in self.asks(one).items() if used[c] + n > self.limit(c)}
                return ReasonCode.QUOTA if scopes != {"token"} else ReasonCode.TOKENS
        if self.long(one) and not self.open_now(one.job.resources.cores):
            return ReasonCode.HEADROOM
        return None

    def most_of(self, given: Mapping[str, Any]) -> Amounts:
        """Return the most a job may ask: more than a limit is refused."""
        cores, memory, gpus = self.capacity
        for scope in ("user", "project"):
            limits = self.limits(scope, given.get(scope, ""))
            cores = min(cores, limits.get("cores", cores))
            gpus = min(gpus, limits.get("gpus", gpus))
        return cores, memory, gpus
