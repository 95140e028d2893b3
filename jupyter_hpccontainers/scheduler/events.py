"""Events: what happened, in the past tense; the only way anything reaches the scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from ..model.dependencies import Dependency
from ..model.job import Priority
from ..model.machine import OthersUse
from ..model.resources import Allocation, Resources
from ..model.states import Reason, Result, State
from .messages import message


@dataclass(frozen=True, slots=True)
class Edge:
    """A dependency, with the parent's result where it was DONE before the scheduler knew it.

    ``task``: of one on a task of an array the number of the task.
    """

    on: Dependency
    result: Result | None = None
    task: int | None = None

    @property
    def parent(self) -> int:
        """The number of the job that is waited for."""
        return self.on.job if self.task is None else self.task

    @property
    def told(self) -> dict[str, Any]:
        """What reasons say of it."""
        told = {"kind": self.on.kind.value, "job": self.on.job}
        return told if self.on.index is None else {**told, "index": self.on.index}


@dataclass(frozen=True, slots=True)
class TaskBlock:
    """What makes a submission an array: ``count`` tasks, numbered from ``first`` on.

    At most ``max_running`` have begun and not ended at any time; None for any number.
    """

    first: int
    count: int
    max_running: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What the scheduler knows of a job: amounts and times, never commands or images.

    ``limit_s`` None: never ended for its time, and planned with an unknown end. ``begin_at`` is in
    seconds since the epoch, as are all times here. After a failure another attempt follows at most
    ``retries`` times, on the exit codes of ``retry_on`` (none named: any); with ``requeue`` also
    whenever it was preempted. Jobs of one ``user`` and ``kind`` (image and command, as any name)
    are expected to run as long as the last ones did. Limits count ``user``, ``project`` and
    ``tokens`` (name and how many); ``labels`` must be the machine's. ``tasks`` makes it an array;
    a task that has begun names its ``array``. ``signal_before_s``: it is given a signal so long
    before its time limit.
    """

    job_id: int
    resources: Resources
    limit_s: float | None
    priority: Priority
    submitted_at: float
    grace_s: float
    start_timeout_s: float
    image_ready: bool
    held: bool = False
    attempt: int = 1
    begin_at: float | None = None
    retries: int = 0
    retry_on: tuple[int, ...] = ()
    requeue: bool = True
    user: str = ""
    kind: str = ""
    dependencies: tuple[Edge, ...] = ()
    project: str = ""
    tokens: tuple[tuple[str, int], ...] = ()
    labels: tuple[str, ...] = ()
    tasks: TaskBlock | None = None
    array: int | None = None
    signal_before_s: float | None = None


@message
class Submitted:
    """A job was accepted. Refused with NeverFits when the machine can never hold it."""

    job: Submission


@message
class ImageReady:
    """The job's image is on this machine, in the form its runtime needs."""

    job_id: int


@message
class ImageFailed:
    """The job's image can't be had; the job ends FAILED with this reason."""

    job_id: int
    reason: Reason


@message
class Started:
    """The user's program runs since ``at`` (None: since now); its time limit counts from there.

    Here and below ``attempt`` None means the current one; of an earlier one nothing changes.
    """

    job_id: int
    at: float | None = None
    attempt: int | None = None


@message
class StartFailed:
    """The program never ran, and nothing of the attempt is left on the machine."""

    job_id: int
    reason: Reason
    attempt: int | None = None


@message
class Exited:
    """Everything of the attempt has ended, so its allocation is free again.

    ``oom_killed``: the kernel killed the main process for memory. ``reason`` is given when the
    exit code can't be vouched for (SupervisorLost, RuntimeRestarted). ``ended_at``: when it ended,
    where known; a job that ended before it was told to stop keeps its own result.
    """

    _: KW_ONLY
    job_id: int
    exit_code: int | None = None
    signal: int | None = None
    oom_killed: bool = False
    reason: Reason | None = None
    ended_at: float | None = None
    attempt: int | None = None


@message
class CancelRequested:
    """A person wants the job ended, with ``kill`` without the grace period; twice is once."""

    job_id: int
    kill: bool = False


@message
class TimeLimitChanged:
    """A person changes the time limit; refused where it would delay the head of the queue."""

    job_id: int
    limit_s: float | None


@message
class Changed:
    """A person changes what a waiting job asks for; all of it is named, changed or not.

    Refused with NeverFits when the machine can never hold it.
    """

    _: KW_ONLY
    job_id: int
    resources: Resources
    limit_s: float | None
    priority: Priority
    begin_at: float | None = None


@message
class Held:
    """A person holds a waiting job back."""

    job_id: int


@message
class Released:
    """A person lets a held job go on; it keeps its place by submission."""

    job_id: int


@message
class Suspended:
    """A person lets a running job stand still; it keeps what it holds, its time limit waits."""

    job_id: int


@message
class Resumed:
    """A person lets a suspended job run on."""

    job_id: int


@message
class OthersChanged:
    """What processes outside our jobs use has changed."""

    others: OthersUse


@message
class DrainChanged:
    """A person lets nothing new start from now on (``drained``), or lets it again."""

    drained: bool


@message
class Slept:
    """The machine was suspended for so many seconds just now; no job ran, no time limit does."""

    seconds: float


@message
class Ticked:
    """Time has passed: sent when the last ``WakeAt`` is due."""


JobEvent = (
    ImageReady
    | ImageFailed
    | Started
    | StartFailed
    | Exited
    | CancelRequested
    | TimeLimitChanged
    | Changed
    | Held
    | Released
    | Suspended
    | Resumed
)
Event = Submitted | JobEvent | OthersChanged | DrainChanged | Slept | Ticked


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an array had come: the position of its next task, and how others ended.

    ``gone``: later positions that were cancelled before they began.
    """

    next: int = 0
    gone: frozenset[int] = frozenset()
    ended: Mapping[Result, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A job's row as a restarted engine finds it in its store; not an event, state is loaded.

    ``starting_at``, ``started_at``, ``stopping_at`` and ``ended_at`` are when it entered those
    states, None where it did not or that was not kept; ``stop_reason`` is the reason recorded with
    STOPPING.
    ``paused_s``: so much of the time since ``started_at`` does not count against its limit; of one
    that is suspended up to now. ``resumed``: it was suspended before, and may not know yet that it
    is to run on.
    ``failures`` and ``retry_at`` are those of the last Record that named them. An array holds
    nothing itself; its ``progress`` says which of its tasks are jobs of their own by now.
    """

    job: Submission
    state: State
    allocation: Allocation | None = None
    starting_at: float | None = None
    started_at: float | None = None
    stopping_at: float | None = None
    ended_at: float | None = None
    stop_reason: Reason | None = None
    failures: int = 0
    retry_at: float | None = None
    paused_s: float = 0.0
    resumed: bool = False
    progress: Progress = Progress()
