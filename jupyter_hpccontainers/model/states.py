"""States, results and reasons of a job, in Slurm's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where a job stands; the legal ways between them are in ``scheduler/transitions.py``."""

    PENDING = "PENDING"
    HELD = "HELD"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUSPENDED = "SUSPENDED"
    STOPPING = "STOPPING"
    DONE = "DONE"

    @property
    def holds_allocation(self) -> bool:
        """Whether cores, memory and GPUs are given to a job in this state."""
        return self in _HOLDING

    @property
    def waits(self) -> bool:
        """Whether a job in this state has not been started yet."""
        return self in _WAITING


_WAITING = frozenset({State.PENDING, State.HELD})
_HOLDING = frozenset({State.STARTING, State.RUNNING, State.SUSPENDED, State.STOPPING})


class Result(StrEnum):
    """How an attempt ended."""

    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    PREEMPTED = "PREEMPTED"
    SKIPPED = "SKIPPED"
    LOST = "LOST"


class ReasonCode(StrEnum):
    """Why a job waits, or why it ended as it did."""

    # Why it waits.
    IMAGE = "Image"
    RESOURCES = "Resources"
    PRIORITY = "Priority"
    USER_HOLD = "UserHold"
    BEGIN_TIME = "BeginTime"
    DEPENDENCY = "Dependency"
    QUOTA = "Quota"
    TOKENS = "Tokens"
    DRAINED = "Drained"
    HEADROOM = "Headroom"
    ARRAY_TASK_LIMIT = "JobArrayTaskLimit"
    BACK_OFF = "BackOff"
    OTHERS = "Others"
    RUNTIME_DOWN = "RuntimeDown"
    # Why it ended.
    NON_ZERO_EXIT = "NonZeroExit"
    SIGNALLED = "Signalled"
    TIME_LIMIT = "TimeLimit"
    OUT_OF_MEMORY = "OutOfMemory"
    USER_CANCEL = "UserCancel"
    IMAGE_NOT_FOUND = "ImageNotFound"
    IMAGE_FAILED = "ImageFailed"
    NO_INTERPRETER = "NoInterpreter"
    COMMAND_NOT_FOUND = "CommandNotFound"
    START_FAILED = "StartFailed"
    START_TIMEOUT = "StartTimeout"
    NETWORK_UNAVAILABLE = "NetworkUnavailable"
    GPU_UNAVAILABLE = "GpuUnavailable"
    SUPERVISOR_LOST = "SupervisorLost"
    RUNTIME_RESTARTED = "RuntimeRestarted"
    PREEMPTED = "Preempted"
    DEPENDENCY_NEVER_SATISFIED = "DependencyNeverSatisfied"
    MACHINE_CHANGED = "MachineChanged"
    TASKS_FAILED = "TasksFailed"


@dataclass(frozen=True, slots=True)
class Reason:
    """A code and its figures as plain data; ``reasons.sentence`` makes the person's words."""

    code: ReasonCode
    details: Mapping[str, Any] = field(default_factory=dict)
