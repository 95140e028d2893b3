"""The store: one SQLite file, one writer, every change recorded before it is acted upon."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..model.errors import StoreFull, UnknownJob
from ..model.job import Job, Part
from ..model.states import Result, State
from .backups import copy_to
from .history import SUBMITTED, first_event
from .opening import open_store
from .records import (
    ACTIVE,
    Accepted,
    Event,
    FinishedJob,
    JobChange,
    JobFilter,
    StoreDamage,
    StoredJob,
    Submission,
)
from .rows import JobRow, changed, event_columns, job_columns, spec_columns, to_event, to_stored
from .space import BALLAST_BYTES, RESERVE_BYTES, Ballast, faults_told, free_bytes
from .tasks import task_of

_NO_BEFORE = 2**62


class Store:
    """Every job the engine ever accepted, until it is forgotten.

    Used by one thread of one process: the file is locked against others. Methods that write
    raise StoreFull when the disk is full or read-only, and then nothing of the call is stored.
    """

    def __init__(
        self,
        path: Path,
        *,
        job_folders: Iterable[int] = (),
        reserve_bytes: int = RESERVE_BYTES,
        ballast_bytes: int = BALLAST_BYTES,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        """Open ``path``, made with mode 0600 where it is missing.

        ``job_folders`` are the numbers of the job folders on the disk: their numbers are never
        given again, even when the database is lost. ``damage`` tells what opening found wrong.
        Raises StoreFull where the folder cannot be written, EngineError where another process
        has the file open or a newer release wrote it.
        """
        self._path = path
        self._ballast = Ballast(
            path.with_name(path.name + ".ballast"), ballast_bytes, reserve_bytes, free
        )
        opened = open_store(path, sorted(job_folders), self._ballast)
        self._sql: Mapping[str, str] = opened.queries
        self._connection = opened.connection
        self._engine = opened.engine
        self.damage: StoreDamage | None = opened.damage
        self._ballast.tend()

    def engine_id(self) -> str:
        """Return the uuid that tells this engine's jobs from all others; it never changes."""
        return self._engine

    def accepting(self) -> bool:
        """Whether there is room on the disk for one more submission."""
        return self._ballast.roomy

    def accept(self, *submissions: Submission, at: float) -> Accepted:
        """Store new jobs, all or none, with their numbers: from here on they are never forgotten.

        Several are a workflow. With an idempotency key (of the first) that this uid used before,
        the jobs of then are returned.
        """
        first = submissions[0]
        if first.key is not None:
            known = self.jobs_of_key(first.owner.uid, first.key)
            if known:
                return Accepted(known, created=False)
        if not self._ballast.roomy:
            raise self._ballast.full()
        self._ballast.tend()
        with self._transaction():
            jobs = self._insert_all(submissions, at)
        return Accepted(jobs, created=True)

    def record(self, changes: Sequence[JobChange], at: float) -> list[Job]:
        """Store what changed, all or nothing, with one event each; return the jobs after it.

        Raises UnknownJob, or StateConflict where a DONE job would leave that state. On a full
        disk the ballast is given up first, so that running jobs can still end properly.
        """
        try:
            return self._record(changes, at)
        except StoreFull:
            if not self._ballast.release():
                raise
        return self._record(changes, at)

    def job(self, job_id: int) -> Job:
        """Return one job; raises UnknownJob."""
        return self.stored(job_id).job

    def known(self, job_id: int) -> Job | None:
        """Return one job, or None."""
        rows = self._rows("job", {"id": job_id})
        return rows[0].job if rows else None

    def array_of(self, job_id: int) -> Job | None:
        """Return the array to whose tasks, begun or not, a number was given; None if to none."""
        # Between an array and a task of it there are only other tasks of it.
        rows = self._rows("job_before", {"id": job_id})
        found = rows[0].job if rows else None
        array = self.known(found.task.array) if found and found.task else found
        return array if array is not None and job_id in array.numbers else None

    def stored(self, job_id: int) -> StoredJob:
        """Return one job with its owner and what a restart needs; raises UnknownJob."""
        rows = self._rows("job", {"id": job_id})
        if not rows:
            raise UnknownJob(f"job {job_id} is not known here", cure="list the jobs there are")
        return rows[0]

    def jobs(self, wanted: JobFilter) -> list[Job]:
        """Return the jobs that pass a filter, newest first."""
        states = "".join(f",{state.value}" for state in sorted(wanted.states))
        parameters = {
            "before": _NO_BEFORE if wanted.before is None else wanted.before,
            "states": f"{states}," if states else "",
            "result": wanted.result.value if wanted.result else None,
            "name": wanted.name,
            "uid": wanted.uid,
            "tag": wanted.tag,
            "limit": wanted.limit,
            "tasks": wanted.tasks,
        }
        return [stored.job for stored in self._rows(_listing(wanted), parameters)]

    def active(self) -> list[StoredJob]:
        """Return every job that is not DONE, in the order of submission: what a restart needs."""
        return self._rows("active_jobs")

    def results(self, ids: Iterable[int]) -> dict[int, Result | None]:
        """Return how these jobs ended, None for one that is not DONE; unknown ones are left out."""
        found = {job_id: self._fetch("standing", {"id": job_id}) for job_id in ids}
        return {
            job_id: Result(rows[0][1]) if rows[0][0] == State.DONE and rows[0][1] else None
            for job_id, rows in found.items()
            if rows
        }

    def tasks(self, array: int, count: int) -> list[tuple[int, State, Result | None]]:
        """Return number, state and result of the tasks of an array that have a row."""
        rows = self._fetch("tasks", {"first": array + 1, "last": array + count})
        return [(row[0], State(row[1]), Result(row[2]) if row[2] else None) for row in rows]

    def counts(self) -> dict[State, int]:
        """Return how many jobs are in each state; every state is named."""
        found = dict(self._fetch("counts"))
        return {state: found.get(state.value, 0) for state in State}

    def events_since(self, seq: int, limit: int = 1000) -> list[Event]:
        """Return the history after a sequence number; damaged lines are left out."""
        rows = self._fetch("events_since", {"seq": seq, "limit": limit})
        return [event for event in map(to_event, rows) if event is not None]

    def finished(self) -> list[FinishedJob]:
        """Return the DONE jobs whose folder retention may take, the oldest first."""
        return [FinishedJob(*row) for row in self._fetch("finished")]

    def forget(self, ids: Iterable[int]) -> None:
        """Delete the records of DONE jobs with all their history; others are left alone."""
        with self._transaction():
            for job_id in ids:
                self._execute("forget_job", {"id": job_id})

    def backup(self, path: Path) -> Path:
        """Write a consistent copy of the database to a new file (0600) and return its path.

        Raises StoreFull where it cannot be written, StateConflict where the file exists.
        """
        return copy_to(self._connection, path)

    def close(self) -> None:
        """Close the file; everything recorded is in it."""
        with faults_told(self._path):
            self._connection.close()

    def _insert_all(self, submissions: Sequence[Submission], at: float) -> tuple[Job, ...]:
        numbers: dict[str, int] = {}
        jobs = []
        for one in submissions:
            number = numbers[one.part] = self._next_id()
            job = _new_job(one, number, self._engine, at)
            if one.part:
                edges = tuple(edge.numbered(numbers) for edge in one.after)
                spec = replace(one.spec, dependencies=one.spec.dependencies + edges)
                part = Part(numbers[submissions[0].part], one.part, len(submissions))
                job = replace(job, spec=spec, part=part)
            self._insert(one, job, at)
            jobs.append(job)
        return tuple(jobs)

    def _insert(self, submission: Submission, job: Job, at: float) -> None:
        number = job.id
        stored = StoredJob(job=job, owner=submission.owner, restart=submission.restart)
        self._insert_row(stored, submission.key, at)
        if submission.key is not None:
            key = {"uid": submission.owner.uid, "key": submission.key, "job_id": number}
            self._execute("insert_key", key)
        if submission.spec.array is not None:
            # The numbers of its tasks are given with it, so that none can be given twice.
            self._execute("raise_sequence", {"seq": job.numbers[-1]})

    def _insert_row(self, stored: StoredJob, key: str | None, at: float) -> None:
        number, spec = stored.job.id, stored.job.spec
        self._execute("insert_job", job_columns(stored, number))
        self._execute("put_spec", spec_columns(number, spec))
        for tag in spec.tags:
            self._execute("insert_tag", {"tag": tag, "job_id": number})
        event = event_columns(number, at, SUBMITTED, first_event(stored, key))
        self._execute("insert_event", event)

    def _record(self, changes: Sequence[JobChange], at: float) -> list[Job]:
        with self._transaction():
            return [self._apply(change, at) for change in changes]

    def _apply(self, change: JobChange, at: float) -> Job:
        after = changed(self._before(change, at), change, at)
        self._execute("update_job", job_columns(after, change.job_id))
        if "spec" in change.fields:
            self._execute("put_spec", spec_columns(change.job_id, after.job.spec))
        event = event_columns(change.job_id, at, change.event, change.fields)
        self._execute("insert_event", event)
        return after.job

    def _before(self, change: JobChange, at: float) -> StoredJob:
        rows = self._rows("job", {"id": change.job_id})
        if rows or change.array is None:
            return rows[0] if rows else self.stored(change.job_id)
        task = task_of(self.stored(change.array), change.job_id)
        self._insert_row(task, None, at)
        return task

    def jobs_of_key(self, uid: int, key: str) -> tuple[Job, ...]:
        """Return the jobs that were accepted with an idempotency key of this uid, if any were."""
        rows = self._fetch("job_of_key", {"uid": uid, "key": key})
        following = self.known(rows[0][0]) if rows else None
        jobs: list[Job] = []
        # The numbers of a workflow are given without a gap.
        while following is not None:
            jobs.append(following)
            more = following.part is not None and len(jobs) < following.part.jobs
            following = self.known(following.numbers.stop) if more else None
        return tuple(jobs)

    def _next_id(self) -> int:
        rows = self._fetch("highest_id")
        return int(rows[0][0]) + 1 if rows else 1

    def _rows(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[StoredJob]:
        rows = self._fetch(name, parameters)
        return [to_stored(JobRow(*row), self._engine) for row in rows]

    def _fetch(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[Any]:
        with faults_told(self._path):
            return self._execute(name, parameters).fetchall()

    def _execute(self, name: str, parameters: Mapping[str, Any] | None = None) -> sqlite3.Cursor:
        return self._connection.execute(self._sql[name], parameters or {})

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with faults_told(self._path):
            self._execute("begin")
            try:
                yield
                self._execute("commit")
            except BaseException:
                # SQLite has already rolled back by itself on a full disk.
                if self._connection.in_transaction:
                    self._execute("rollback")
                raise


def _listing(wanted: JobFilter) -> str:
    if wanted.tag is not None:
        return "list_tagged"
    return "list_active" if wanted.states and wanted.states <= ACTIVE else "list_jobs"


def _new_job(submission: Submission, number: int, engine: str, at: float) -> Job:
    return Job(
        id=number,
        engine=engine,
        spec=submission.spec,
        state=submission.state,
        reason=submission.reason,
        submitted_at=at,
        user=submission.owner.user,
        runtime=submission.runtime,
        image_digest=submission.image_digest,
        enforcement=submission.enforcement,
        notes=submission.notes,
    )
