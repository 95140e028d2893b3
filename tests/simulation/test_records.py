"""An engine's records as a workload."""

from __future__ import annotations

import math
from typing import Any

import pytest

from jupyter_hpccontainers.model.errors import InvalidSpec
from jupyter_hpccontainers.model.job import Job, JobSpec
from jupyter_hpccontainers.model.resources import Resources
from jupyter_hpccontainers.model.states import State
from jupyter_hpccontainers.scheduler import DEFAULT
from jupyter_hpccontainers.simulation.records import from_records
from jupyter_hpccontainers.simulation.replay import replay


def record(number: int, came: float, begun: float | None, ended: float | None, **asked: Any) -> Job:
    """Return a job that asked for an hour; it is DONE if it has ended."""
    spec = JobSpec(
        image="i",
        command=("run",),
        resources=Resources(asked.pop("cores", 1)),
        **{"time_limit_s": 3600, **asked},
    )
    return Job(
        id=number,
        engine="e",
        spec=spec,
        user="ann",
        state=State.RUNNING if ended is None else State.DONE,
        submitted_at=came,
        started_at=begun,
        ended_at=ended,
    )


def test_what_has_run_is_replayed_in_the_order_it_came():
    jobs = [record(2, 105.0, 160.0, 170.0, cores=2), record(1, 100.0, 100.0, 160.0)]
    workload = from_records(jobs, 2)
    assert [(one.number, one.submit_s, one.run_s, one.limit_s) for one in workload.jobs] == [
        (1, 100.0, 60.0, 3600.0),
        (2, 105.0, 10.0, 3600.0),
    ]
    assert {(one.user, one.kind) for one in workload.jobs} == {("ann", "i run ")}
    assert [ran.start_s for ran in replay(workload, DEFAULT)] == [100.0, 160.0]


def test_what_never_ran_or_still_runs_or_fits_no_more_is_left_out():
    jobs = [
        record(1, 0.0, None, 5.0),
        record(2, 0.0, 1.0, None),
        record(3, 0.0, 1.0, 2.0, cores=4),
        record(4, 0.0, 1.0, 2.0),
    ]
    assert [one.number for one in from_records(jobs, 2).jobs] == [4]


def test_it_waits_from_when_it_might_begin_and_ran_within_its_limit():
    (one,) = from_records([record(1, 0.0, 50.0, 150.0, begin_at=40.0, time_limit_s=60)], 1).jobs
    assert (one.submit_s, one.run_s) == (40.0, 60.0)


def test_without_a_limit_it_is_planned_without_end():
    (one,) = from_records([record(1, 0.0, 5.0, 5.0, time_limit_s=None)], 1).jobs
    assert one.limit_s == math.inf
    assert one.run_s > 0


def test_nothing_to_replay_is_said():
    with pytest.raises(InvalidSpec, match="no job has run here yet"):
        from_records([record(1, 0.0, None, None)], 2)
