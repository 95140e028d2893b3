"""The order by index: who goes first, who has aged, and what expectations never do."""

from __future__ import annotations

from dataclasses import fields

from hypothesis import given, settings
from hypothesis import strategies as st
from scheduler_lab import Lab, ask, job, machine, started

from jupyter_hpccontainers.model.job import Priority
from jupyter_hpccontainers.scheduler import (
    CancelRequested,
    Exited,
    Held,
    Order,
    Policy,
    Released,
    Started,
    Submitted,
)
from jupyter_hpccontainers.scheduler.entry import Shape
from jupyter_hpccontainers.scheduler.yardstick import Yardstick

#: Nobody has aged before he has waited a thousand times longer than by submission.
PATIENT = Policy(order=Order.INDEX, guard=1000.0)
AROUND = {"grace_s": 0.0, "start_timeout_s": 0.0}


class Day:
    """A lab of 4 cores with a clock, where jobs run as long as they are told."""

    def __init__(self, policy: Policy = PATIENT) -> None:
        self.lab = Lab(machine(cores=4), policy)
        self.now = 0.0

    def submit(self, number: int, cores: int = 1, limit_s: float = 1000.0, **given) -> list[int]:
        """Submit a job and report the starts."""
        one = job(
            number,
            ask(cores=cores),
            limit_s=limit_s,
            **{"submitted_at": self.now, **AROUND, **given},
        )
        return self.report(self.lab.send(Submitted(one), self.now))

    def end(self, number: int, after: float = 0.0) -> list[int]:
        """Let time pass, then end a job and report the starts that follow."""
        self.now += after
        return self.report(self.lab.send(Exited(job_id=number, exit_code=0), self.now))

    def report(self, actions) -> list[int]:
        """Report each start as done."""
        numbers = started(actions)
        if numbers:
            assert started(self.lab.send_all([Started(n) for n in numbers], self.now)) == []
        return numbers

    def waiting(self) -> list[int]:
        """Return who waits, in order."""
        return list(self.lab.scheduler.waiting_all(self.now))


def day_with_waits(policy: Policy) -> Day:
    """Return a day on which by submission someone would have waited 100 s, at 100."""
    day = Day(policy)
    day.submit(1, cores=4)
    day.submit(2, cores=4)
    assert day.end(1, after=100.0) == [2]
    return day


def test_the_smallest_expected_goes_first():
    day = day_with_waits(PATIENT)
    day.submit(3, cores=4)
    day.submit(4, cores=2)
    day.submit(5, cores=2, limit_s=10.0)
    assert day.waiting() == [5, 4, 3]


def test_expectations_follow_what_alike_jobs_took():
    day = Day()
    day.submit(1, cores=4, user="ann", kind="quick")
    day.submit(2, cores=4, user="bob", kind="slow", limit_s=500.0)
    day.submit(3, cores=4, user="ann", kind="quick")
    assert day.waiting() == [2, 3]
    assert day.end(1, after=5.0) == [3]


def test_a_class_goes_before_any_index():
    day = day_with_waits(PATIENT)
    day.submit(3, limit_s=1.0)
    day.submit(4, cores=4, priority=Priority.URGENT)
    assert day.waiting() == [4, 3]


def test_who_has_waited_long_for_this_machine_goes_first():
    day = day_with_waits(Policy(order=Order.INDEX, guard=0.5, patience_s=0.0))
    day.submit(3, cores=4)
    day.now += 49
    day.submit(4, cores=1)
    assert day.waiting() == [4, 3]
    day.now += 2
    assert day.waiting() == [3, 4]


def test_where_nobody_ever_waited_only_patience_keeps_the_index():
    day = Day(Policy(order=Order.INDEX, patience_s=60.0))
    day.submit(1, cores=4)
    day.submit(2, cores=4)
    day.now += 1
    day.submit(3)
    day.now += 58
    assert day.waiting() == [3, 2]
    day.now += 3
    assert day.waiting() == [2, 3]


def test_reservations_are_made_with_limits_not_with_expectations():
    day = Day()
    day.submit(1, cores=3, user="ann", limit_s=1000.0)
    for number in (2, 3):
        day.submit(number, user="bob", limit_s=2000.0)
        day.end(number, after=1.0)
    day.submit(4, cores=4, user="ann", limit_s=10.0)
    assert day.submit(5, user="bob", limit_s=2000.0, priority=Priority.BEST_EFFORT) == []
    assert day.lab.scheduler.reservation(day.now).at == 1000.0


class TestYardstick:
    ALL = Shape(ask(cores=4), 1000.0)

    def test_a_run_time_is_not_needed_before_it_is_known(self):
        rod = Yardstick(ask(cores=4, memory=64))
        rod.arrived(1, self.ALL, 0.0)
        rod.arrived(2, self.ALL, 0.0)
        rod.began(1, 0.0)
        assert rod.longest_s(50.0) == 0
        rod.ended(1, 80.0)
        assert rod.longest_s(90.0) == 80

    def test_it_waits_for_a_job_that_starts_later_in_truth(self):
        rod = Yardstick(ask(cores=4, memory=64))
        rod.arrived(1, self.ALL, 0.0)
        rod.arrived(2, self.ALL, 0.0)
        rod.began(2, 0.0)
        rod.ended(2, 100.0)
        rod.began(1, 100.0)
        assert rod.longest_s(130.0) == 0
        rod.ended(1, 50.0)
        assert rod.longest_s(151.0) == 50

    def test_a_job_that_never_starts_is_no_obstacle(self):
        rod = Yardstick(ask(cores=4, memory=64))
        for number in (1, 2, 3):
            rod.arrived(number, self.ALL, 0.0)
        rod.ended(1, 0.0)
        rod.began(2, 0.0)
        rod.ended(2, 30.0)
        assert rod.longest_s(31.0) == 30


JOBS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 40), st.integers(1, 4), st.integers(0, 40)),
    min_size=1,
    max_size=20,
)


@settings(max_examples=150, deadline=None)
@given(JOBS)
def test_the_yardstick_is_the_longest_wait_by_submission(some):
    lab, rod = Lab(machine(cores=4)), Yardstick(ask(cores=4, memory=64))
    coming = sorted((float(at), n) for n, (at, *_) in enumerate(some))
    arrivals, ends, longest = dict((n, at) for at, n in coming), [], 0.0
    while coming or ends:
        now = min([one[0] for one in (*coming[:1], *ends)])
        batch = [Exited(job_id=n, exit_code=0) for at, n in ends if at <= now]
        for over in batch:
            rod.ended(over.job_id, float(some[over.job_id][1]))
        ends = [one for one in ends if one[0] > now]
        for _, n in [one for one in coming if one[0] <= now]:
            _, run, cores, more = some[n]
            one = job(n, ask(cores, 0), limit_s=float(run + more), submitted_at=now, **AROUND)
            rod.arrived(n, Shape(one.resources, float(run + more)), now)
            batch.append(Submitted(one))
        coming = [one for one in coming if one[0] > now]
        begun = started(lab.send_all(batch, now))
        for n in begun:
            rod.began(n, now)
            longest = max(longest, now - arrivals[n])
            ends = sorted([*ends, (now + some[n][1], n)])
        lab.send_all([Started(n) for n in begun], now)
        assert rod.longest_s(now) <= longest
    assert rod.longest_s(now) == longest


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["submit", "submit", "end", "hold", "release", "cancel"]),
        st.integers(0, 10),
        st.integers(1, 4),
        st.sampled_from([5.0, 20.0, 60.0, None]),
        st.sampled_from("ab"),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.sampled_from([0.0, 0.7]))
def test_nothing_that_may_start_waits_whatever_the_order(steps, guard):
    day, held = Day(Policy(order=Order.INDEX, guard=guard)), []
    for number, (what, seconds, cores, limit_s, user) in enumerate(steps, start=1):
        day.now += seconds / 10
        running, waiting = [*day.lab.scheduler.allocations()], day.waiting()
        if what == "submit":
            day.submit(number, cores, limit_s, user=user)
        elif what == "end" and running:
            day.end(running[0])
        elif what == "hold" and waiting:
            held.append(waiting[0])
            day.report(day.lab.send(Held(waiting[0]), day.now))
        elif what == "release" and held:
            one = held.pop()
            if one in waiting:
                day.report(day.lab.send(Released(one), day.now))
        elif what == "cancel" and waiting:
            day.report(day.lab.send(CancelRequested(waiting[-1]), day.now))
    for _ in steps:
        for number in [*day.lab.scheduler.allocations()]:
            day.end(number, after=1.0)
    assert all(n in held for n in day.waiting())


def test_every_figure_of_the_policy_has_a_sentence_of_help():
    for figure in fields(Policy):
        assert figure.metadata["help"].endswith(".")


def test_of_very_many_kinds_each_is_scored_anew_in_its_turn(monkeypatch):
    monkeypatch.setattr("jupyter_hpccontainers.scheduler.queue._MOST_RESCORED", 2)
    day = Day()
    day.submit(1, cores=4, user="ann", kind="a", limit_s=2000.0)
    for number, kind in ((2, "a"), (3, "b"), (4, "c")):
        day.submit(number, cores=4, user="ann", kind=kind, limit_s=4000.0)
    day.submit(5, cores=4, user="bob", limit_s=2000.0)
    assert day.waiting() == [5, 2, 3, 4]
    assert day.end(1, after=10.0) == [2]
    assert day.end(2, after=10.0) == [3]
    assert day.waiting() == [4, 5]
