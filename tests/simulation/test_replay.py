"""A replay starts jobs as a machine would have, and its figures are those of their definition."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from swf_lab import logged, workload

from jupyter_hpccontainers.scheduler import Backfill, Policy
from jupyter_hpccontainers.simulation.comparison import POLICIES, Shaking, compare
from jupyter_hpccontainers.simulation.measures import measure, percentile
from jupyter_hpccontainers.simulation.replay import Ran, replay
from jupyter_hpccontainers.simulation.swf import read_swf
from jupyter_hpccontainers.simulation.workload import (
    LoggedJob,
    Workload,
    half,
    shaken,
    without_estimates,
)

#: Job 2 must wait for job 1; job 3 fits beside job 1 and ends before it; job 4 would not.
QUEUE = workload(
    logged(1, 0, 50, size=3, limit=100),
    logged(2, 1, 10, size=4),
    logged(3, 2, 20, size=1, limit=90),
    logged(4, 3, 20, size=1, limit=200),
)


def starts(of: Workload, policy: Policy) -> dict[int, float]:
    """Return when each job of the log started."""
    return {ran.job.number: ran.start_s for ran in replay(of, policy)}


def test_first_come_first_served() -> None:
    assert starts(QUEUE, Policy(Backfill.NONE)) == {1: 0, 2: 50, 3: 60, 4: 60}


def test_easy_lets_pass_who_ends_in_time() -> None:
    assert starts(QUEUE, Policy()) == {1: 0, 3: 2, 2: 50, 4: 60}


def test_conservative_lets_pass_who_delays_nobody() -> None:
    """Job 5 may not pass as under EASY, where it would delay job 4 behind the head."""
    queue = workload(
        logged(1, 0, 50, size=2, limit=100),
        logged(2, 1, 10, size=4),
        logged(3, 2, 50, size=3),
        logged(4, 3, 10, size=2),
        logged(5, 4, 200, size=1, limit=200),
    )
    assert starts(queue, Policy(Backfill.CONSERVATIVE)) == {1: 0, 4: 3, 2: 50, 3: 60, 5: 60}


def test_a_promise_is_kept_at_a_moment_when_nothing_else_happens() -> None:
    queue = workload(
        logged(1, 0, 10, size=4),
        logged(2, 1, 60, size=3),
        logged(3, 2, 5, size=2, limit=60),
        logged(4, 3, 5, size=4, limit=10),
    )
    assert starts(queue, Policy(Backfill.CONSERVATIVE)) == {1: 0, 2: 10, 3: 70, 4: 75}


JOBS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 40), st.integers(1, 4), st.integers(0, 40)),
    min_size=1,
    max_size=25,
)


@settings(max_examples=100, deadline=None)
@given(JOBS, st.sampled_from(sorted(POLICIES)))
def test_every_job_runs_once_in_full_and_never_on_more_than_there_is(some, policy) -> None:
    jobs = [logged(n, at, run, size, run + more) for n, (at, run, size, more) in enumerate(some)]
    jobs.sort(key=lambda job: (job.submit_s, job.number))
    ran = replay(workload(*jobs), POLICIES[policy])
    assert sorted(one.job.number for one in ran) == [*range(len(jobs))]
    assert all(one.wait_s >= 0 for one in ran)
    for one in ran:
        at_once = [o for o in ran if o.start_s <= one.start_s < o.start_s + o.job.run_s]
        assert sum(other.job.processors for other in at_once) <= 4


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    replay(QUEUE, Policy(), lambda done, of: told.append((done, of)))
    assert told[-1] == (4, 4)


def test_figures() -> None:
    ran = [Ran(logged(1, 0, 100, size=2), 0.0), Ran(logged(2, 0, 1, size=4), 100.0)]
    figures = measure("easy", ran, processors=4, wall_s=1.5)
    assert figures.avebsld == pytest.approx((1 + 101 / 10) / 2)
    assert (figures.mean_wait_s, figures.max_wait_h) == (50, 100 / 3600)
    assert figures.utilisation == pytest.approx(204 / (4 * 101))
    assert (figures.jobs, figures.p95_bsld, figures.wall_s) == (2, 10.1, 1.5)


def test_percentiles_are_values_that_occur() -> None:
    hundred = [float(n) for n in range(1, 101)]
    assert (percentile(hundred, 95), percentile(hundred, 99)) == (95, 99)
    assert percentile([3.0], 95) == 3


class TestVariants:
    def test_shaking_delays_by_chance_that_the_seed_repeats(self) -> None:
        once, again, other = (shaken(QUEUE, 300, seed) for seed in ("1", "1", "2"))
        assert once == again != other
        before = {job.number: job.submit_s for job in QUEUE.jobs}
        assert all(0 <= job.submit_s - before[job.number] <= 300 for job in once.jobs)
        assert [job.submit_s for job in once.jobs] == sorted(job.submit_s for job in once.jobs)

    def test_halves_are_the_whole(self) -> None:
        assert half(QUEUE, second=False).jobs + half(QUEUE, second=True).jobs == QUEUE.jobs

    def test_without_estimates_all_ask_for_the_longest(self) -> None:
        assert {job.limit_s for job in without_estimates(QUEUE).jobs} == {200}
        assert without_estimates(QUEUE).jobs[0].run_s == 50


class TestComparison:
    def compared(self, *names: str, shaking: Shaking = Shaking()):  # noqa: B008
        """Return what comes of comparing policies."""
        return compare(QUEUE, names, shaking, lambda *_: None)

    def test_side_by_side_and_against_easy(self) -> None:
        fcfs, easy = self.compared("fcfs", "easy")
        assert (fcfs.mean.policy, easy.mean.policy) == ("fcfs", "easy")
        assert easy.against_easy["mean_wait_s"].mean == 1
        assert fcfs.against_easy["mean_wait_s"].mean == pytest.approx(164 / 106)

    def test_without_easy_there_is_no_yardstick(self) -> None:
        assert not self.compared("fcfs")[0].against_easy

    def test_the_mean_of_shaken_replays(self) -> None:
        (easy,) = self.compared("easy", shaking=Shaking(repeat=3, most_s=20))
        waits = [one.mean_wait_s for one in easy.replays]
        assert len(set(waits)) == 3
        assert easy.mean.mean_wait_s == pytest.approx(sum(waits) / 3)


#: AVEbsld by an independent simulator, validated against the published campaign of SC'15.
REFERENCE = {
    ("KTH-SP2-1996-2.1-cln", "easy"): 92.7,
    ("KTH-SP2-1996-2.1-cln", "conservative"): 89.0,
}


WORKLOADS = os.environ.get("HPCC_WORKLOADS", "")

if WORKLOADS:
    # The logs are not part of the tree: whoever has them names their folder.
    @pytest.mark.parametrize(("name", "policy"), [key for key in REFERENCE if key[1] in POLICIES])
    def test_a_real_log_gives_the_reference_figures(name: str, policy: str) -> None:
        log = read_swf(Path(WORKLOADS) / f"{name}.swf.gz")
        figures = measure(policy, replay(log, POLICIES[policy]), log.processors, 0.0)
        assert figures.jobs == 28467
        assert figures.avebsld == pytest.approx(REFERENCE[name, policy], rel=0.03)


def test_a_job_says_nothing_of_its_run_time_before_its_end() -> None:
    short, long = (
        workload(LoggedJob(1, 0, run, 4, 100), logged(2, 1, 5, size=4)) for run in (10.0, 90.0)
    )
    assert starts(short, Policy()) == {1: 0, 2: 10}
    assert starts(long, Policy()) == {1: 0, 2: 90}
