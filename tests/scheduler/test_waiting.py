"""Why each job waits, where it stands, and who is ahead."""

from __future__ import annotations

import pytest
from scheduler_lab import AROUND_S, GiB, Lab, ask, job, machine

from jupyter_hpccontainers.model.errors import StateConflict, UnknownJob
from jupyter_hpccontainers.model.job import Priority
from jupyter_hpccontainers.model.machine import OthersUse
from jupyter_hpccontainers.model.reasons import sentence
from jupyter_hpccontainers.model.states import Reason, ReasonCode
from jupyter_hpccontainers.scheduler import Exited, Held, ImageReady, OthersChanged, Ticked
from jupyter_hpccontainers.scheduler.core import AHEAD_SHOWN


def reason(lab: Lab, number: int) -> Reason:
    """Return why a job waits."""
    return lab.scheduler.waiting(number, now=0.0).reason


def code(lab: Lab, number: int) -> ReasonCode:
    """Return the code of it."""
    return reason(lab, number).code


def busy_lab() -> Lab:
    """Return a lab of 4 cores, 2 GPUs, 64 GiB where job 1 holds 2 cores, 1 GPU and 40 GiB."""
    lab = Lab(machine(cores=4, gpus=2))
    lab.submit(job(1, ask(cores=2, memory=40, gpus=1), limit_s=1000.0))
    return lab


class TestReason:
    @pytest.mark.parametrize(
        ("asked", "lacking", "words"),
        [
            (
                ask(cores=3),
                ("cores", 3, 2, 4),
                "waits for 3 cores (2 of 4 free)",
            ),
            (
                ask(memory=30),
                ("memory", 30 * GiB, 24 * GiB, 64 * GiB),
                "waits for 30 GiB of memory (24 GiB of 64 GiB free)",
            ),
            (
                ask(gpus=2),
                ("gpus", 2, 1, 2),
                "waits for 2 GPUs (1 of 2 free)",
            ),
        ],
    )
    def test_names_the_resource_that_lacks(self, asked, lacking, words):
        lab = busy_lab()
        lab.submit(job(2, asked))
        names = ("resource", "requested", "free", "capacity")
        assert reason(lab, 2) == Reason(
            ReasonCode.RESOURCES, {"lacking": [dict(zip(names, lacking, strict=True))]}
        )
        assert sentence(reason(lab, 2)) == words

    def test_names_all_that_lack(self):
        lab = busy_lab()
        lab.submit(job(2, ask(cores=3, gpus=2)))
        assert [one["resource"] for one in reason(lab, 2).details["lacking"]] == ["cores", "gpus"]

    def test_priority_when_it_would_fit_but_for_the_head(self):
        lab = busy_lab()
        lab.submit(job(2, ask(cores=4), limit_s=10.0), job(3, ask(cores=4)), job(4))
        assert reason(lab, 4) == Reason(
            ReasonCode.PRIORITY,
            {"jobs_ahead": 2, "head": 2, "head_starts_at": 1000 + AROUND_S},
        )
        assert lab.scheduler.waiting(4, now=0.0).ahead == (2, 3)
        assert sentence(reason(lab, 4)) == (
            "waits for 2 jobs that go first; what is free is kept for job 2"
        )

    def test_an_unknown_time_of_the_head_is_said_to_be_unknown(self):
        lab = Lab()
        lab.submit(job(1), job(2, ask(cores=2)), job(3))
        assert reason(lab, 3).details["head_starts_at"] is None

    def test_image(self):
        lab = busy_lab()
        lab.submit(job(2, ask(cores=3), image_ready=False))
        assert code(lab, 2) is ReasonCode.IMAGE
        lab.send(ImageReady(2))
        assert code(lab, 2) is ReasonCode.RESOURCES

    def test_hold(self):
        lab = busy_lab()
        lab.submit(job(2, ask(cores=3), image_ready=False))
        lab.send(Held(2))
        assert code(lab, 2) is ReasonCode.USER_HOLD

    def test_begin_time_with_the_time(self):
        lab = busy_lab()
        lab.submit(job(2, begin_at=86_400.0))
        assert reason(lab, 2) == Reason(ReasonCode.BEGIN_TIME, {"begin_at": 86_400.0})
        assert sentence(reason(lab, 2)) == "begins at 1970-01-02 00:00:00 UTC or later"

    def test_others_when_it_would_fit_but_for_them(self):
        lab = busy_lab()
        lab.send(OthersChanged(OthersUse(memory_bytes=10 * GiB, busy_gpus=frozenset({1}))))
        lab.submit(job(2, ask(gpus=1)))
        assert code(lab, 2) is ReasonCode.OTHERS
        assert sentence(reason(lab, 2)) == (
            "waits for 1 GPU (0 of 2 free): GPU 1 and 10 GiB of memory used outside this queue"
        )
        lab.submit(job(3, ask(memory=20)))
        assert code(lab, 3) is ReasonCode.OTHERS

    def test_resources_when_it_would_not_fit_without_them_either(self):
        lab = busy_lab()
        lab.send(OthersChanged(OthersUse(busy_gpus=frozenset({1}))))
        lab.submit(job(2, ask(gpus=2)))
        assert code(lab, 2) is ReasonCode.RESOURCES


class TestPosition:
    def positions(self, lab: Lab) -> dict[int, int]:
        """Return the position of each waiting job, and see that both questions agree."""
        everyone = lab.scheduler.waiting_all(now=0.0)
        assert all(lab.scheduler.waiting(n, now=0.0) == one for n, one in everyone.items())
        assert [one.position for one in everyone.values()] == [*range(1, len(everyone) + 1)]
        return {number: one.position for number, one in everyone.items()}

    def test_one_goes_next(self):
        lab = Lab(machine(cores=1))
        lab.submit(*(job(n) for n in (1, 2, 3)))
        assert self.positions(lab) == {2: 1, 3: 2}
        lab.send(Exited(job_id=1, exit_code=0))
        assert self.positions(lab) == {3: 1}

    def test_follows_the_order_of_the_queue(self):
        lab = Lab(machine(cores=1))
        lab.submit(job(1), job(2), job(3, image_ready=False), job(4, priority=Priority.URGENT))
        assert self.positions(lab) == {4: 1, 2: 2, 3: 3}

    def test_those_who_begin_later_and_those_held_come_last(self):
        lab = Lab(machine(cores=1))
        lab.submit(job(1), job(2, held=True), job(3, begin_at=9.0), job(4, begin_at=8.0), job(5))
        assert self.positions(lab) == {5: 1, 4: 2, 3: 3, 2: 4}
        assert lab.scheduler.waiting(2, now=0.0).ahead == ()
        lab.send(Ticked(), now=9)
        assert self.positions(lab) == {3: 1, 4: 2, 5: 3, 2: 4}

    def test_only_the_first_ahead_are_named(self):
        lab = Lab(machine(cores=1))
        lab.submit(*(job(n) for n in range(AHEAD_SHOWN + 5)))
        last = lab.scheduler.waiting(AHEAD_SHOWN + 4, now=0.0)
        assert last.position == AHEAD_SHOWN + 4
        assert last.ahead == tuple(range(1, AHEAD_SHOWN + 1))

    def test_of_a_job_that_does_not_wait_is_refused(self):
        lab = Lab()
        lab.submit(job(1))
        with pytest.raises(StateConflict, match="job 1 is STARTING and waits for nothing"):
            lab.scheduler.waiting(1, now=0.0)
        with pytest.raises(UnknownJob):
            lab.scheduler.waiting(2, now=0.0)


def test_used_is_the_sum_of_what_jobs_hold():
    lab = busy_lab()
    lab.submit(job(2, ask(cores=1, memory=2)))
    used = lab.scheduler.used()
    assert (len(used.cores), used.memory_bytes, len(used.gpus)) == (3, 42 * GiB, 1)
    held = lab.scheduler.allocations()
    assert sorted(held) == [1, 2]
    assert sorted((*held[1].cores, *held[2].cores)) == list(used.cores)
