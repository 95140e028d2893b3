"""What the order learns, when an engine starts anew, from jobs of an earlier one."""

from __future__ import annotations

from typing import Any

from scheduler_lab import ask, job, machine, started

from jupyter_hpccontainers.model.resources import Allocation
from jupyter_hpccontainers.model.states import State
from jupyter_hpccontainers.scheduler import (
    Action,
    Exited,
    Order,
    Policy,
    Progress,
    Restored,
    Scheduler,
    Started,
    Submitted,
    TaskBlock,
)

PATIENT = Policy(order=Order.INDEX, guard=1000.0)
GUARDED = Policy(order=Order.INDEX, guard=0.5, patience_s=0.0)
NOW = 10_000.0
#: Nothing but the run itself takes time, and every job asks for half an hour.
AROUND = {"grace_s": 0.0, "start_timeout_s": 0.0, "limit_s": 1800.0}


def ran(number: int, came: float, begun: float, ended: float | None, **given: Any) -> Restored:
    """Return the row of a job that has begun, and ended if a time is given."""
    cores = given.pop("cores", 4)
    one = job(number, ask(cores=cores), **{**AROUND, "submitted_at": came, **given})
    return Restored(
        job=one,
        state=State.RUNNING if ended is None else State.DONE,
        allocation=Allocation(tuple(range(cores)), one.resources.memory_bytes),
        started_at=begun,
        ended_at=ended,
    )


def anew(*rows: Restored, policy: Policy = PATIENT, now: float = NOW) -> Scheduler:
    """Return a scheduler of four cores that begins with these rows."""
    scheduler = Scheduler(machine(cores=4), policy)
    past = [row for row in rows if row.state is State.DONE]
    scheduler.restore([row for row in rows if row.state is not State.DONE], now, past)
    scheduler.check(now)
    return scheduler


def waiting(scheduler: Scheduler, now: float) -> list[int]:
    """Return who waits, in order."""
    return list(scheduler.waiting_all(now))


def send(scheduler: Scheduler, number: int, at: float, cores: int = 4, **given: Any) -> None:
    """Submit a job and report it started if it is."""
    one = job(number, ask(cores=cores), **{**AROUND, "submitted_at": at, **given})
    report(scheduler, scheduler.handle(Submitted(one), at), at)


def report(scheduler: Scheduler, actions: list[Action], at: float) -> list[int]:
    """Report and return who starts."""
    numbers = started(actions)
    scheduler.handle_all([Started(number) for number in numbers], at)
    return numbers


def fill(scheduler: Scheduler, *users: str) -> None:
    """Submit for each person a job that asks for everything, the first of which starts."""
    for number, user in enumerate(users, start=100):
        send(scheduler, number, NOW, user=user)


def test_who_ran_shortly_before_goes_first_afterwards():
    scheduler = anew(
        ran(1, 0.0, 0.0, 1700.0, user="ann"), ran(2, 1700.0, 1700.0, 1705.0, user="bob")
    )
    fill(scheduler, "eve", "ann", "bob")
    assert waiting(scheduler, NOW) == [102, 101]


def test_the_last_runs_count_however_the_rows_come():
    late = [ran(n, 100.0 * n, 100.0 * n, 100.0 * n + 5, user="ann") for n in (3, 4)]
    early = [ran(n, 0.0, 0.0, 1700.0, user="ann") for n in (1, 2)]
    bob = ran(5, 5000.0, 5000.0, 5300.0, user="bob")
    scheduler = anew(*late, *early, bob)
    fill(scheduler, "eve", "bob", "ann")
    # Ann's early jobs ended last.
    assert waiting(scheduler, NOW) == [101, 102]


def test_how_long_people_wait_here_is_still_known():
    # By submission the second would have waited 1000 s, so half of that is long.
    rows = [ran(1, 0.0, 0.0, 1000.0), ran(2, 0.0, 1000.0, 1500.0)]
    scheduler = anew(*rows, policy=GUARDED)
    fill(scheduler, "eve", "eve")
    send(scheduler, 200, NOW + 499, cores=1, limit_s=10.0)
    assert waiting(scheduler, NOW + 499) == [200, 101]
    assert waiting(scheduler, NOW + 501) == [101, 200]


def test_who_waited_for_something_else_is_no_yardstick():
    rows = [ran(1, 0.0, 0.0, 1000.0), ran(2, 0.0, 1000.0, 1500.0, held=True)]
    scheduler = anew(*rows, policy=GUARDED)
    fill(scheduler, "eve", "eve")
    send(scheduler, 200, NOW + 1, cores=1, limit_s=10.0)
    # Nobody had to wait by submission, so nobody goes before who came first.
    assert waiting(scheduler, NOW + 1) == [101, 200]


def test_a_job_too_large_for_this_machine_by_now_stops_nothing():
    rows = [ran(1, 0.0, 0.0, 10.0, cores=8), ran(2, 0.0, 0.0, 1000.0), ran(3, 0.0, 1000.0, 1500.0)]
    scheduler = anew(*rows, policy=GUARDED)
    fill(scheduler, "eve", "eve")
    send(scheduler, 200, NOW + 499, cores=1, limit_s=10.0)
    assert waiting(scheduler, NOW + 501) == [101, 200]


def test_a_job_that_runs_on_is_waited_for_there_too():
    scheduler = anew(ran(1, NOW - 1000, NOW - 1000, None), policy=GUARDED)
    send(scheduler, 100, NOW)
    send(scheduler, 101, NOW + 800)
    actions = scheduler.handle(Exited(job_id=1, exit_code=0), NOW + 1000)
    assert report(scheduler, actions, NOW + 1000) == [100]
    send(scheduler, 200, NOW + 1000, cores=1, limit_s=10.0)
    assert waiting(scheduler, NOW + 1000) == [200, 101]


def test_an_array_that_runs_holds_nothing_in_the_replay_and_its_tasks_came_as_they_began():
    """Between two tasks another job waited 500 s; no task is taken to have waited for long."""
    whole = Restored(
        job=job(10, ask(4), tasks=TaskBlock(11, 4), **{**AROUND, "submitted_at": 1000.0}),
        state=State.RUNNING,
        started_at=1000.0,
        progress=Progress(2),
    )
    scheduler = anew(
        ran(11, 1000.0, 1000.0, 2000.0, array=10),
        ran(20, 1500.0, 2000.0, 2500.0),
        ran(12, 1000.0, 2500.0, None, array=10),
        whole,
        policy=GUARDED,
        now=3500.0,
    )
    assert scheduler._ordering._yardstick.longest_s(3500.0) == 500.0
    assert started(scheduler.handle(Exited(job_id=12, exit_code=0), 4000.0)) == [13]
