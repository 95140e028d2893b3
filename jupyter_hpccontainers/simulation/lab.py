"""A synthetic lab: one machine of 16 cores, five people, minutes by day and hours by night.

Every figure is a guess at a small group's habits, not measured from one; it stands for machines
where the wait of short jobs is the rest of a long one, which no order of the queue can help.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from .workload import LoggedJob, Workload, in_order

CORES = 16
_PEOPLE = 5
_WEEKS = 12
_DAY_S = 86_400
_HOUR_S = 3600
#: Interactive jobs of a person and day, their median run, limit and cores.
_BY_DAY, _MEDIAN_S, _SHORT_LIMIT_S, _SHORT_CORES = 12, 180.0, 1800.0, (1, 1, 2, 4)
#: Chance of an overnight job of a person and day, its run in hours, limit and cores.
_BY_NIGHT, _LONG_H, _LONG_LIMIT_S, _LONG_CORES = 0.7, (2.0, 12.0), 16.0 * _HOUR_S, (4, 8, 8, 16)
_OFFICE_H = (9.0, 19.0)
_WORK_DAYS = 5


def lab(seed: int) -> Workload:
    """Return the same weeks of work for the same seed; kinds are ``interactive``, ``overnight``."""
    chance = random.Random(f"lab/{seed}")  # noqa: S311 - not for secrets
    jobs = [
        job
        for day in range(_WEEKS * 7)
        if day % 7 < _WORK_DAYS
        for person in range(_PEOPLE)
        for job in _day(chance, day * _DAY_S, f"user{person}")
    ]
    return Workload(f"lab-{seed}", CORES, in_order(jobs))


def _day(chance: random.Random, midnight_s: float, user: str) -> Iterator[LoggedJob]:
    """Yield what one person submits on one day."""
    for _ in range(round(chance.gauss(_BY_DAY, _BY_DAY / 4))):
        run_s = min(chance.lognormvariate(math.log(_MEDIAN_S), 1.0), _SHORT_LIMIT_S)
        cores = chance.choice(_SHORT_CORES)
        yield _job(chance, midnight_s, run_s, cores, _SHORT_LIMIT_S, user, "interactive")
    if chance.random() < _BY_NIGHT:
        run_s = chance.uniform(*_LONG_H) * _HOUR_S
        cores = chance.choice(_LONG_CORES)
        yield _job(chance, midnight_s, run_s, cores, _LONG_LIMIT_S, user, "overnight")


def _job(
    chance: random.Random,
    midnight_s: float,
    run_s: float,
    cores: int,
    limit_s: float,
    user: str,
    kind: str,
) -> LoggedJob:
    submit_s = midnight_s + chance.uniform(*_OFFICE_H) * _HOUR_S
    number = chance.getrandbits(32)
    return LoggedJob(number, submit_s, run_s, cores, limit_s, user, kind)
