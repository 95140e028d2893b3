"""The model of a machine under limits: people, projects, tokens and drain, counted plainly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scheduler_world import Amounts, Known, World

from jupyter_hpccontainers.model.resources import Allocation
from jupyter_hpccontainers.model.states import ReasonCode
from jupyter_hpccontainers.scheduler import Policy, Scheduler

#: Whose, which of theirs; a token is its own.
Counted = tuple[str, str, str]


@dataclass
class LimitedWorld(World):
    """A world with a policy that limits; jobs of nobody and of no project are not limited."""

    policy: Policy = Policy()  # noqa: RUF009 - frozen
    drained: bool = False

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
        return None

    def most(self, given: Mapping[str, Any]) -> Amounts:
        """Return the most a job may ask: more than a limit is refused."""
        cores, memory, gpus = self.capacity
        for scope in ("user", "project"):
            limits = self.limits(scope, given.get(scope, ""))
            cores = min(cores, limits.get("cores", cores))
            gpus = min(gpus, limits.get("gpus", gpus))
        return cores, memory, gpus
