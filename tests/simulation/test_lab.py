"""The made-up lab has the habits it claims."""

from __future__ import annotations

from statistics import fmean, median

from jupyter_hpccontainers.simulation.comparison import POLICIES
from jupyter_hpccontainers.simulation.lab import CORES, lab
from jupyter_hpccontainers.simulation.replay import replay


def test_the_same_seed_is_the_same_lab():
    assert lab(1) == lab(1) != lab(2)


def test_minutes_by_day_beside_hours_by_night():
    jobs = lab(1).jobs
    short = [job for job in jobs if job.kind == "interactive"]
    long = [job for job in jobs if job.kind == "overnight"]
    assert 120 < median(job.run_s for job in short) < 240
    assert all(2 * 3600 <= job.run_s <= 12 * 3600 for job in long)
    assert len(short) > 10 * len(long) > 0


def test_it_fits_its_machine_and_is_neither_idle_nor_overloaded():
    for seed in range(9):
        jobs = lab(seed).jobs
        assert all(0 < job.run_s <= job.limit_s and job.processors <= CORES for job in jobs)
        weeks_s = 12 * 7 * 86_400
        assert 0.3 < sum(job.run_s * job.processors for job in jobs) / (CORES * weeks_s) < 0.9


def test_headroom_helps_the_interactive_jobs_as_no_order_can():
    waits = {}
    for name in ("easy", "default", "headroom"):
        ran = [one for one in replay(lab(1), POLICIES[name]) if one.job.kind == "interactive"]
        waits[name] = fmean(one.wait_s for one in ran)
    assert waits["headroom"] <= 0.3 * waits["easy"] < waits["default"]
