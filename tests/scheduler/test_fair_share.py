"""Fair share: who has had much waits behind who has had little, and never without end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduler_lab import ask, job
from test_order import Day

from jupyter_hpccontainers.model.errors import InvalidSpec
from jupyter_hpccontainers.model.states import State
from jupyter_hpccontainers.scheduler import Order, Policy, Restored
from jupyter_hpccontainers.scheduler.fair_share import Books
from jupyter_hpccontainers.scheduler.replica import replica

HOUR_S = 3600.0
WEEK_S = 7 * 24 * HOUR_S
BY_INDEX = Policy(order=Order.INDEX)


def fair(**figures) -> Policy:
    return Policy(order=Order.INDEX, fair_half_life_s=WEEK_S, **figures)


def day_after_ten_hours_of_ann(policy: Policy) -> Day:
    """Ann had the machine for ten hours, bob nothing; now somebody holds all of it."""
    day = Day(policy)
    day.submit(1, cores=4, user="ann", kind="x", limit_s=20 * HOUR_S)
    day.end(1, after=10 * HOUR_S)
    day.submit(2, cores=4, user="carl", kind="x", limit_s=HOUR_S)
    return day


class TestBooks:
    def test_who_has_had_nothing_is_not_set_back(self):
        books = Books(WEEK_S)
        assert books.set_back("ann") == 1.0
        books.charge("ann", 100.0, 0.0)
        assert books.set_back("bob") == 1.0

    def test_an_even_share_doubles_and_twice_an_even_share_doubles_twice(self):
        books = Books(WEEK_S)
        books.charge("ann", 100.0, 0.0)
        books.charge("bob", 100.0, 0.0)
        assert books.set_back("ann") == books.set_back("bob") == 2.0
        books.charge("bob", -100.0, 0.0)
        assert books.set_back("ann") == 4.0

    @pytest.mark.parametrize("start", [0.0, 1.7e9, 4e9])
    def test_what_one_had_counts_half_after_a_half_life(self, start):
        books = Books(WEEK_S)
        books.charge("ann", 100.0, start)
        books.charge("bob", 50.0, start + WEEK_S)
        assert books.set_back("ann") == pytest.approx(books.set_back("bob"))

    def test_centuries_do_not_overflow(self):
        books = Books(1.0)
        for year in range(300):
            books.charge("ann", 1.0, year * 31_557_600.0)
        assert books.set_back("ann") == 2.0

    def test_nobody_is_set_back_without_measure(self):
        books = Books(WEEK_S)
        for number in range(100):
            books.charge(f"user {number}", 1e-9, 0.0)
        books.charge("ann", 1e9, 0.0)
        assert books.set_back("ann") == 1024.0


@pytest.mark.parametrize(("policy", "order"), [(fair(), [4, 3]), (BY_INDEX, [3, 4])])
def test_who_has_had_ten_hours_waits_behind_who_has_had_none(policy, order):
    day = day_after_ten_hours_of_ann(policy)
    day.submit(3, cores=1, user="ann", kind="y")
    day.submit(4, cores=4, user="bob", kind="y")
    assert day.waiting() == order


def test_what_runs_counts_already():
    day = Day(fair())
    day.submit(1, cores=2, user="ann", kind="x", limit_s=HOUR_S)
    day.submit(2, cores=2, user="carl", kind="x", limit_s=1.0)
    day.submit(3, cores=4, user="ann", kind="z")
    day.submit(4, cores=4, user="bob", kind="z")
    assert day.waiting() == [4, 3]


def test_projects_have_shares_too():
    day = Day(fair())
    day.submit(1, cores=4, user="ann", project="sky", kind="x", limit_s=20 * HOUR_S)
    day.end(1, after=10 * HOUR_S)
    day.submit(2, cores=4, user="carl", kind="x", limit_s=HOUR_S)
    day.submit(3, user="bob", project="sky", kind="y")
    day.submit(4, user="bob", project="sea", kind="y")
    assert day.waiting() == [4, 3]


def test_the_guard_holds_whatever_one_has_had():
    day = day_after_ten_hours_of_ann(fair(patience_s=60.0, guard=0.0))
    day.submit(3, user="ann", kind="y")
    day.now += 30.0
    day.submit(4, user="bob", kind="y")
    assert day.waiting() == [4, 3]
    day.now += 31.0
    assert day.waiting() == [3, 4]


def test_a_restart_remembers_what_each_has_had():
    day = Day(fair())
    row = Restored(
        job=job(1, ask(cores=4), user="ann", limit_s=20 * HOUR_S),
        state=State.DONE,
        starting_at=0.0,
        started_at=0.0,
        ended_at=10 * HOUR_S,
    )
    day.lab.scheduler.restore([], 10 * HOUR_S, past=[row])
    day.now = 10 * HOUR_S
    day.submit(2, cores=4, user="carl", kind="x", limit_s=HOUR_S)
    day.submit(3, user="ann", kind="y")
    day.submit(4, user="bob", kind="y")
    assert day.waiting() == [4, 3]


def test_a_copy_keeps_books_of_its_own():
    day = day_after_ten_hours_of_ann(fair())
    copy = replica(day.lab.scheduler)
    day.submit(3, user="ann", kind="y")
    assert copy.waiting_all(day.now) == {}


def test_by_submission_there_is_no_fair_share():
    with pytest.raises(InvalidSpec, match="by index"):
        Policy(order=Order.SUBMISSION, fair_half_life_s=1.0)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4), st.integers(0, 2)), max_size=25)
)
def test_whatever_people_do_nothing_that_may_start_waits(steps):
    day, held = Day(fair()), []
    for number, (user, cores, ends) in enumerate(steps, start=1):
        held += day.submit(number, cores=cores, user=user, kind=f"{cores}", project=user)
        for _ in range(min(ends, len(held))):
            held += day.end(held.pop(0), after=100.0)
        day.lab.scheduler.check(day.now)
