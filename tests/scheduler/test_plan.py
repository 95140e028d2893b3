"""The predicted start of every waiting job, worked out when asked."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from scheduler_lab import Lab, ask, job, machine, started

from jupyter_hpccontainers.model.dependencies import Dependency, DependencyKind
from jupyter_hpccontainers.scheduler import (
    Backfill,
    DrainChanged,
    Exited,
    Policy,
    Started,
    Submitted,
)
from jupyter_hpccontainers.scheduler.events import Edge, TaskBlock

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


def test_a_missing_image_is_taken_to_arrive_who_is_held_has_no_start():
    lab = Running(machine(cores=4))
    lab.submit(job(1, ask(4), limit_s=9.0, **AROUND))
    lab.submit(job(2, image_ready=False), job(3, held=True), job(4, dependencies=(AFTER_1,)))
    assert lab.scheduler.plan(0.0) == {2: 9}


def test_while_drained_nobody_has_a_start():
    lab = Running(machine(cores=4))
    lab.submit(job(1, ask(4), limit_s=9.0), job(2, limit_s=9.0))
    lab.send(DrainChanged(True))
    assert lab.scheduler.plan(0.0) == {}
    lab.send(DrainChanged(False))
    assert list(lab.scheduler.plan(0.0)) == [2]


def test_who_begins_later_does_so_at_the_first_gap_from_then_on():
    lab = Running(machine(cores=1))
    lab.submit(job(1, limit_s=10.0, **AROUND), job(2, limit_s=10.0, begin_at=5.0, **AROUND))
    lab.submit(job(3, limit_s=10.0, begin_at=35.0, **AROUND), job(4, limit_s=10.0, **AROUND))
    assert lab.scheduler.plan(0.0) == {2: 20, 3: 35, 4: 10}


class TestArrays:
    def test_every_task_takes_its_gap(self):
        lab = Running(machine(cores=2))
        lab.submit(array(1, 6, limit_s=10.0), job(9, limit_s=5.0, **AROUND))
        assert lab.scheduler.plan(0.0) == {1: 10, 9: 30}

    def test_no_more_than_may_run_at_once(self):
        lab = Running(machine(cores=4))
        lab.submit(array(1, 3, limit_s=10.0, max_running=1), job(9, ask(4), **AROUND))
        assert lab.scheduler.jobs.queue.throttled
        assert lab.scheduler.plan(0.0) == {1: 10, 9: 30}

    def test_they_count_among_the_most(self):
        lab = Running(machine(cores=1))
        lab.submit(array(1, 50, limit_s=10.0), job(99, limit_s=5.0))
        assert list(lab.scheduler.plan(0.0, most=20)) == [1]

    def test_behind_an_unknown_end_none_is_tried_twice(self):
        lab = Running(machine(cores=1))
        lab.submit(job(1), array(2, 50, limit_s=10.0), job(99, limit_s=5.0))
        assert lab.scheduler.plan(0.0, most=3) == {2: math.inf, 99: math.inf}


class TestLimits:
    def test_of_a_person(self):
        lab = Running(machine(cores=8), Policy(user_limits={"a": {"cores": 2}}))
        lab.submit(*(job(n, ask(2), limit_s=10.0, user="a", **AROUND) for n in (1, 2, 3)))
        assert lab.scheduler.plan(0.0) == {2: 10, 3: 20}

    def test_tokens(self):
        lab = Running(replace(machine(cores=8), tokens={"matlab": 2}))
        two, one = (("matlab", 2),), (("matlab", 1),)
        lab.submit(job(1, limit_s=10.0, tokens=one, **AROUND))
        lab.submit(job(2, limit_s=10.0, tokens=two, **AROUND))
        lab.submit(*(job(n, limit_s=12.0, tokens=one, **AROUND) for n in (3, 4)))
        assert lab.scheduler.plan(0.0) == {2: 10, 3: 20, 4: 20}

    def test_headroom_keeps_long_jobs_until_its_hours_end(self):
        policy = Policy(headroom=0.5, headroom_short_s=60.0, headroom_calendar=DAYS)
        lab = Running(machine(cores=4), policy)
        noon = 12 * 3600.0
        lab.submit(job(1, ask(2), limit_s=100.0, **AROUND), now=noon)
        lab.submit(job(2, ask(2), limit_s=61.0, **AROUND), now=noon)
        lab.submit(job(3, ask(3), limit_s=9000.0, **AROUND), now=noon)
        lab.submit(job(4, ask(4), limit_s=60.0, **AROUND), now=noon)
        planned = lab.scheduler.plan(noon)
        assert planned == {2: noon + 100, 3: 19 * 3600.0, 4: noon + 161}

    def test_the_room_of_a_later_start_is_not_given_away(self):
        limits = {"*": {"cores": 5}}
        kept = {"headroom": 0.5, "headroom_short_s": 40.0, "headroom_calendar": DAYS}
        lab = Running(machine(cores=8), Policy(user_limits=limits, **kept))
        noon = 12 * 3600.0
        for number, cores, limit_s in ((1, 2, 1.0), (2, 4, 41.0), (3, 1, 41.0)):
            lab.submit(job(number, ask(cores), limit_s=limit_s, user="a", **AROUND), now=noon)
        assert lab.scheduler.plan(noon) == {2: noon + 1, 3: noon + 42}


DAYS = ("mon-sun 05:00-19:00",)
AFTER_1 = Edge(Dependency(DependencyKind.AFTEROK, 1))
LIMITED = st.lists(
    st.tuples(st.integers(1, 90), st.integers(1, 4), st.sampled_from("ab"), st.integers(0, 2)),
    max_size=25,
)


@settings(max_examples=100, deadline=None)
@given(LIMITED, st.sampled_from([0.0, 0.5]))
def test_a_plan_passes_no_limit(some, headroom):
    """At every planned start, those of the plan and those that run are within all limits."""
    policy = Policy(
        user_limits={"*": {"cores": 5, "jobs": 3}},
        headroom=headroom,
        headroom_short_s=40.0,
        headroom_calendar=DAYS,
    )
    lab = Running(replace(machine(cores=8, memory=1), tokens={"t": 2}), policy)
    now = 18.99 * 3600
    spans = {}
    for n, (limit_s, cores, user, tokens) in enumerate(some, start=1):
        asked = {"user": user, "tokens": (("t", tokens),) if tokens else ()}
        lab.submit(job(n, ask(cores, 0), limit_s=float(limit_s), **AROUND, **asked), now=now)
        spans[n] = limit_s, cores, user, tokens
    starts = lab.scheduler.plan(now) | dict.fromkeys(lab.scheduler.allocations(), now)
    assert set(starts) == set(spans)
    for at in sorted(starts.values()):
        there = [spans[n] for n, since in starts.items() if since <= at < since + spans[n][0]]
        long = [cores for limit_s, cores, _, _ in there if limit_s > 40]
        # Headroom asks only who starts; who started before its hours stays.
        begins = any(starts[n] == at and spans[n][0] > 40 for n in starts)
        assert sum(cores for _, cores, _, _ in there) <= 8
        assert sum(tokens for _, _, _, tokens in there) <= 2
        assert not (begins and headroom and at < 19 * 3600) or sum(long) <= 4
        for user in "ab":
            theirs = [cores for _, cores, whose, _ in there if whose == user]
            assert sum(theirs) <= 5
            assert len(theirs) <= 3


class Running(Lab):
    """A laboratory where whatever starts runs at once."""

    def submit(self, *jobs, now=0.0):
        begun = []
        for one in jobs:
            begun += (starting := super().submit(one, now=now))
            self.send_all([Started(n) for n in starting], now)
        return begun


def array(number: int, count: int, max_running: int | None = None, **given: object):
    """Return an array of tasks of one core."""
    return job(number, tasks=TaskBlock(number + 1, count, max_running), **AROUND, **given)


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
