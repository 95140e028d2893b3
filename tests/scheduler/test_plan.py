"""The predicted start of every waiting job, worked out when asked."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from scheduler_lab import Lab, ask, job, machine, started

from jupyter_hpccontainers.scheduler import Backfill, Exited, Policy, Started, Submitted

AROUND = {"grace_s": 0.0, "start_timeout_s": 0.0}


def test_beside_and_after_each_other():
    lab = Lab(machine(cores=4))
    lab.submit(job(1, ask(4), limit_s=100.0, **AROUND))
    lab.send(Started(1))
    asked = [(2, ask(3), 50.0), (3, ask(3), 50.0), (4, ask(1), 60.0)]
    lab.submit(*(job(n, amounts, limit_s=limit, **AROUND) for n, amounts, limit in asked))
    assert lab.scheduler.plan(0.0) == {2: 100, 3: 150, 4: 100}


def test_behind_an_unknown_end_nobody_knows():
    lab = Lab(machine(cores=4))
    lab.submit(job(1, ask(4)), job(2, limit_s=1.0), job(3, limit_s=1.0))
    assert lab.scheduler.plan(0.0) == {2: math.inf, 3: math.inf}


def test_who_is_not_ready_has_no_start():
    lab = Lab(machine(cores=4))
    lab.submit(job(1, ask(4), limit_s=9.0), job(2, image_ready=False), job(3, held=True))
    assert lab.scheduler.plan(0.0) == {}


def test_only_so_many_are_planned():
    lab = Lab(machine(cores=1))
    lab.submit(*(job(n, limit_s=1.0) for n in range(1, 9)))
    assert list(lab.scheduler.plan(0.0, most=3)) == [2, 3, 4]


def test_asking_changes_nothing():
    lab = Lab(machine(cores=4))
    lab.submit(*(job(n, ask(3), limit_s=10.0) for n in range(1, 5)))
    assert lab.scheduler.plan(0.0) == lab.scheduler.plan(0.0)
    lab.scheduler.check(0.0)


JOBS = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 4)), max_size=15)


@settings(max_examples=150, deadline=None)
@given(JOBS, st.sampled_from([Backfill.NONE, Backfill.CONSERVATIVE]))
def test_it_is_what_happens_when_every_job_takes_its_whole_limit(some, backfill):
    """Under conservative backfill exactly; without backfill nobody starts before."""
    lab = Lab(machine(cores=4), Policy(backfill))
    limits = {n: float(limit) for n, (limit, _) in enumerate(some, start=1)}
    batch = [
        Submitted(job(n, ask(cores, 0), limit_s=limits[n], submitted_at=0.0, **AROUND))
        for n, (_, cores) in enumerate(some, start=1)
    ]
    begun = started(lab.send_all(batch, 0.0))
    lab.send_all([Started(n) for n in begun], 0.0)
    plan = lab.scheduler.plan(0.0)
    ends = {n: limits[n] for n in begun}
    while ends:
        now = min(ends.values())
        over = [n for n, at in ends.items() if at <= now]
        begun = started(lab.send_all([Exited(job_id=n, exit_code=0) for n in over], now))
        lab.send_all([Started(n) for n in begun], now)
        ends = {n: at for n, at in ends.items() if at > now} | {n: now + limits[n] for n in begun}
        for n in begun:
            assert plan[n] == now if backfill is Backfill.CONSERVATIVE else plan[n] <= now
