"""What goes into the store and comes out of it, beside model.Job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..model.job import Job, JobSpec, RuntimeChoice
from ..model.machine import Enforcement
from ..model.states import Reason, Result, State
from ..model.workflow import NamedEdge

#: Every state but DONE: what a restart must look after.
ACTIVE = frozenset(State) - {State.DONE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """As whom a job runs: taken from the socket's peer, never from a request."""

    uid: int
    gid: int
    user: str
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """What an engine that starts anew must know of a job, and no door is shown.

    ``image_reference`` and ``image_path`` are what the name in the spec was resolved to (a digest
    reference; the SIF's path). ``cancel_requested`` is the durable wish to stop, re-checked after
    every start; ``stop_as`` the result such a stop leads to. ``boot_id`` is that of the boot in
    which the attempt was started. ``suspect_starts`` counts starts in a row during which the
    engine ended. ``disk_bytes`` is what the job's folder held at the end; ``files_removed``
    says that retention took the folder away. ``failures`` counts attempts that were tried again,
    the next of which may start at ``retry_at`` (seconds since the epoch). It had run for ``ran_s``
    when CLOCK_MONOTONIC stood at ``monotonic_s``.
    """

    image_reference: str = ""
    image_path: str = ""
    workdir: str = ""
    cancel_requested: bool = False
    stop_as: Result | None = None
    boot_id: str = ""
    suspect_starts: int = 0
    disk_bytes: int = 0
    files_removed: bool = False
    failures: int = 0
    retry_at: float | None = None
    ran_s: float | None = None
    monotonic_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJob:
    """A job's public record with the columns that stay inside the engine."""

    job: Job
    owner: Ownership
    restart: Restart = field(default_factory=Restart)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job about to be accepted; ``key`` is the caller's idempotency key, unique per uid.

    ``part`` is its name in a workflow, ``after`` its edges on jobs accepted with it, before it.
    """

    spec: JobSpec
    owner: Ownership
    key: str | None = None
    state: State = State.PENDING
    reason: Reason | None = None
    runtime: RuntimeChoice = RuntimeChoice.AUTO
    image_digest: str = ""
    enforcement: Enforcement | None = None
    notes: tuple[str, ...] = ()
    restart: Restart = field(default_factory=Restart)
    part: str = ""
    after: tuple[NamedEdge, ...] = ()


class Accepted(NamedTuple):
    """The jobs, and whether this call created them (False: the key was accepted before)."""

    jobs: tuple[Job, ...]
    created: bool

    @property
    def job(self) -> Job:
        """The first, or only, of them."""
        return self.jobs[0]


@dataclass(frozen=True, slots=True)
class JobChange:
    """The fields of Job or Restart that change, and the event (past tense) that changed them.

    A task of ``array`` that has no row yet is a job of its own from its first change on.
    """

    job_id: int
    event: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    array: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs to list; what is left out does not restrict. ``name`` is a substring.

    Without ``tasks`` the tasks of arrays are left out.
    """

    states: frozenset[State] = frozenset()
    result: Result | None = None
    tag: str | None = None
    name: str = ""
    uid: int | None = None
    before: int | None = None
    limit: int = 100
    tasks: bool = True


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the history: what happened to a job; ordered by ``seq``, never by ``at``."""

    seq: int
    job_id: int
    at: float
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FinishedJob:
    """A DONE job whose folder is still on the disk; ``disk_bytes`` is what it holds."""

    id: int
    ended_at: float
    disk_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDamage:
    """What opening found wrong with the database, and what became of it; to be shown loudly.

    ``moved_to`` is the damaged file, kept for an expert. ``kept`` counts the records read back
    whole; ``rebuilt`` lists jobs put together from their events (the newest may be missing, so
    the engine holds them until a person looks); ``lost`` the
    numbers of which nothing is known, forgotten jobs among them.
    """

    found: str
    moved_to: str
    kept: int = 0
    rebuilt: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()

    def __str__(self) -> str:
        return (
            f"the job database was damaged ({self.found}); it was moved to {self.moved_to}. "
            f"{self.kept} jobs were read back, {len(self.rebuilt)} rebuilt from their history, "
            f"{len(self.lost)} lost"
        )
