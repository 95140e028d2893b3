"""What the engine asks of a backend: five verbs, and the reading of what jobs left behind."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..model.changes import SpecChange
from ..model.explanation import Explanation
from ..model.job import Image, Job, JobSpec
from ..model.states import Result, State
from ..model.workflow import NamedSpec
from .frames import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs to list; empty sets and texts mean any. ``tasks``: also the tasks of arrays."""

    states: frozenset[State] = frozenset()
    results: frozenset[Result] = frozenset()
    tag: str = ""
    name: str = ""
    limit: int = 100
    before: int | None = None
    tasks: bool = True


@dataclass(frozen=True, slots=True)
class LogPart:
    """Bytes of a log: where they begin and how long the whole (of that stream) is now."""

    offset: int
    size: int
    data: bytes


class Backend(Protocol):
    """Where jobs run. Every verb raises HpccError for what the person can act on."""

    async def submit(self, spec: JobSpec, key: str | None) -> tuple[Job, bool]:
        """Accept a job; the record is on disk when this returns. False: the key was known."""

    async def submit_workflow(
        self, jobs: Sequence[NamedSpec], key: str | None
    ) -> tuple[Sequence[Job], bool]:
        """Accept jobs that name each other, parents first, all of them or none; as ``submit``."""

    async def cancel(self, job_id: int, kill: bool = False) -> Job:
        """Tell a job to stop: TERM, grace, KILL; with ``kill`` at once. Idempotent."""

    async def jobs(self, query: JobQuery) -> list[Job]:
        """List records, newest first."""

    def follow(
        self, wanted: Mapping[int, int] | None, *, logs: bool
    ) -> AsyncGenerator[Frame, None]:
        """Yield frames of these jobs from their log offsets on; ``None``: all states."""

    async def resources(self) -> dict[str, Any]:
        """Return the machine, what jobs hold of it and what others use (MachineUse)."""

    async def job(self, job_id: int) -> Job:
        """Return one record."""

    async def explain(self, job_id: int) -> Explanation:
        """Return why it waits, when it starts, what would start it now; or why it ended."""

    async def dry_run(self, spec: JobSpec) -> Explanation:
        """Return the same for a job that is not submitted; refused as a submission would be."""

    async def change(self, job_id: int, change: SpecChange) -> Job:
        """Change what a waiting job asks for, or the time limit of a running one."""

    async def hold(self, job_id: int) -> Job:
        """Keep a waiting job back until it is released."""

    async def release(self, job_id: int) -> Job:
        """Let a held job go on."""

    async def suspend(self, job_id: int) -> Job:
        """Let a running job stand still; it keeps what it holds, its time limit waits."""

    async def resume(self, job_id: int) -> Job:
        """Let a suspended job run on."""

    async def log(
        self, job_id: int, *, offset: int, length: int, stream: int, attempt: int | None
    ) -> LogPart:
        """Read a log; stream 0 is both, a negative offset counts from the end."""

    async def files(self, job_id: int) -> list[dict[str, Any]]:
        """List the files of the job's folder."""

    def file(self, job_id: int, path: str) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a file of the job's folder."""

    async def images(self, search: str) -> list[Image]:
        """List images that are on this machine."""

    async def config(self) -> dict[str, Any]:
        """Return what a form may offer (Config)."""

    async def doctor(self) -> list[dict[str, Any]]:
        """Return the checks with their cures."""

    async def backup(self, path: str) -> str:
        """Copy the database to a new file."""

    def drained(self) -> bool:
        """Whether nothing new starts for now."""

    async def drain(self, drained: bool) -> None:
        """Let nothing new start, or let it again, also after a restart."""

    def counts(self) -> tuple[int, int]:
        """Return how many jobs run and how many wait."""
