"""Limits, tokens and drain: who waits for what, who starts meanwhile, and who is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scheduler_lab import Lab, ask, job, machine, started

from jupyter_hpccontainers.model.errors import InvalidSpec, NeverFits
from jupyter_hpccontainers.model.reasons import sentence
from jupyter_hpccontainers.model.states import ReasonCode, Result, State
from jupyter_hpccontainers.scheduler import (
    DEFAULT,
    Backfill,
    DrainChanged,
    Exited,
    Policy,
    Restored,
    Scheduler,
    Submitted,
)

ANN = {"user_limits": {"ann": {"cores": 2}}}
ONE_TOKEN = replace(machine(cores=8), tokens={"matlab": 2}, labels=("ssd",))


def lab(policy: Policy | None = None, **limits) -> Lab:
    """Return a lab of 8 cores under limits, with two tokens and a label."""
    return Lab(ONE_TOKEN, policy or Policy(**limits))


def reason(one: Lab, number: int, now: float = 0.0):
    """Return why a job waits."""
    return one.scheduler.waiting(number, now).reason


def test_a_burst_over_the_limit_holds_back_what_is_over_and_says_why():
    one = lab(**ANN)
    assert one.submit(*(job(n, user="ann") for n in range(1, 6))) == [1, 2]
    why = reason(one, 3)
    assert why.code is ReasonCode.QUOTA
    assert sentence(why) == "waits for its quota: user ann has 2 of 2 cores, it asks 1 core"
    assert started(one.send(Exited(job_id=1, exit_code=0), now=1.0)) == [3]


def test_others_go_past_who_waits_for_a_limit():
    one = lab(**ANN)
    assert one.submit(job(1, ask(2), user="ann"), job(2, ask(2), user="ann")) == [1]
    assert one.submit(job(3, ask(6), user="bob")) == [3]


@pytest.mark.parametrize("unit", ["jobs", "gpus"])
def test_jobs_and_gpus_are_counted_too(unit):
    one = Lab(machine(cores=8, gpus=4), Policy(user_limits={"*": {unit: 1}}))
    assert one.submit(*(job(n, ask(1, 1, 1), user="ann") for n in (1, 2))) == [1]
    assert reason(one, 2).details["unit"] == unit
    assert one.submit(job(3, ask(1), user="ann")) == ([] if unit == "jobs" else [3])


def test_a_project_is_counted_over_its_people():
    one = lab(project_limits={"*": {"jobs": 1}, "free": {}})
    assert one.submit(*(job(n, user=f"u{n}", project="carbon") for n in (1, 2))) == [1]
    assert one.submit(*(job(n, project="free") for n in (3, 4))) == [3, 4]
    assert one.submit(job(5), job(6)) == [5, 6]


def test_small_jobs_do_not_go_past_a_large_one_within_its_limit_for_ever():
    one = lab(**ANN)
    one.submit(job(1, user="ann"), job(2, ask(2), user="ann"))
    assert one.submit(job(3, user="ann")) == []
    assert reason(one, 3).code is ReasonCode.PRIORITY


def test_by_index_they_do_until_it_has_waited_too_long():
    one = lab(replace(DEFAULT, **ANN))
    one.submit(job(1, user="ann"), job(2, ask(2), user="ann"))
    assert one.submit(job(3, user="ann"), now=10.0) == [3]
    one.send(Exited(job_id=3, exit_code=0), now=9_000.0)
    assert one.submit(job(4, user="ann"), now=9_001.0) == []


def test_the_share_of_the_head_is_not_taken_behind_it():
    one = lab(user_limits={"ann": {"jobs": 2}})
    one.submit(job(1, ask(7), limit_s=100.0, user="bob"), job(2, ask(1), user="ann"))
    one.send(Exited(job_id=2, exit_code=0))
    one.submit(job(3, ask(8), user="ann"))
    assert one.submit(job(4, limit_s=1.0, user="ann"), job(5, limit_s=1.0, user="ann")) == [4]


def test_three_jobs_two_tokens_one_waits():
    one = lab()
    assert one.submit(*(job(n, tokens=(("matlab", 1),)) for n in (1, 2, 3))) == [1, 2]
    assert reason(one, 3).code is ReasonCode.TOKENS
    assert sentence(reason(one, 3)) == "waits for 1 matlab token (0 of 2 free)"
    assert started(one.send(Exited(job_id=2, exit_code=0))) == [3]


@pytest.mark.parametrize(
    ("wants", "field", "named"),
    [
        ({"tokens": (("matlab", 3),)}, "tokens", "3 matlab tokens, the machine has 2"),
        ({"tokens": (("maple", 1),)}, "tokens", "maple"),
        ({"labels": ("gpu=a100",)}, "labels", "gpu=a100"),
        ({"user": "ann", "resources": ask(3)}, "cores", "user ann may have 2"),
    ],
)
def test_what_could_never_start_is_refused_by_name(wants, field, named):
    one = lab(**ANN)
    with pytest.raises(NeverFits) as refused:
        one.submit(job(1, **wants))
    assert refused.value.field == field
    assert named in refused.value.message
    assert refused.value.cure


def test_a_label_the_machine_has_is_no_obstacle():
    assert lab().submit(job(1, labels=("ssd",))) == [1]


def test_a_job_that_waited_for_a_token_the_machine_lost_ends():
    row = Restored(job=job(1, tokens=(("maple", 1),)), state=State.PENDING)
    one = lab()
    one.scheduler.restore([row], 0.0)
    assert one.state(1) is State.DONE


def test_a_restart_counts_what_still_runs():
    one = lab(**ANN)
    one.submit(job(1, ask(2), user="ann"))
    held = one.scheduler.allocations()[1]
    again = Lab(ONE_TOKEN, Policy(**ANN))
    running = Restored(
        job=job(1, ask(2), user="ann"), state=State.RUNNING, allocation=held, started_at=0.0
    )
    again.scheduler.restore([running], 1.0)
    assert again.submit(job(2, user="ann"), now=2.0) == []


def test_drained_nothing_starts_and_resumed_all_goes_on():
    one = lab()
    one.send(DrainChanged(True))
    assert one.submit(job(1), job(2)) == []
    assert reason(one, 1).code is ReasonCode.DRAINED
    assert one.scheduler.reservation(0.0) is None
    assert started(one.send(DrainChanged(False))) == [1, 2]


def test_drained_from_the_outset_a_restart_starts_nothing():
    scheduler = Scheduler(machine(), drained=True)
    assert not started(scheduler.restore([Restored(job=job(1), state=State.PENDING)], 0.0))
    assert scheduler.drained


@pytest.mark.parametrize("backfill", [Backfill.NONE, Backfill.CONSERVATIVE])
def test_limits_hold_under_every_backfill(backfill):
    one = lab(backfill=backfill, **ANN)
    assert one.submit(*(job(n, user="ann") for n in (1, 2, 3)), job(4, user="bob")) == [1, 2, 4]
    assert started(one.send(Exited(job_id=1, exit_code=0))) == [3]


@pytest.mark.parametrize("wrong", [{"memory": 1}, {"cores": -1}, {"cores": 1.5}, {"jobs": True}])
def test_a_limit_that_means_nothing_is_refused(wrong):
    with pytest.raises(InvalidSpec, match="user_limits"):
        Policy(user_limits={"*": wrong})


def test_the_result_of_an_exit_does_not_depend_on_limits():
    one = lab(**ANN)
    one.submit(job(1, user="ann"))
    [record, *_] = one.send(Exited(job_id=1, exit_code=0))
    assert record.result is Result.COMPLETED
    assert one.send(Submitted(job(2, user="ann")))
