"""The benchmark's plain-list EASY starts every job when ours does: each checks the other."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from jupyter_hpccontainers.scheduler import Policy
from jupyter_hpccontainers.simulation.lab import lab
from jupyter_hpccontainers.simulation.replay import replay

SOURCE = Path(__file__).parents[2] / "benchmarks" / "plain_easy.py"


@pytest.fixture
def plain_easy(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("plain_easy", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "plain_easy", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", [1, 2])
def test_easy_starts_jobs_as_the_plain_list_does(plain_easy: ModuleType, seed: int) -> None:
    workload = lab(seed)
    runs = [
        plain_easy.LoggedRun(job.submit_s, job.run_s, job.limit_s, job.processors)
        for job in workload.jobs
    ]
    plain = plain_easy.easy_replay(runs, workload.processors)
    ours = {ran.job.number: ran.start_s for ran in replay(workload, Policy())}
    assert [ours[job.number] for job in workload.jobs] == plain
