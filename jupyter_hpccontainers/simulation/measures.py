"""What a replay is judged by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from .replay import Ran

#: Shorter jobs count as this long, so that a second of wait is no catastrophe. Source: Feitelson
#: and Rudolph, "Metrics and benchmarking for parallel job scheduling", JSSPP 1998.
TAU_S = 10.0


@dataclass(frozen=True, slots=True)
class Measures:
    """The figures of one policy; ``bsld`` is the bounded slowdown of a job, its mean ``avebsld``.

    ``utilisation``: share of the processors' time that was used between the first submission and
    the last end. ``wall_s``: how long the replay itself took.
    """

    policy: str
    jobs: int
    avebsld: float
    p95_bsld: float
    p99_bsld: float
    mean_wait_s: float
    max_wait_h: float
    utilisation: float
    wall_s: float


def bounded_slowdown(ran: Ran) -> float:
    """Return how many times longer than its run a job took to be answered, at least 1."""
    run_s = ran.job.run_s
    return max(1.0, (ran.wait_s + run_s) / max(run_s, TAU_S))


def measure(policy: str, ran: Sequence[Ran], processors: int, wall_s: float) -> Measures:
    """Return the figures of a replay, which has at least one job."""
    slowdowns = sorted(map(bounded_slowdown, ran))
    waits = [one.wait_s for one in ran]
    begin_s = min(one.job.submit_s for one in ran)
    end_s = max(one.start_s + one.job.run_s for one in ran)
    work = math.fsum(one.job.processors * one.job.run_s for one in ran)
    return Measures(
        policy=policy,
        jobs=len(ran),
        avebsld=fmean(slowdowns),
        p95_bsld=percentile(slowdowns, 95),
        p99_bsld=percentile(slowdowns, 99),
        mean_wait_s=fmean(waits),
        max_wait_h=max(waits) / 3600,
        utilisation=work / (processors * (end_s - begin_s)),
        wall_s=wall_s,
    )


def percentile(ascending: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least ``percent`` of all do not exceed (nearest rank)."""
    return ascending[max(math.ceil(len(ascending) * percent / 100), 1) - 1]
