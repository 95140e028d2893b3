"""A workload: jobs with their true run times, and variants of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class LoggedJob:
    """A job as a log tells it: ``run_s`` is the truth, ``limit_s`` what its user asked for.

    INVARIANT: 0 < ``run_s`` <= ``limit_s``. ``kind`` names what it runs, where that is known.
    """

    number: int
    submit_s: float
    run_s: float
    processors: int
    limit_s: float
    user: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Workload:
    """Jobs in the order of their submission, and the processors of the machine they ran on."""

    name: str
    processors: int
    jobs: tuple[LoggedJob, ...]


def shaken(workload: Workload, most_s: float, seed: str) -> Workload:
    """Return the workload with each submission later by a random time of at most ``most_s``.

    One job decides the longest wait of a replay, so a policy is judged by several shaken ones.
    Source: Tsafrir, Ouaknine and Feitelson, "Reducing performance evaluation sensitivity and
    variability by input shaking", MASCOTS 2007.
    """
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    jobs = [
        replace(job, submit_s=job.submit_s + chance.uniform(0, most_s)) for job in workload.jobs
    ]
    return replace(workload, jobs=in_order(jobs))


def half(workload: Workload, second: bool) -> Workload:
    """Return the first or the second half of the jobs."""
    middle = len(workload.jobs) // 2
    jobs = workload.jobs[middle:] if second else workload.jobs[:middle]
    return replace(workload, jobs=jobs)


def without_estimates(workload: Workload) -> Workload:
    """Return the workload as if no user had said more than the longest limit of all."""
    longest = max((job.limit_s for job in workload.jobs), default=0.0)
    jobs = tuple(replace(job, limit_s=longest) for job in workload.jobs)
    return replace(workload, jobs=jobs)


def in_order(jobs: list[LoggedJob]) -> tuple[LoggedJob, ...]:
    """Return the jobs by submission, equal times by number."""
    return tuple(sorted(jobs, key=lambda job: (job.submit_s, job.number)))
