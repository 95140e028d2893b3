"""A job: the spec a person submits and the record the engine keeps of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .arrays import Array, Task, TaskCounts
from .dependencies import Dependency
from .empty import empty
from .limit_signal import LimitSignal
from .machine import Enforcement
from .resources import Allocation, Resources
from .states import Reason, Result, State


class Priority(StrEnum):
    """Hard classes: a higher one always goes before a lower one."""

    URGENT = "urgent"
    NORMAL = "normal"
    BEST_EFFORT = "best-effort"

    @property
    def rank(self) -> int:
        """0 goes first."""
        return _RANKS[self]


_RANKS = {priority: rank for rank, priority in enumerate(Priority)}


class RuntimeChoice(StrEnum):
    """Which runtime runs the job; ``auto`` takes Apptainer for a SIF, else what is there."""

    AUTO = "auto"
    DOCKER = "docker"
    APPTAINER = "apptainer"


class Network(StrEnum):
    """The container's network; ``default`` is what the site's configuration says."""

    DEFAULT = "default"
    NONE = "none"
    BRIDGE = "bridge"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Mount:
    """A host path made visible in the container, at ``target``."""

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """What a person asks for.

    Exactly one of ``command`` (argv, keeps the image's ENTRYPOINT) and ``script`` (a body, run by
    its shebang, else python3) may be given; with neither the image's own command runs. It starts at
    ``begin_at`` (seconds since the epoch) or later, and with ``hold`` only once it is released.
    After a failure it is tried again at most ``retries`` times, on the exit codes of ``retry_on``
    (none: any but 0); with ``requeue`` also after each time it made way for a higher class.
    ``project`` is what it counts for, ``tokens`` how many of which countable thing it uses,
    ``labels`` what the machine must be. ``signal`` is given once in each attempt, before its limit.
    """

    image: str
    command: tuple[str, ...] = ()
    script: str | None = None
    resources: Resources = field(default_factory=Resources)
    time_limit_s: int | None = None
    env: Mapping[str, str] = field(default_factory=empty)
    mounts: tuple[Mount, ...] = ()
    workdir: str = ""
    name: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    runtime: RuntimeChoice = RuntimeChoice.AUTO
    network: Network = Network.DEFAULT
    tty: bool = False
    writable: bool = False
    merge_stderr: bool = False
    keep_entrypoint: bool = False
    as_root: bool = False
    begin_at: float | None = None
    hold: bool = False
    dependencies: tuple[Dependency, ...] = ()
    array: Array | None = None
    retries: int = 0
    retry_on: tuple[int, ...] = ()
    requeue: bool = True
    project: str = ""
    tokens: Mapping[str, int] = field(default_factory=empty)
    labels: tuple[str, ...] = ()
    signal: LimitSignal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAttempt:
    """An attempt that ended and that another follows; times are seconds since the epoch."""

    number: int
    result: Result
    ended_at: float
    reason: Reason | None = None
    exit_code: int | None = None
    signal: int | None = None
    started_at: float | None = None
    log_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """Which of the ``jobs`` of which workflow a job is; a workflow has its first job's number."""

    workflow: int
    name: str
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job's record as every door sees it; times are seconds since the epoch (UTC).

    What says how it ran is that of ``attempt``, the current one; ``attempts`` are the latest of
    those before it. ``log_bytes`` counts the logs of all, which follow one another as one. ``task``
    says which task of which array it is; of an array itself ``tasks`` counts how they stand.
    ``part`` says which job of which workflow it is.
    ``notes``: what rules of the site changed of what was asked, and why. So many seconds as
    ``paused_s`` since ``started_at`` its limit had not counted when its state last changed (it was
    suspended, or the machine slept), nor does it count since ``suspended_at``.
    """

    id: int
    engine: str
    spec: JobSpec
    state: State
    submitted_at: float
    user: str
    attempt: int = 1
    attempts: tuple[PastAttempt, ...] = ()
    result: Result | None = None
    reason: Reason | None = None
    position: int | None = None
    predicted_start: float | None = None
    runtime: RuntimeChoice = RuntimeChoice.AUTO
    image_digest: str = ""
    allocation: Allocation | None = None
    enforcement: Enforcement | None = None
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    log_bytes: int = 0
    progress: Mapping[str, Any] = field(default_factory=empty)
    paused_s: float = 0.0
    suspended_at: float | None = None
    task: Task | None = None
    tasks: TaskCounts | None = None
    part: Part | None = None

    @property
    def label(self) -> str:
        """What people call it: its number, or ``12_7`` for the task of array 12 with index 7."""
        return f"{self.task.array}_{self.task.index}" if self.task else str(self.id)

    @property
    def ran_s(self) -> float | None:
        """How long it ran, its pauses left out; None until it has ended, or if it never ran."""
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at - self.paused_s

    @property
    def numbers(self) -> range:
        """The numbers that were given with it: its own, and of an array those of its tasks."""
        return range(self.id, self.id + 1 + (self.spec.array.count if self.spec.array else 0))

    def task_number(self, index: int) -> int | None:
        """Return the number of an array's task, begun or not; None where it has none of them."""
        position = self.spec.array.position_of(index) if self.spec.array else None
        return None if position is None else self.id + 1 + position

    @property
    def done(self) -> bool:
        """Whether no attempt will follow."""
        return self.state is State.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Why a job waits: the first reason that holds, its place in the queue, who is ahead."""

    job_id: int
    reason: Reason
    position: int
    ahead: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that is on this machine: a Docker image or a SIF file."""

    reference: str
    runtime: RuntimeChoice
    digest: str = ""
    size_bytes: int = 0
    created: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
