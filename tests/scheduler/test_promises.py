"""The profile of what will be free, and promises made with it that are kept."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from scheduler_lab import Lab, ask, job, machine, started

from jupyter_hpccontainers.model.resources import Resources
from jupyter_hpccontainers.scheduler import (
    Backfill,
    CancelRequested,
    Exited,
    Policy,
    Started,
    Submitted,
)
from jupyter_hpccontainers.scheduler.holdings import Release
from jupyter_hpccontainers.scheduler.profile import Profile

AMOUNTS = st.builds(Resources, st.integers(0, 4), st.integers(0, 4), st.integers(0, 2))
TIMES = st.integers(0, 30).map(float)


def free_at(time: float, free: Resources, taken: list[tuple[float, float, Resources]]):
    """Return what is free at a moment."""
    held = [amounts for start, end, amounts in taken if start <= time < end]
    return Resources(
        free.cores - sum(a.cores for a in held),
        free.memory_bytes - sum(a.memory_bytes for a in held),
        free.gpus - sum(a.gpus for a in held),
    )


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(TIMES, st.integers(1, 20), AMOUNTS), max_size=8),
    AMOUNTS,
    st.integers(1, 20),
)
def test_the_first_gap_is_that_found_by_trying_every_moment(some, asked, span):
    whole = Resources(4, 4, 2)
    taken = [(start, start + seconds, amounts) for start, seconds, amounts in some]
    profile = Profile(whole, [], 0.0)
    for start, end, amounts in taken:
        profile.occupy(start, end, amounts)
    moments = sorted({0.0, *(end for _, end, _ in taken)})
    found = profile.first_gap(asked, float(span))
    assert found == next(
        moment
        for moment in moments
        if all(
            asked.fits_in(free_at(moment + second, whole, taken)) for second in range(span)
        )
    )  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(TIMES, st.integers(1, 20), AMOUNTS), max_size=8), TIMES)
def test_what_is_vacated_is_as_if_it_had_never_been(some, until):
    profile = Profile(Resources(4, 4, 2), [], 0.0)
    for start, seconds, amounts in some:
        profile.occupy(start, start + seconds, amounts)
    for start, seconds, amounts in some:
        profile.vacate(start, start + seconds, amounts)
    profile.forget_before(until)
    assert profile.first_gap(Resources(4, 4, 2), math.inf) == until


def test_what_comes_back_at_an_unknown_time_is_never_counted_on():
    profile = Profile(ask(1), [Release(math.inf, 0, 1, ask(3))], 0.0)
    assert profile.first_gap(ask(2), 1.0) == math.inf


def test_what_is_overdue_comes_back_soon_but_not_now():
    profile = Profile(ask(1), [Release(5.0, 0, 1, ask(3))], 10.0)
    assert 10 < profile.first_gap(ask(2), 1.0) < 20


def lab() -> Lab:
    """Return a lab of 4 cores that promises."""
    return Lab(machine(cores=4), Policy(Backfill.CONSERVATIVE))


def test_an_end_later_than_planned_makes_promises_anew():
    one = lab()
    one.submit(job(1, ask(4), limit_s=100.0), job(2, ask(4), limit_s=100.0))
    one.send(Started(1), now=10)
    one.send(CancelRequested(1), now=20)
    assert started(one.send(Exited(job_id=1, exit_code=0), now=500.0)) == [2]


def test_an_unlimited_job_passes_nobody_but_runs_beside():
    one = lab()
    assert one.submit(job(1, ask(3), limit_s=100.0), job(2, ask(2), limit_s=100.0)) == [1]
    assert one.submit(job(3, ask(2))) == []
    assert one.submit(job(4, ask(1), limit_s=10.0)) == [4]


JOBS = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.integers(1, 40),
        st.integers(1, 4),
        st.integers(0, 40),
        st.sampled_from([None, None, None, 1.0, 20.0]),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=200, deadline=None)
@given(JOBS)
def test_nobody_starts_later_than_first_promised(some):
    """Jobs end when they like within their limits; some are cancelled while they wait."""
    one, coming, ends, promised = lab(), {}, {}, {}
    for number, (at, *_) in enumerate(some, start=1):
        coming[number] = float(at)
    wake = math.inf
    while coming or ends:
        now = min([*coming.values(), *ends.values(), wake])
        batch = [Exited(job_id=n, exit_code=0) for n, at in ends.items() if at <= now]
        ends = {n: at for n, at in ends.items() if at > now}
        for n in [n for n, at in coming.items() if at <= now]:
            _, run, cores, more, gives_up = some[n - 1]
            given_ = {"limit_s": float(run + more), "grace_s": 0.0, "start_timeout_s": 0.0}
            batch.append(Submitted(job(n, ask(cores, 0), submitted_at=now, **given_)))
            del coming[n]
            if gives_up:
                ends[-n] = now + gives_up
        gone = [e for e in batch if isinstance(e, Exited) and e.job_id < 0]
        batch = [e for e in batch if e not in gone]
        batch += [CancelRequested(-e.job_id) for e in gone if -e.job_id in promised]
        actions = one.send_all(batch, now)
        begun = started(actions)
        promised = {
            n: min(promised.get(n, math.inf), at)
            for n, at in one.scheduler._promises.promised().items()
        } | {n: promised[n] for n in begun if n in promised}
        for n in begun:
            assert now <= promised.pop(n, now)
            ends[n] = now + some[n - 1][1]
        actions = one.send_all([Started(n) for n in begun], now) if begun else actions
        wake = min(
            [a.at for a in actions if hasattr(a, "at") and a.__class__.__name__ == "WakeAt"],
            default=math.inf,
        )
        for n, at in one.scheduler._promises.promised().items():
            assert at <= promised.setdefault(n, at)
