"""Hours of a week, and cores kept for short jobs at some of them."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scheduler_lab import Lab, ask, job, machine, only, started

from jupyter_hpccontainers.model.errors import InvalidSpec, StateConflict
from jupyter_hpccontainers.model.reasons import sentence
from jupyter_hpccontainers.model.states import ReasonCode
from jupyter_hpccontainers.scheduler import (
    Backfill,
    Exited,
    Policy,
    Started,
    Ticked,
    TimeLimitChanged,
    WakeAt,
)
from jupyter_hpccontainers.scheduler.windows import Calendar

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
#: A Monday, 00:00 UTC.
MONDAY = 4 * DAY_S
KEPT = Policy(headroom=0.25, headroom_calendar=("mon-fri 05:00-19:00",))
LONG, SHORT = {"limit_s": 10 * HOUR_S}, {"limit_s": HOUR_S}


def at(day: int, hour: float) -> float:
    """Return the hour of a day after that Monday."""
    return MONDAY + day * DAY_S + hour * HOUR_S


def lab() -> Lab:
    """Return a lab of 16 cores of which 4 are kept."""
    return Lab(machine(cores=16, memory=64), KEPT)


@given(st.integers(0, 3 * 365 * 24 * 60))
def test_a_window_is_that_of_the_local_clock(minutes):
    """Against the time zone's own arithmetic, over every change of summer time."""
    zone = ZoneInfo("Europe/Berlin")
    moment = datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC")) + timedelta(minutes=minutes)
    changes = [(2024, 3, 31, 7200.0), (2024, 10, 27, 3600.0), (2025, 3, 30, 7200.0)]
    changes += [(2025, 10, 26, 3600.0), (2026, 3, 29, 7200.0), (2026, 10, 25, 3600.0)]
    utc = ZoneInfo("UTC")
    offsets = [(0.0, 3600.0)]
    offsets += [(datetime(y, m, d, 1, tzinfo=utc).timestamp(), ahead) for y, m, d, ahead in changes]
    local = moment.astimezone(zone)
    inside = local.weekday() < 5 and 5 <= local.hour < 19
    calendar = Calendar(["mon-fri 05:00-19:00"], offsets)
    assert calendar.inside(moment.timestamp()) == inside
    change = calendar.next_change(moment.timestamp())
    assert change > moment.timestamp()
    assert calendar.inside(change - 1) == inside


def test_windows_go_past_midnight_and_past_sunday():
    calendar = Calendar(["fri-mon 22:00-06:00", "wed 10:30-11:00"])
    assert calendar.inside(at(0, 23))
    assert calendar.inside(at(1, 5))
    assert not calendar.inside(at(1, 6))
    assert calendar.inside(at(6, 23))
    assert calendar.next_change(at(2, 0)) == at(2, 10.5)
    assert calendar.next_change(at(2, 10.5)) == at(2, 11)
    assert calendar.next_change(at(2, 12)) == at(4, 22)


def test_no_window_never_changes():
    assert Calendar([]).next_change(0.0) == math.inf
    assert not Calendar([]).inside(0.0)


@pytest.mark.parametrize(
    "wrong",
    ["mon 25:00-26:00", "may 01:00-02:00", "mon 5-6", "mon 05:00-05:00", "mon-tue-wed 1", ""],
)
def test_what_is_no_window_is_refused(wrong):
    with pytest.raises(InvalidSpec) as refused:
        Policy(headroom_calendar=(wrong,))
    assert refused.value.field == "headroom_calendar"


def test_a_calendar_without_a_gap_is_refused():
    with pytest.raises(InvalidSpec, match="whole week"):
        Policy(headroom_calendar=("mon-sun 00:00-12:00", "mon-sun 12:00-24:00"))


def test_conservative_backfill_has_no_headroom():
    with pytest.raises(InvalidSpec, match="conservative"):
        Policy(Backfill.CONSERVATIVE, headroom=0.5)


def test_by_day_long_jobs_leave_what_is_kept_and_short_ones_may_have_it():
    one, now = lab(), at(0, 10)
    jobs = [job(n, ask(4), submitted_at=now, **LONG) for n in (1, 2, 3, 4)]
    assert one.submit(*jobs, now=now) == [1, 2, 3]
    why = one.scheduler.waiting(4, now).reason
    assert why.code is ReasonCode.HEADROOM
    assert sentence(why) == (
        "waits: long jobs hold 12 of the 12 cores they may have until 1970-01-05 19:00:00 UTC"
    )
    assert one.submit(job(5, ask(4), **SHORT), now=now) == [5]


def test_a_job_without_limit_is_long():
    assert lab().submit(job(1, ask(13)), now=at(0, 10)) == []
    assert lab().submit(job(1, ask(13)), now=at(0, 20)) == [1]
    assert lab().submit(job(1, ask(13)), now=at(5, 10)) == [1]


def test_who_needs_the_whole_machine_has_it_reserved_for_the_evening():
    one, now = lab(), at(0, 10)
    assert one.submit(job(1, ask(16), **LONG), now=now) == []
    assert one.scheduler.reservation(now).at == at(0, 19)
    assert one.submit(job(2, ask(4), limit_s=8 * HOUR_S), now=now) == [2]
    assert one.submit(job(3, ask(4), **LONG), now=now) == []
    one.send(Exited(job_id=2, exit_code=0), now=at(0, 18))
    assert started(one.send(Ticked(), now=at(0, 19))) == [1]


def test_the_engine_is_woken_when_the_hours_change():
    one = lab()
    actions = one.send(Ticked(), now=at(0, 3))
    assert not only(WakeAt, actions)
    one.submit(job(1, ask(16), **LONG), now=at(0, 10))
    assert only(WakeAt, one.send(Ticked(), now=at(0, 10)))[-1].at == at(0, 19)


def test_more_time_makes_no_short_job_long_where_that_takes_what_is_kept():
    one, now = lab(), at(0, 10)
    one.submit(job(1, ask(12), **LONG), job(2, ask(2), **SHORT), now=now)
    one.send(Started(2), now=now)
    with pytest.raises(StateConflict, match="kept for short jobs"):
        one.send(TimeLimitChanged(2, 3 * HOUR_S), now=now)
    one.send(TimeLimitChanged(2, HOUR_S / 2), now=now)


def test_without_headroom_nothing_of_it_is_asked():
    one = Lab(machine(cores=4), Policy(headroom=0.1))
    assert one.submit(job(1, ask(4)), now=at(0, 10)) == [1]
    assert not only(WakeAt, one.send(Started(1), now=at(0, 10)))
