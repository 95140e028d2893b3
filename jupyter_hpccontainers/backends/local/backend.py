"""This machine as a backend: the verbs of every door over one scheduler, store and inbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...model.changes import SpecChange
from ...model.errors import InvalidSpec, StateConflict, UnknownJob
from ...model.explanation import Explanation
from ...model.job import Image, Job, JobSpec
from ...model.workflow import NamedSpec
from ...scheduler.events import (
    CancelRequested,
    DrainChanged,
    Held,
    Released,
    Resumed,
    Suspended,
)
from ...store.database import Store
from ...store.records import JobChange, JobFilter, StoredJob
from ..frames import Frame
from ..protocol import JobQuery, LogPart
from . import admission, foreseeing, reading
from .acceptance import accept
from .adoption import change_event
from .config import LocalConfig
from .doctor import examine
from .follow import JobStream, follow_states
from .rooms import Rooms
from .survey import form_config, machine_use

#: States of all jobs begin with those a person may still care for.
_RECENT = 200


class LocalBackend:
    """See ``backends.protocol.Backend``; every method answers for this machine's jobs."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    @classmethod
    async def open(cls, config: LocalConfig) -> LocalBackend:
        """Open the state folder, adopt what lives, and begin to schedule; raises HpccError."""
        return cls(await Rooms.open(config))

    async def close(self) -> None:
        """Stop scheduling; running jobs go on and are adopted by the next engine."""
        await self._rooms.close()

    @property
    def engine(self) -> str:
        """The uuid that goes with every job number outside this engine."""
        return self._rooms.ledger.engine_id()

    def accepting(self) -> bool:
        """Whether there is room for one more submission."""
        return self._rooms.ledger.accepting()

    def counts(self) -> tuple[int, int]:
        """Return how many jobs run and how many wait."""
        return self._rooms.ledger.counts()

    async def submit(self, spec: JobSpec, key: str | None) -> tuple[Job, bool]:
        """Accept a job: vetted, fitting, on disk, then handed to the scheduler."""
        jobs, created = await self.submit_workflow([NamedSpec(name="", spec=spec)], key)
        return jobs[0], created

    async def submit_workflow(
        self, jobs: Sequence[NamedSpec], key: str | None
    ) -> tuple[Sequence[Job], bool]:
        """Accept several jobs in the same way, all of them or none."""
        accepted = await accept(self._rooms, jobs, key)
        if accepted.created:
            return accepted
        return await self._rooms.shown([*accepted.jobs]), False

    async def cancel(self, job_id: int, kill: bool = False) -> Job:
        """Tell a job to stop; a job that is DONE stays as it is."""
        try:
            row = await self._rooms.ledger.row(job_id)
        except UnknownJob:
            # A task that has not begun has no row; whoever else is not known is refused.
            await self._rooms.inbox.post(CancelRequested(job_id, kill))
            return await self.job(job_id)
        if row.job.done:
            return row.job
        self._rooms.fetching.give_up(job_id)
        # It may end between the look and the request, which is as good.
        with suppress(UnknownJob, StateConflict):
            await self._rooms.inbox.post(CancelRequested(job_id, kill))
        return await self.job(job_id)

    async def change(self, job_id: int, change: SpecChange) -> Job:
        """Change the spec where that delays no reservation and fits the machine."""
        row = await self._open_row(job_id)
        spec, notes = await admission.changed(self._rooms, row, change)
        limit_alone = replace(row.job.spec, time_limit_s=spec.time_limit_s)
        only_limit = change.only_time_limit and spec == limit_alone
        event = change_event(job_id, spec, only_time_limit=only_limit)
        recorded = JobChange(job_id, type(event).__name__, {"spec": spec, "notes": notes})
        await self._rooms.inbox.post(event, recorded)
        return await self.job(job_id)

    async def hold(self, job_id: int) -> Job:
        """Keep a waiting job back."""
        await self._open_row(job_id)
        await self._rooms.inbox.post(Held(job_id))
        return await self.job(job_id)

    async def release(self, job_id: int) -> Job:
        """Let a held job go on."""
        await self._open_row(job_id)
        await self._rooms.inbox.post(Released(job_id))
        return await self.job(job_id)

    async def suspend(self, job_id: int) -> Job:
        """Let a running job, or an array's running tasks, stand still."""
        row = await self._open_row(job_id)
        if not row.job.state.waits:
            await self._rooms.in_thread(self._rooms.runtimes.refuse_suspension, row)
        await self._rooms.inbox.post(Suspended(job_id))
        return await self.job(job_id)

    async def resume(self, job_id: int) -> Job:
        """Let what is suspended run on."""
        await self._open_row(job_id)
        await self._rooms.inbox.post(Resumed(job_id))
        return await self.job(job_id)

    def drained(self) -> bool:
        """Whether nothing new starts for now."""
        return self._rooms.scheduler.drained

    async def drain(self, drained: bool) -> None:
        """Let nothing new start, or let it again; the wish outlives the engine."""
        await self._rooms.in_thread(self._rooms.drain.set, drained)
        await self._rooms.inbox.post(DrainChanged(drained))

    async def job(self, job_id: int) -> Job:
        """Return one record, with its reason and position while it waits."""
        row = await self._rooms.ledger.row(job_id)
        return (await self._rooms.shown([row.job]))[0]

    async def jobs(self, query: JobQuery) -> list[Job]:
        """List records, newest first."""
        results = query.results or {None}
        found: list[Job] = []
        for result in results:
            wanted = JobFilter(
                states=query.states,
                result=result,
                tag=query.tag or None,
                name=query.name,
                before=query.before,
                limit=query.limit,
                tasks=query.tasks,
            )
            found += await self._rooms.ledger.list(wanted)
        newest = sorted(found, key=lambda job: -job.id)[: query.limit]
        return await self._rooms.shown(newest)

    async def explain(self, job_id: int) -> Explanation:
        """Return why it waits, when it starts, what would start it now; or why it ended."""
        job = await self.job(job_id)
        waits = job.state.waits or (job.tasks is not None and job.tasks.pending)
        told = await foreseeing.explain(self._rooms, job) if waits else None
        # None: the inbox has not come to it yet, or it has just started.
        return told or foreseeing.ended(await self.job(job_id))

    async def dry_run(self, spec: JobSpec) -> Explanation:
        """Return the same for a job that is not submitted."""
        return await foreseeing.dry_run(self._rooms, spec)

    async def follow(
        self, wanted: Mapping[int, int] | None, *, logs: bool
    ) -> AsyncGenerator[Frame, None]:
        """Yield frames; subscribing comes before reading rows, so that nothing is missed."""
        rooms = self._rooms
        if wanted is None:
            recent = await self.jobs(JobQuery(limit=_RECENT))
            frames = follow_states(rooms.feed, recent[::-1])
        else:
            subscription = rooms.feed.subscribe(wanted)
            try:
                jobs = [await self.job(job_id) for job_id in wanted]
            except BaseException:
                rooms.feed.cancel(subscription)
                raise
            stream = JobStream(rooms.feed, rooms.watching, rooms.folders, logs)
            frames = stream.frames(subscription, jobs, wanted)
        try:
            async for frame in frames:
                yield frame
        finally:
            await frames.aclose()

    async def log(
        self, job_id: int, *, offset: int, length: int, stream: int, attempt: int | None
    ) -> LogPart:
        """Read a log."""
        row = await self._rooms.ledger.row(job_id)
        if attempt is not None and not 1 <= attempt <= row.job.attempt:
            raise InvalidSpec(
                f"job {job_id} has no attempt {attempt}",
                cure=f"it is at attempt {row.job.attempt}",
                field="attempt",
            )
        log = self._rooms.folders.log(row.job, attempt)
        return await self._rooms.in_thread(reading.read_log, log, offset, length, stream)

    async def files(self, job_id: int) -> list[dict[str, Any]]:
        """List the files of the job's folder."""
        row = await self._rooms.ledger.row(job_id)
        job_dir = self._rooms.folders.attempt(row.job).job_dir
        return await self._rooms.in_thread(reading.list_files, job_dir)

    async def file(self, job_id: int, path: str) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a file of the job's folder."""
        row = await self._rooms.ledger.row(job_id)
        handle = reading.open_file(self._rooms.folders.attempt(row.job).job_dir, path)
        for chunk in reading.chunks(handle):
            yield chunk
            await asyncio.sleep(0)

    async def images(self, search: str) -> list[Image]:
        """List images that are on this machine."""
        return await self._rooms.in_thread(self._rooms.runtimes.images, search)

    async def resources(self) -> dict[str, Any]:
        """Return MachineUse."""
        return await self._rooms.in_thread(machine_use, self._rooms)

    async def config(self) -> dict[str, Any]:
        """Return Config."""
        return await self._rooms.in_thread(form_config, self._rooms)

    async def doctor(self) -> list[dict[str, Any]]:
        """Return the checks with their cures."""
        return await self._rooms.in_thread(examine, self._rooms)

    async def backup(self, path: str) -> str:
        """Copy the database to a new file."""
        return str(await self._rooms.ledger.ask(Store.backup, Path(path)))

    async def _open_row(self, job_id: int) -> StoredJob:
        row = await self._rooms.ledger.row(job_id)
        if row.job.done:
            raise StateConflict(f"job {job_id} is DONE", cure="submit it again as you want it")
        return row
