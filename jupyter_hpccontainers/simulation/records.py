"""The jobs an engine has run as a workload: what another policy would have made of them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..model.errors import InvalidSpec
from ..model.job import Job
from .workload import LoggedJob, Workload, in_order

#: What ended at once counts as this long: no job of a workload takes no time.
_LEAST_S = 0.001


def from_records(jobs: Iterable[Job], cores: int) -> Workload:
    """Return the jobs that have run on a machine of so many cores; raises InvalidSpec without any.

    Only cores are replayed, not memory and GPUs. A job waits from when it might begin.
    """
    ran = [
        logged
        for job in jobs
        if (logged := _logged(job)) is not None and logged.processors <= cores
    ]
    if not ran:
        raise InvalidSpec(
            "no job has run here yet", cure="run some jobs, or give a log", field="history"
        )
    return Workload("history", cores, in_order(ran))


def _logged(job: Job) -> LoggedJob | None:
    ran_s = job.ran_s
    if not job.done or ran_s is None:
        return None
    spec = job.spec
    limit_s = math.inf if spec.time_limit_s is None else max(float(spec.time_limit_s), _LEAST_S)
    run_s = min(max(ran_s, _LEAST_S), limit_s)
    came_at = max(job.submitted_at, spec.begin_at or 0.0)
    kind = " ".join([spec.image, *spec.command, spec.script or ""])
    return LoggedJob(job.id, came_at, run_s, spec.resources.cores, limit_s, job.user, kind)
