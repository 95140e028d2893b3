"""A small laboratory for the scheduler: builders, and one that sends events and checks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from jupyter_hpccontainers.model.job import Priority
from jupyter_hpccontainers.model.machine import Core, Gpu, Machine
from jupyter_hpccontainers.model.resources import Resources
from jupyter_hpccontainers.model.states import State
from jupyter_hpccontainers.scheduler import (
    Action,
    Event,
    Policy,
    Record,
    Scheduler,
    Start,
    Submission,
    Submitted,
)

GiB = 2**30
GRACE_S = 10.0
START_TIMEOUT_S = 60.0
#: What a job may take beside its time limit.
AROUND_S = GRACE_S + START_TIMEOUT_S

A = TypeVar("A", bound=Action)


def machine(
    cores: int = 2, gpus: int = 0, memory: int = 64, nodes: int = 1, threads: int = 1
) -> Machine:
    """Return a machine; cores and GPUs are spread evenly over ``nodes``, memory is in GiB."""
    return Machine(
        "lab",
        tuple(Core(n, n // threads, n * nodes // cores) for n in range(cores)),
        memory * GiB,
        tuple(Gpu(n, numa_node=n * nodes // gpus) for n in range(gpus)),
    )


def ask(cores: int = 1, memory: int = 1, gpus: int = 0) -> Resources:
    """Return a request; memory is in GiB."""
    return Resources(cores, memory * GiB, gpus)


def job(number: int, resources: Resources | None = None, **given: Any) -> Submission:
    """Return a submission: one core, no limit, normal, its image here, submitted at ``number``."""
    usual: dict[str, Any] = {
        "limit_s": None,
        "priority": Priority.NORMAL,
        "submitted_at": float(number),
        "grace_s": GRACE_S,
        "start_timeout_s": START_TIMEOUT_S,
        "image_ready": True,
    }
    return Submission(job_id=number, resources=resources or ask(), **{**usual, **given})


class Lab:
    """A scheduler on its machine; every call checks all invariants afterwards."""

    def __init__(self, on: Machine | None = None, policy: Policy | None = None) -> None:
        self.scheduler = Scheduler(on or machine(), policy)

    def send(self, event: Event, now: float = 0.0) -> list[Action]:
        """Send one event."""
        actions = self.scheduler.handle(event, now)
        self.scheduler.check(now)
        return actions

    def send_all(self, batch: Iterable[Event], now: float = 0.0) -> list[Action]:
        """Send several events at once."""
        actions = self.scheduler.handle_all(batch, now)
        self.scheduler.check(now)
        return actions

    def submit(self, *jobs: Submission, now: float = 0.0) -> list[int]:
        """Submit jobs one after the other; return the numbers of the jobs that start."""
        return [n for one in jobs for n in started(self.send(Submitted(one), now))]

    def state(self, number: int) -> State:
        """Return where a job stands."""
        return self.scheduler.state_of(number)


def only(kind: type[A], actions: Iterable[Action]) -> list[A]:
    """Return the actions of one kind."""
    return [action for action in actions if isinstance(action, kind)]


def started(actions: Iterable[Action]) -> list[int]:
    """Return the numbers of the jobs to start, in that order."""
    return [start.job_id for start in only(Start, actions)]


def last_record(actions: Iterable[Action], number: int) -> Record:
    """Return the last record of a job."""
    return [record for record in only(Record, actions) if record.job_id == number][-1]
