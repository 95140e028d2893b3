"""Policies side by side: each replays the same workloads, shaken alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from statistics import fmean

from ..model.errors import InvalidSpec
from ..scheduler import DEFAULT, Backfill, Policy
from .groups import Waits, waits_by_group
from .measures import Measures, measure
from .replay import Ran, replay
from .workload import Workload, shaken

POLICIES: Mapping[str, Policy] = {
    "fcfs": Policy(Backfill.NONE),
    "easy": Policy(),
    "conservative": Policy(Backfill.CONSERVATIVE),
    "default": DEFAULT,
    # For machines like the made-up lab, whose clock begins on a Monday; the epoch was a Thursday.
    "headroom": replace(
        DEFAULT,
        headroom=0.25,
        utc_offsets=((0.0, 4 * 86_400.0),),
    ),
}
#: What is compared where nobody names anything: a log says nothing of its users' working hours.
FOR_LOGS = ("fcfs", "easy", "conservative", "default")
FOR_LAB = ("easy", "default", "headroom")

_COMPARED = ("avebsld", "mean_wait_s", "max_wait_h")
#: What the others are compared with.
YARDSTICK = "easy"

#: Told which policy replays, which of how many replays it is, and the share of it that is done.
Progress = Callable[[str, int, int, float], None]


@dataclass(frozen=True, slots=True)
class Shaking:
    """How often to replay, and by how many seconds at most submissions come later each time.

    What is made up by seed (``remake``) is made anew each time, with the next seed.
    """

    repeat: int = 1
    most_s: float = 0.0
    seed: int = 1
    remake: Callable[[int], Workload] | None = None

    def variants(self, workload: Workload) -> list[Workload]:
        """Return the workloads to replay."""
        if self.remake is None:
            bases = [workload] * self.repeat
        else:
            bases = [self.remake(self.seed + n) for n in range(self.repeat)]
        if self.most_s <= 0:
            return bases
        return [shaken(base, self.most_s, f"{self.seed}/{n}") for n, base in enumerate(bases)]


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean, least and most of a figure over the replays."""

    mean: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Compared:
    """One policy's figures: the mean over all replays, each replay's, and against EASY's.

    ``against_easy`` holds for some figures the spread of the ratio to EASY on the same workload;
    it is empty when EASY was not replayed. ``first`` are the jobs of the first replay. ``groups``
    are of made-up workloads the waits of each group in each replay.
    """

    mean: Measures
    replays: tuple[Measures, ...]
    against_easy: Mapping[str, Spread]
    first: tuple[Ran, ...]
    groups: tuple[Mapping[str, Waits], ...] = ()


def policy_named(name: str) -> Policy:
    """Return the policy of a name; raises InvalidSpec naming those there are."""
    if name not in POLICIES:
        known = ", ".join(POLICIES)
        raise InvalidSpec(f"no policy {name!r}", cure=f"take one of {known}", field="policy")
    return POLICIES[name]


def compare(
    workload: Workload, names: Sequence[str], shaking: Shaking, progress: Progress
) -> list[Compared]:
    """Return the figures of each policy, in the order of their names given."""
    policies = {name: policy_named(name) for name in names}
    done: dict[str, list[Measures]] = {name: [] for name in policies}
    groups: dict[str, list[Mapping[str, Waits]]] = {name: [] for name in policies}
    first: dict[str, tuple[Ran, ...]] = {}
    for number, variant in enumerate(shaking.variants(workload), start=1):
        for name, policy in policies.items():
            begun = time.perf_counter()
            tell = partial(_tell, progress, name, number, shaking.repeat)
            ran = replay(variant, policy, tell)
            wall_s = time.perf_counter() - begun
            done[name].append(measure(name, ran, variant.processors, wall_s))
            if shaking.remake is not None:
                groups[name].append(waits_by_group(ran, variant.processors))
            first.setdefault(name, tuple(ran))
    easy = done.get(YARDSTICK, [])
    return [
        Compared(
            _mean(done[name]),
            tuple(done[name]),
            _ratios(done[name], easy, _COMPARED),
            first[name],
            tuple(groups[name]),
        )
        for name in policies
    ]


def _tell(progress: Progress, name: str, number: int, of: int, done: int, jobs: int) -> None:
    progress(name, number, of, done / jobs)


def groups_against_easy(
    compared: Sequence[Compared], one: Compared
) -> dict[str, dict[str, Spread]]:
    """Return for each group of jobs the ratio of its waits to those under EASY, if replayed."""
    easy = next((other for other in compared if other.mean.policy == YARDSTICK), None)
    if easy is None:
        return {}
    return {
        group: _ratios(waits_of(one, group), waits_of(easy, group), ("mean_wait_s", "max_wait_h"))
        for group in one.groups[0]
    }


def waits_of(one: Compared, group: str) -> list[Waits]:
    """Return the waits of a group in each replay."""
    return [groups[group] for groups in one.groups if group in groups]


def _ratios(
    replays: Sequence[Measures | Waits], easy: Sequence[Measures | Waits], names: Sequence[str]
) -> dict[str, Spread]:
    ratios = {
        figure: [
            getattr(one, figure) / (getattr(other, figure) or 1.0)
            for one, other in zip(replays, easy, strict=True)
        ]
        for figure in names
        if easy
    }
    return {name: Spread(fmean(some), min(some), max(some)) for name, some in ratios.items()}


def _mean(replays: Sequence[Measures]) -> Measures:
    first = replays[0]
    figures = {
        field.name: fmean(getattr(one, field.name) for one in replays)
        for field in fields(Measures)
        if field.name not in {"policy", "jobs"}
    }
    return Measures(policy=first.policy, jobs=first.jobs, **figures)
