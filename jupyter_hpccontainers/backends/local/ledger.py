"""The store behind its one thread: a slow disk delays a commit, never the engine's loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from ...model.errors import StoreFull
from ...model.job import Job
from ...store.database import Store
from ...store.records import (
    Accepted,
    JobChange,
    JobFilter,
    Ownership,
    Restart,
    StoreDamage,
    StoredJob,
    Submission,
)

_log = logging.getLogger(__name__)
_P = ParamSpec("_P")
_T = TypeVar("_T")
#: How often a full disk is tried again while a change waits to be recorded.
_RETRY_S = 1.0
_RESTART_FIELDS = frozenset(f.name for f in fields(Restart))


class Ledger:
    """Reads and writes rows; keeps those of jobs that are not DONE at hand."""

    def __init__(self, store: Store, thread: ThreadPoolExecutor) -> None:
        self._store = store
        self._thread = thread
        self.active: dict[int, StoredJob] = {}
        self._owners: dict[Ownership, Ownership] = {}

    @classmethod
    async def open(cls, path: Path, job_folders: list[int], reserve_bytes: int) -> Ledger:
        """Open the database in its own thread; raises StoreFull and EngineError."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        loop = asyncio.get_running_loop()
        store = await loop.run_in_executor(
            thread, lambda: Store(path, job_folders=job_folders, reserve_bytes=reserve_bytes)
        )
        ledger = cls(store, thread)
        if store.damage is not None:
            _log.error("%s", store.damage)
        for row in await ledger.ask(Store.active):
            ledger._keep(row)
        return ledger

    async def ask(
        self, verb: Callable[Concatenate[Store, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Run a verb of the store in its thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: verb(self._store, *args, **kwargs))

    async def accept(self, submissions: Sequence[Submission], at: float) -> Accepted:
        """Record new jobs, all or none; they are on disk when this returns."""
        accepted = await self.ask(Store.accept, *submissions, at=at)
        if accepted.created:
            for job, one in zip(accepted.jobs, submissions, strict=True):
                self._keep(StoredJob(job=job, owner=one.owner, restart=one.restart))
        return accepted

    def _keep(self, row: StoredJob) -> None:
        """Keep a row at hand; those of one person share who that is."""
        owner = self._owners.setdefault(row.owner, row.owner)
        self.active[row.job.id] = replace(row, owner=owner)

    async def record(self, changes: Sequence[JobChange], at: float) -> list[Job]:
        """Write changes in one transaction, waiting while the disk is full: nothing is dropped."""
        while True:
            try:
                jobs = await self.ask(Store.record, changes, at)
                break
            except StoreFull as full:
                _log.error("changes of jobs wait to be recorded: %s", full)
                await asyncio.sleep(_RETRY_S)
        for job, change in zip(jobs, changes, strict=True):
            self._remember(job, change)
        return jobs

    def _remember(self, job: Job, change: JobChange) -> None:
        if job.done:
            self.active.pop(job.id, None)
        elif (known := self._known(job)) is not None:
            private = {k: v for k, v in change.fields.items() if k in _RESTART_FIELDS}
            self.active[job.id] = replace(known, job=job, restart=replace(known.restart, **private))

    def _known(self, job: Job) -> StoredJob | None:
        """Return a job's row; a task that has just begun is its array's so far."""
        if job.id in self.active or job.task is None:
            return self.active.get(job.id)
        return self.active.get(job.task.array)

    async def row(self, job_id: int) -> StoredJob:
        """Return a job with its private columns; raises UnknownJob."""
        if job_id in self.active:
            return self.active[job_id]
        return await self.ask(Store.stored, job_id)

    def counts(self) -> tuple[int, int]:
        """Return how many jobs run and how many wait."""
        jobs = [row.job for row in self.active.values()]
        running = sum(job.state.holds_allocation and job.spec.array is None for job in jobs)
        return running, len(jobs) - running

    def accepting(self) -> bool:
        """Whether there is room on the disk for one more job."""
        return self._store.accepting()

    def engine_id(self) -> str:
        """Return the uuid of this engine's jobs."""
        return self._store.engine_id()

    @property
    def damage(self) -> StoreDamage | None:
        """What opening found wrong with the database."""
        return self._store.damage

    async def list(self, query: JobFilter) -> list[Job]:
        """Return records, newest first."""
        return await self.ask(Store.jobs, query)

    async def close(self) -> None:
        """Close the database and end its thread."""
        await self.ask(Store.close)
        self._thread.shutdown()
