"""Who asks for more than headroom leaves can start only at night, and is not passed for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scheduler_lab import Lab, ask, job, machine, started

from jupyter_hpccontainers.model.states import ReasonCode
from jupyter_hpccontainers.scheduler import (
    Exited,
    Order,
    Policy,
    Started,
    Submission,
    Submitted,
    Ticked,
)

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
#: A Monday, 00:00 UTC.
MONDAY = 4 * DAY_S
LONG, SHORT = {"limit_s": 10 * HOUR_S}, {"limit_s": HOUR_S / 2}
KEPT = Policy(
    order=Order.INDEX,
    headroom=0.25,
    headroom_calendar=("mon-fri 07:00-18:00",),
    headroom_lead_s=2 * HOUR_S,
)


def at(day: int, hour: float) -> float:
    """Return the hour of a day after that Monday."""
    return MONDAY + day * DAY_S + hour * HOUR_S


def lab(policy: Policy = KEPT) -> Lab:
    """Return a lab of 16 cores of which 4 are kept by day."""
    return Lab(machine(cores=16, memory=64), policy)


def whole(number: int, when: float, **given: float) -> Submission:
    """Return a job that needs the whole machine for long."""
    return job(number, ask(16), submitted_at=when, **{**LONG, **given})


def small(number: int, when: float, cores: int = 4, **given: float) -> Submission:
    """Return a long job that may start by day."""
    return job(number, ask(cores), submitted_at=when, **{**LONG, **given})


def test_by_day_it_keeps_nobody_waiting():
    one, now = lab(), at(0, 10)
    assert one.submit(whole(1, now), small(2, now), now=now) == [2]
    assert one.scheduler.reservation(now) is None
    assert one.scheduler.waiting(1, now).reason.code is ReasonCode.HEADROOM


def test_shortly_before_the_night_no_long_job_starts_that_would_still_be_there():
    one, now = lab(), at(0, 16.5)
    one.submit(whole(1, at(0, 10)), now=now)
    assert one.submit(small(2, now), now=now) == []
    assert one.submit(job(3, ask(4), submitted_at=now, limit_s=1.2 * HOUR_S), now=now) == [3]
    assert one.submit(job(4, ask(4), submitted_at=now, **SHORT), now=now) == [4]
    assert one.scheduler.reservation(now).at == at(0, 18)


def test_the_night_is_its_own_first():
    """Also before one that asks for less and came sooner, by no more than the day lasts."""
    one = lab()
    one.submit(whole(1, at(0, 9)), now=at(0, 9))
    for number in (2, 3, 4):
        one.submit(small(number, at(0, 9) + number), now=at(0, 9) + number)
    one.submit(whole(5, at(0, 15)), now=at(0, 15))
    late = small(6, at(0, 15.5), cores=12)
    assert one.submit(late, now=at(0, 15.5)) == []
    one.send_all([Exited(job_id=n, exit_code=0) for n in (2, 3, 4)], now=at(0, 17))
    assert started(one.send(Ticked(), now=at(0, 18))) == [1]
    assert started(one.send(Exited(job_id=1, exit_code=0), now=at(0, 20))) == [5]
    assert started(one.send(Exited(job_id=5, exit_code=0), now=at(0, 23))) == [6]


def test_a_night_is_not_given_away_though_a_limit_goes_past_it():
    one = lab()
    one.submit(small(1, at(0, 12), cores=12, limit_s=20 * HOUR_S), now=at(0, 12))
    one.send(Started(1), now=at(0, 12))
    one.submit(whole(2, at(0, 13)), now=at(0, 13))
    # By its limit job 1 is there until after 07:00, so that job 2 could start at 18:00 only.
    now = at(0, 20)
    assert one.submit(small(3, now), now=now) == []
    assert one.scheduler.reservation(now).at == at(1, 18)
    assert one.submit(job(4, ask(4), submitted_at=now, **SHORT), now=now) == [4]
    one.send(Exited(job_id=4, exit_code=0), now=at(0, 20.2))
    assert started(one.send(Exited(job_id=1, exit_code=0), now=at(0, 21))) == [2]


def test_who_has_missed_a_night_and_waited_long_is_promised_its_start_by_day():
    one = lab(replace(KEPT, guard=0.0))
    one.submit(small(1, at(0, 10), cores=12, limit_s=30 * HOUR_S), now=at(0, 10))
    one.send(Started(1), now=at(0, 10))
    one.submit(whole(2, at(0, 21)), now=at(0, 21))
    assert one.submit(small(3, at(1, 7.5)), now=at(1, 7.5)) == []
    assert started(one.send(Exited(job_id=1, exit_code=0), now=at(1, 7.7))) == [3]
    # Eleven hours and its patience have passed: now no long job passes it by day either.
    one.send(Exited(job_id=3, exit_code=0), now=at(1, 9))
    assert one.submit(small(4, at(1, 9.1)), now=at(1, 9.1)) == []
    assert one.scheduler.reservation(at(1, 9.1)).at == at(1, 18)
    assert started(one.send(Ticked(), now=at(1, 18))) == [2]


def test_by_submission_nobody_is_favoured():
    one = lab(replace(KEPT, order=Order.SUBMISSION))
    now = at(0, 10)
    one.submit(small(1, now, cores=12), small(2, now, cores=8), whole(3, now), now=now)
    one.send(Exited(job_id=1, exit_code=0), now=at(0, 12))
    assert one.scheduler.state_of(2).holds_allocation
    assert one.scheduler.reservation(at(0, 12)).head.job_id == 3


@given(st.data())
def test_it_starts_however_many_long_jobs_come(data):
    """Each long job keeps its cores for its whole limit, and a new one always waits."""
    cores = data.draw(st.integers(1, 12))
    limit_s = data.draw(st.sampled_from([4, 8, 16, 20])) * HOUR_S
    one, running, number = lab(), {}, 1
    now = at(0, data.draw(st.integers(0, 23)))
    one.submit(whole(1, now), now=now)
    end = now + 4 * DAY_S + 2 * limit_s
    while one.scheduler.state_of(1).waits:
        assert now < end, "it was passed for ever"
        number += 1
        batch: list[Submitted | Exited] = [
            Exited(job_id=n, exit_code=0) for n, ends in running.items() if ends <= now
        ]
        coming = small(number, now, cores=cores, limit_s=limit_s)
        batch.append(Submitted(coming))
        running = {n: ends for n, ends in running.items() if ends > now}
        for begun in started(one.send_all(batch, now)):
            running[begun] = now + limit_s
            one.send(Started(begun), now)
        now += HOUR_S


@pytest.mark.parametrize("cores", [12, 13])
def test_only_who_asks_for_more_than_is_left_is_shut_out(cores):
    one, now = lab(), at(0, 10)
    starts = one.submit(small(1, now, cores=cores), now=now)
    assert starts == ([1] if cores == 12 else [])
