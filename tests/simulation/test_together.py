"""Workloads replayed apart give what they give one after another, in their order."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import pytest

from jupyter_hpccontainers.model.errors import InvalidSpec
from jupyter_hpccontainers.simulation.comparison import Compared, Shaking
from jupyter_hpccontainers.simulation.lab import lab
from jupyter_hpccontainers.simulation.together import compare_all
from jupyter_hpccontainers.simulation.workload import Workload

NAMES = ["easy", "default"]


def small(seed: int, jobs: int) -> Workload:
    """Return the first jobs of a made-up lab."""
    made = lab(seed)
    return replace(made, jobs=made.jobs[:jobs])


def figures(compared: list[list[Compared]]) -> list[list[Compared]]:
    """Return what was measured without the time it took, nor the jobs."""
    return [
        [
            replace(
                one,
                mean=replace(one.mean, wall_s=0.0),
                replays=tuple(replace(row, wall_s=0.0) for row in one.replays),
                first=(),
            )
            for one in some
        ]
        for some in compared
    ]


def test_apart_is_as_one_after_another():
    told: list[tuple[str, int, int, float]] = []
    workloads, shaking = [small(1, 60), small(2, 200), small(3, 40)], Shaking(2, 30.0)
    apart = compare_all(workloads, NAMES, shaking, lambda *one: told.append(one), cores=2)
    alone = compare_all(workloads, NAMES, shaking, lambda *one: None, cores=1)
    assert figures(apart) == figures(alone)
    assert [some[0].mean.jobs for some in apart] == [60, 200, 40]
    assert {which for which, *_ in told} >= {"lab-1 easy", "lab-2 default", "lab-3 easy"}
    assert max(share for *_, share in told) == 1.0


def test_what_is_wrong_is_said_as_if_alone():
    with pytest.raises(InvalidSpec, match="no policy 'none'"):
        compare_all([small(1, 9), small(2, 9)], ["none"], Shaking(), lambda *one: None, cores=2)


def test_where_a_process_is_killed_they_are_replayed_one_after_another(monkeypatch):
    here = os.getpid()

    def kill(*_: object) -> None:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr("jupyter_hpccontainers.simulation.together._tell_by", kill)
    compared = compare_all([small(1, 9), small(2, 9)], NAMES, Shaking(), lambda *one: None, cores=2)
    assert [some[0].mean.jobs for some in compared] == [9, 9]
