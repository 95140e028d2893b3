"""Binds the rooms of this machine: opened once, in order, and closed in the other."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar

from ...machine.gpus import nvidia_gpus
from ...machine.inventory import Declared, inventory
from ...machine.others import OthersWatch
from ...model.job import Job
from ...model.states import State
from ...scheduler.core import Scheduler
from ...scheduler.events import Event, OthersChanged, Progress, Started, StartFailed, Ticked
from ...scheduler.foresight import Foresight
from ...scheduler.policy import Policy
from ...store.records import JobChange, JobFilter
from ..feed import Feed
from . import adoption
from .arrays import found_progress
from .attempts import Attempts
from .beside import Beside
from .clock import Clock
from .closing import closed, ends_attempt
from .config import LocalConfig
from .door import Door
from .drain import Drain
from .effects import LocalEffects
from .fetching import Fetching
from .folders import Folders
from .housekeeping import Housekeeping
from .inbox import Inbox
from .launch import Launch, failure
from .ledger import Ledger
from .parents import Parents, parents_of_rows
from .pending import Pending
from .projects import Projects
from .queue_view import QueueView
from .rules import Rules
from .runtimes import Runtimes
from .watching import Watching
from .zone import local_offsets

_log = logging.getLogger(__name__)
_P = ParamSpec("_P")
_T = TypeVar("_T")

#: Calls to Docker and Apptainer that may run beside each other; each waits, none computes.
_THREADS = 8
#: From so many of the last jobs that are DONE the order learns anew what jobs take.
_RECALLED = 2000


class Rooms:
    """Every part of the local backend, for whoever answers a door."""

    def __init__(self, config: LocalConfig, ledger: Ledger, folders: Folders) -> None:
        self.config = config
        self.ledger = ledger
        self.folders = folders
        self.clock = Clock()
        self.feed = Feed()
        self.watching = Watching()
        self.pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="runtime")
        self.nvidia = nvidia_gpus()
        declared = Declared(cores=config.cores, memory_bytes=config.memory_bytes, gpus=config.gpus)
        found = inventory(declared, nvidia=self.nvidia)
        self.machine = replace(found, tokens=config.tokens, labels=config.labels)
        self.drain = Drain(folders.drained)
        self.scheduler = Scheduler(
            self.machine, _in_local_time(config.policy, self.clock.now()), drained=self.drain.on
        )
        self.foresight = Foresight(self.scheduler)
        self.beside = Beside(self.scheduler, self.clock)
        self.queue = QueueView(self.scheduler, self.foresight, self.clock, self.feed, self.beside)
        self.runtimes = Runtimes(config, folders, ledger.engine_id())
        self.door = Door(config, self.machine, self.runtimes)
        self.rules = Rules(config)
        self.projects = Projects(config.projects)
        self.pending = Pending(config.max_pending_per_user, ledger, self.scheduler)
        self.attempts = Attempts(self.watching, self.clock, self._put, self._abandoned)
        self.fetching = Fetching(self.runtimes, ledger.row, self.note, self._put)
        launch = Launch(config, self.machine, folders, self.runtimes, ledger.engine_id())
        self.effects = LocalEffects(
            ledger, launch, self.attempts, self.fetching, self.runtimes, self.pool, self._put
        )
        self.inbox = Inbox(
            self.scheduler,
            self.clock,
            self._record,
            self.effects,
            self.queue.publish,
            self.beside.turn,
        )
        self.housekeeping = Housekeeping(config, self.clock, ledger, folders, self._look_at_others)
        self._others = OthersWatch(self.machine, nvidia=self.nvidia)
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def open(cls, config: LocalConfig) -> Rooms:
        """Open the store, look at what an earlier engine left, and begin; raises HpccError."""
        folders = Folders(config.state_folder)
        folders.make()
        ledger = await Ledger.open(folders.database, folders.numbers(), config.min_free_bytes)
        rooms = cls(config, ledger, folders)
        past = await ledger.list(JobFilter(states=frozenset({State.DONE}), limit=_RECALLED))
        rows = list(ledger.active.values())
        progress = await found_progress(rows, ledger)
        rooms._adopt(await parents_of_rows(rows, ledger), progress, past)
        rooms._tasks = [
            asyncio.create_task(rooms.inbox.run(), name="inbox"),
            asyncio.create_task(rooms.housekeeping.run(), name="housekeeping"),
            asyncio.create_task(rooms.rules.begin(), name="rules"),
        ]
        for task in rooms._tasks:
            task.add_done_callback(_die_with)
        return rooms

    async def close(self) -> None:
        """Let go of everything; supervisors and their jobs go on."""
        await self.rules.close()
        await self.fetching.close()
        await self.effects.close()
        for task in self._tasks:
            task.remove_done_callback(_die_with)
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.attempts.let_go()
        self.beside.close()
        self.watching.close()
        await self.ledger.close()
        self.pool.shutdown(wait=False, cancel_futures=True)

    async def in_thread(self, call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run what may wait for a runtime or a disk outside the loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.pool, lambda: call(*args, **kwargs))

    async def note(self, change: JobChange) -> None:
        """Record a change that the scheduler has no part in, and tell who follows."""
        if change.job_id in self.ledger.active:
            jobs = await self.ledger.record([change], self.clock.wall())
            async with self.beside.turn:
                self.queue.publish(jobs)

    async def shown(self, jobs: list[Job]) -> list[Job]:
        """Return records with what only the scheduler knows of them."""
        return await self.queue.shown(jobs)

    def _adopt(
        self, parents: Parents, progress: Mapping[int, Progress], past: Sequence[Job]
    ) -> None:
        rows = list(self.ledger.active.values())
        now = self.clock.now()
        found = adoption.look(rows, self.folders)
        loaded = [
            adoption.restored(
                row, self.config, parents, progress.get(row.job.id, Progress()), self.clock
            )
            for row in rows
        ]
        learnt = [adoption.past(job, self.config) for job in past if job.spec.array is None]
        self.inbox.begin(self.scheduler.restore(loaded, now, learnt))
        self.queue.publish([row.job for row in rows])
        self.effects.make_ready()
        for job_id, attempt in (*found.alive, *found.ended):
            self.attempts.look_after(job_id, attempt)
        for job_id, attempt in found.abandoned:
            self._abandoned(job_id, attempt)
        for start in found.unspawned:
            self.effects.start(start)
        for job_id in found.unstarted:
            self._put(StartFailed(job_id, failure(adoption.never_started())))
        if rows:
            _log.info("adopted %d jobs: %d alive", len(rows), len(found.alive))

    async def _record(self, changes: Sequence[JobChange], at: float) -> list[Job]:
        notes = self.attempts.notes
        changes = [change for change in changes if not self._is_known(change)]
        if not changes:
            return []
        whole = [
            closed(change, self._known(change.job_id), notes.pop(change.job_id, {}))
            if ends_attempt(change)
            else change
            for change in changes
        ]
        jobs = await self.ledger.record(whole, at)
        if any(job.done for job in jobs):
            self.housekeeping.due()
        return [*jobs, *self._arrays_of(jobs)]

    def _arrays_of(self, jobs: list[Job]) -> list[Job]:
        """Return the arrays whose counts have changed with these tasks, beside those recorded."""
        told = {job.id for job in jobs}
        arrays = {job.task.array for job in jobs if job.task is not None} - told
        return [self.ledger.active[n].job for n in sorted(arrays) if n in self.ledger.active]

    def _known(self, job_id: int) -> Job | None:
        row = self.ledger.active.get(job_id)
        return None if row is None else row.job

    def _is_known(self, change: JobChange) -> bool:
        """Whether the row already says so: a job is PENDING from its acceptance on."""
        known = self.ledger.active.get(change.job_id)
        return (
            known is not None
            and change.fields.get("state") is State.PENDING is known.job.state
            and change.fields.get("attempt") == known.job.attempt
        )

    async def _look_at_others(self) -> None:
        held = self.scheduler.used().gpus
        others = await self.in_thread(self._others.now, self.attempts.pids(), held)
        if others != self.scheduler.others:
            self.inbox.put(OthersChanged(others))
        if self.clock.has_slept:
            # The alarm stood still with the machine, and a begin time may have come meanwhile.
            self.inbox.put(Ticked())

    def _put(self, event: Event) -> None:
        self.inbox.put(event)
        if isinstance(event, Started | StartFailed):
            # Not sooner: it would take the cores that the start itself needs.
            self.effects.make_ready()

    def _abandoned(self, job_id: int, attempt: Any) -> None:
        self.effects.abandoned(job_id, attempt)


def _in_local_time(policy: Policy, now: float) -> Policy:
    return policy if policy.utc_offsets else replace(policy, utc_offsets=local_offsets(now))


def _die_with(task: asyncio.Task[None]) -> None:
    """An engine without its inbox would accept jobs and never run them: it ends, loudly.

    Its supervisors go on, and the next door starts an engine that adopts them.
    """
    if not task.cancelled() and task.exception() is not None:
        _log.critical("%s failed; the engine ends", task.get_name(), exc_info=task.exception())
        os._exit(70)
