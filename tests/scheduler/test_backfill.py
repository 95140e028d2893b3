"""Who goes next, who may go past, and who never is delayed by it."""

from __future__ import annotations

import math

import pytest
from scheduler_lab import AROUND_S, GRACE_S, GiB, Lab, ask, job, machine, started

from jupyter_hpccontainers.model.job import Priority
from jupyter_hpccontainers.model.machine import OthersUse
from jupyter_hpccontainers.model.resources import Resources
from jupyter_hpccontainers.scheduler import (
    Backfill,
    CancelRequested,
    Exited,
    ImageReady,
    OthersChanged,
    Policy,
    Started,
    Submitted,
    TimeLimitChanged,
)
from jupyter_hpccontainers.scheduler.backfill import reserve
from jupyter_hpccontainers.scheduler.entry import Key
from jupyter_hpccontainers.scheduler.holdings import Release


class TestOrder:
    def order(self, *jobs) -> list[int]:
        """Return the order in which jobs start on one core, given one after the other."""
        lab = Lab(machine(cores=1))
        lab.submit(job(99))
        lab.submit(*jobs)
        order, running = [], 99
        for now in range(1, len(jobs) + 1):
            (running,) = started(lab.send(Exited(job_id=running, exit_code=0), now=now))
            order.append(running)
        return order

    def test_by_submission(self):
        assert self.order(job(2), job(1), job(3)) == [1, 2, 3]

    def test_by_number_when_submitted_at_once(self):
        assert self.order(*(job(n, submitted_at=7.0) for n in (12, 3, 5))) == [3, 5, 12]

    def test_by_class_before_submission(self):
        best, normal, urgent = Priority.BEST_EFFORT, Priority.NORMAL, Priority.URGENT
        assert self.order(
            job(1, priority=best),
            job(2, priority=normal),
            job(3, priority=urgent),
            job(4, priority=best),
            job(5, priority=urgent),
        ) == [3, 5, 2, 1, 4]


class TestPast:
    """Job 1 holds one of two cores for 1000 s; job 2, the head, wants both."""

    def lab(self, limit_s: float | None = 1000.0, **given) -> Lab:
        lab = Lab(machine(cores=2), **given)
        lab.submit(job(1, limit_s=limit_s), job(2, ask(cores=2), limit_s=50.0))
        return lab

    def test_a_job_that_ends_in_time_goes_past_the_head(self):
        assert self.lab().submit(job(3, limit_s=1000.0)) == [3]

    def test_one_that_does_not_waits_behind_it(self):
        assert self.lab().submit(job(3, limit_s=1001.0)) == []

    def test_its_start_and_grace_count_too(self):
        assert self.lab().submit(job(3, limit_s=1000.0), now=1.0) == []
        assert self.lab().submit(job(3, limit_s=1000.0, grace_s=GRACE_S - 1), now=1.0) == [3]

    def test_one_without_a_limit_never_goes_past(self):
        assert self.lab().submit(job(3, limit_s=None)) == []

    def test_the_head_starts_when_it_was_promised(self):
        lab = self.lab()
        promised = lab.scheduler.reservation(0.0)
        assert promised is not None
        assert promised.at == 1000 + AROUND_S
        lab.submit(job(3, limit_s=1000.0))
        lab.send(Exited(job_id=3, exit_code=0), now=1000)
        assert started(lab.send(Exited(job_id=1, exit_code=0), now=promised.at)) == [2]

    def test_the_bound_is_tighter_once_the_program_runs(self):
        lab = self.lab()
        lab.send(Started(1), now=5)
        promised = lab.scheduler.reservation(5)
        assert promised is not None
        assert promised.at == 5 + 1000 + GRACE_S

    def test_behind_an_unknown_end_only_a_known_one_goes_past(self):
        lab = self.lab(limit_s=None)
        assert lab.scheduler.reservation(0.0).at == math.inf
        assert lab.submit(job(3, limit_s=None)) == []
        assert lab.submit(job(4, limit_s=10.0)) == [4]

    def test_nobody_goes_past_by_a_policy_without_backfill(self):
        assert self.lab(policy=Policy(Backfill.NONE)).submit(job(3, limit_s=1.0)) == []

    def test_a_job_of_a_higher_class_becomes_the_head(self):
        lab = self.lab()
        lab.submit(job(3, ask(cores=2), priority=Priority.URGENT))
        assert lab.scheduler.reservation(0.0).head.job_id == 3
        assert started(lab.send(Exited(job_id=1, exit_code=0), now=9)) == [3]

    def test_a_head_that_is_cancelled_lets_the_others_pass(self):
        lab = self.lab()
        lab.submit(job(3))
        assert started(lab.send(CancelRequested(2), now=1)) == [3]

    def test_a_job_without_its_image_is_no_head_and_reserves_nothing(self):
        lab = Lab(machine(cores=2))
        lab.submit(job(1), job(2, ask(cores=2), image_ready=False))
        assert lab.submit(job(3)) == [3]
        lab.send(ImageReady(2))
        assert lab.scheduler.reservation(0.0).head.job_id == 2


class TestSpare:
    """Four cores, 2 GPUs, 64 GiB; job 1 holds 2 cores, job 2 (the head) wants 3."""

    def lab(self) -> Lab:
        lab = Lab(machine(cores=4, gpus=2))
        lab.submit(job(1, ask(cores=2), limit_s=1000.0), job(2, ask(cores=3, memory=60, gpus=1)))
        return lab

    def test_what_the_head_leaves_may_be_used_for_any_time(self):
        assert self.lab().submit(job(3, ask(cores=1, memory=4, gpus=1))) == [3]

    @pytest.mark.parametrize(
        "asked", [ask(cores=2, memory=1), ask(cores=1, memory=5), ask(cores=1, memory=1, gpus=2)]
    )
    def test_in_every_dimension(self, asked):
        assert self.lab().submit(job(3, asked)) == []

    def test_but_only_once(self):
        lab = self.lab()
        assert lab.submit(job(3, ask(memory=2)), job(4, ask(memory=2))) == [3]


class TestOthers:
    def test_their_gpus_are_skipped(self):
        lab = Lab(machine(cores=4, gpus=2))
        lab.send(OthersChanged(OthersUse(busy_gpus=frozenset({0}))))
        lab.submit(job(1, ask(gpus=1)))
        assert lab.scheduler.used().gpus == (1,)
        assert lab.submit(job(2, ask(gpus=1))) == []
        assert started(lab.send(OthersChanged(OthersUse()), now=5)) == [2]

    def test_their_memory_is_not_given(self):
        lab = Lab(machine(memory=10))
        lab.send(OthersChanged(OthersUse(memory_bytes=ask(memory=4).memory_bytes)))
        assert lab.submit(job(1, ask(memory=7))) == []
        assert started(lab.send(OthersChanged(OthersUse()))) == [1]

    def test_a_head_that_waits_for_them_does_not_stop_what_it_does_not_need(self):
        lab = Lab(machine(cores=4, gpus=1))
        lab.send(OthersChanged(OthersUse(busy_gpus=frozenset({0}))))
        lab.submit(job(1, ask(gpus=1)))
        assert lab.submit(job(2, ask(cores=3))) == [2]
        assert lab.submit(job(3, ask(cores=1))) == []

    def test_a_gpu_of_ours_that_they_use_too_is_not_counted_twice(self):
        lab = Lab(machine(cores=4, gpus=2))
        lab.submit(job(1, ask(gpus=1)), job(2, ask(gpus=1)))
        lab.send(OthersChanged(OthersUse(busy_gpus=frozenset({0}))))
        lab.submit(job(3, ask(gpus=2)))
        assert lab.scheduler.reservation(0.0).spare == Resources(2, 62 * GiB, 0)
        lab.send(Exited(job_id=1, exit_code=0), now=1)
        assert started(lab.send(Exited(job_id=2, exit_code=0), now=2)) == []


def test_many_alike_jobs_start_in_one_go_as_far_as_they_fit():
    lab = Lab(machine(cores=4))
    actions = lab.send_all([Submitted(job(n, limit_s=60.0)) for n in range(1, 8)])
    assert started(actions) == [1, 2, 3, 4]


class TestUnknownEnd:
    def test_a_head_never_waits_for_an_unlimited_job_that_went_past_it(self):
        lab = Lab(machine(cores=4, gpus=1))
        lab.submit(job(1, ask(gpus=1)), job(2, ask(cores=2, gpus=1)))
        assert lab.submit(job(3)) == [3]
        assert lab.submit(job(4)) == [4]
        assert lab.submit(job(5)) == []
        assert started(lab.send(Exited(job_id=1, exit_code=0), now=9)) == [2]

    def test_it_counts_on_nobody_it_does_not_need(self):
        lab = Lab(machine(cores=4, gpus=1))
        lab.submit(job(1), job(2, ask(gpus=1)), job(3, ask(cores=2, gpus=1)))
        assert lab.submit(job(4), job(5)) == [4]
        assert started(lab.send(Exited(job_id=2, exit_code=0), now=9)) == [3]

    def test_those_given_first_are_expected_first_whatever_is_heard_of_them(self):
        lab = Lab(machine(cores=2, gpus=1))
        lab.submit(job(1), job(2))
        lab.send(Started(1), now=5)
        lab.send(OthersChanged(OthersUse(busy_gpus=frozenset({0}))))
        assert [one.job_id for one in lab.scheduler._jobs.holdings.releases()] == [0, 1, 2]

    def test_a_job_that_loses_its_limit_comes_last(self):
        lab = Lab(machine(cores=3))
        lab.submit(job(1, limit_s=100.0), job(2), job(3, ask(cores=2)))
        assert lab.scheduler.reservation(0.0).spare.cores == 0
        lab.send(CancelRequested(3))
        lab.send(TimeLimitChanged(1, None))
        lab.submit(job(4, ask(cores=2)))
        releases = [one.job_id for one in lab.scheduler._jobs.holdings.releases()]
        assert releases == [0, 2, 1]


class TestReserve:
    HEAD = Key(1, 0.0, 0.0, 9)

    @staticmethod
    def back(at: float, number: int, cores: int = 1) -> Release:
        """Return a release of cores."""
        return Release(at, number, number, Resources(cores, 0, 0))

    def test_counts_everything_that_is_back_by_then(self):
        releases = [self.back(10, 1), self.back(10, 2)]
        made = reserve(self.HEAD, Resources(1, 0, 0), Resources(0, 0, 0), releases, now=0)
        assert (made.at, made.spare) == (10, Resources(1, 0, 0))

    def test_expects_what_is_overdue_at_any_moment(self):
        releases = [self.back(5, 1), self.back(30, 2)]
        made = reserve(self.HEAD, Resources(1, 0, 0), Resources(0, 0, 0), releases, now=20)
        assert (made.at, made.spare) == (20, Resources(0, 0, 0))

    def test_counts_of_the_unknown_no_more_than_needed(self):
        releases = [self.back(10, 1), self.back(math.inf, 2), self.back(math.inf, 3)]
        made = reserve(self.HEAD, Resources(2, 0, 0), Resources(0, 0, 0), releases, now=0)
        assert (made.at, made.spare) == (math.inf, Resources(0, 0, 0))
