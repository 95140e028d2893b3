"""What an engine that starts anew finds: rows of its store and attempts that may still live."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from ...machine.attempt import Attempt, Standing
from ...model.errors import HpccError, StateConflict
from ...model.job import Job, JobSpec
from ...model.states import State
from ...scheduler.actions import Start
from ...scheduler.events import Changed, Progress, Restored, Submission, TimeLimitChanged
from ...scheduler.refusal import Wants
from ...store.records import StoredJob
from .arrays import task_block
from .clock import Clock
from .config import LocalConfig
from .folders import Folders
from .parents import Parents, edges


def submission(
    row: StoredJob, config: LocalConfig, parents: Parents, *, image_ready: bool
) -> Submission:
    """Return what the scheduler knows of a job; ``parents`` says how those it has stand."""
    job = row.job
    return Submission(
        job_id=job.id,
        resources=job.spec.resources,
        limit_s=job.spec.time_limit_s,
        priority=job.spec.priority,
        submitted_at=job.submitted_at,
        grace_s=config.grace_s,
        start_timeout_s=config.start_timeout_s,
        image_ready=image_ready,
        held=job.state is State.HELD,
        attempt=job.attempt,
        user=job.user,
        kind=_kind(job.spec),
        begin_at=job.spec.begin_at,
        project=job.spec.project,
        tokens=tuple(sorted(job.spec.tokens.items())),
        labels=job.spec.labels,
        dependencies=edges(job.spec, parents),
        retries=job.spec.retries,
        retry_on=job.spec.retry_on,
        requeue=job.spec.requeue,
        tasks=task_block(job),
        array=job.task.array if job.task else None,
        signal_before_s=job.spec.signal.before_s if job.spec.signal else None,
    )


def wants(spec: JobSpec, user: str) -> Wants:
    """Return what a spec asks of the scheduler beside amounts."""
    return Wants(user, spec.project, tuple(sorted(spec.tokens.items())), spec.labels)


def change_event(
    job_id: int, spec: JobSpec, *, only_time_limit: bool
) -> Changed | TimeLimitChanged:
    """Return the event that makes a job ask for what its spec now says."""
    if only_time_limit:
        return TimeLimitChanged(job_id, spec.time_limit_s)
    return Changed(
        job_id=job_id,
        resources=spec.resources,
        limit_s=spec.time_limit_s,
        priority=spec.priority,
        begin_at=spec.begin_at,
    )


def _kind(spec: JobSpec) -> str:
    """Return a short name for what runs: jobs of one image and command take alike long."""
    what = json.dumps([spec.image, spec.command, spec.script])
    return hashlib.blake2s(what.encode(), digest_size=8).hexdigest()


def restored(
    row: StoredJob, config: LocalConfig, parents: Parents, progress: Progress, clock: Clock
) -> Restored:
    """Return a row as the scheduler loads it; the image of what waits is looked at again."""
    now = clock.now()
    job = row.job
    holding = job.state.holds_allocation and job.spec.array is None
    return Restored(
        job=submission(row, config, parents, image_ready=holding),
        state=job.state,
        allocation=job.allocation if holding else None,
        starting_at=now if job.state is State.STARTING else job.started_at,
        started_at=job.started_at,
        # Not known any more; None says that an exit found now came after the stop.
        stopping_at=None,
        stop_reason=job.reason if job.state is State.STOPPING else None,
        failures=row.restart.failures,
        retry_at=row.restart.retry_at,
        paused_s=_paused_s(row, clock),
        resumed=job.state is State.RUNNING and job.paused_s > 0,
        progress=progress,
    )


def _paused_s(row: StoredJob, clock: Clock) -> float:
    """Return how much of the time since its start does not count: nobody told while it slept.

    Negative where the wall clock was set back since.
    """
    job, kept = row.job, row.restart
    started_at = job.started_at
    if job.state not in {State.RUNNING, State.SUSPENDED}:
        return job.paused_s
    if started_at is None or kept.ran_s is None or kept.monotonic_s is None:
        return 0.0
    if job.state is State.SUSPENDED:
        return clock.now() - started_at - kept.ran_s
    awake_s = clock.monotonic_s() - kept.monotonic_s
    # Below 0 it began in an earlier boot: nothing of it can be left.
    return clock.now() - started_at - kept.ran_s - awake_s if awake_s >= 0 else 0.0


def past(job: Job, config: LocalConfig) -> Restored:
    """Return a job that is DONE as the scheduler learns from it."""
    spec = job.spec
    return Restored(
        job=Submission(
            job_id=job.id,
            resources=spec.resources,
            limit_s=spec.time_limit_s,
            priority=spec.priority,
            submitted_at=job.submitted_at,
            grace_s=config.grace_s,
            start_timeout_s=config.start_timeout_s,
            image_ready=True,
            held=spec.hold,
            attempt=job.attempt,
            user=job.user,
            kind=_kind(spec),
            begin_at=spec.begin_at,
            project=spec.project,
            dependencies=edges(spec, {}),
            array=job.task.array if job.task else None,
        ),
        state=job.state,
        started_at=job.started_at,
        ended_at=job.ended_at,
        paused_s=job.paused_s,
    )


@dataclass(frozen=True, slots=True)
class Found:
    """What became of the attempts while no engine looked.

    ``alive`` go on under their supervisors; ``ended`` left an exit file; ``unspawned`` were
    recorded but never begun, so beginning them now is still the first time; ``unstarted`` too,
    but were told to stop meanwhile; ``abandoned`` lost their supervisor.
    """

    alive: tuple[tuple[int, Attempt], ...]
    ended: tuple[tuple[int, Attempt], ...]
    unspawned: tuple[Start, ...]
    unstarted: tuple[int, ...]
    abandoned: tuple[tuple[int, Attempt], ...]


def look(rows: Iterable[StoredJob], folders: Folders) -> Found:
    """Sort the attempts of jobs that hold an allocation by the one rule of adoption."""
    by: dict[Standing, list[tuple[StoredJob, Attempt]]] = {standing: [] for standing in Standing}
    for row in rows:
        if row.job.state.holds_allocation and row.job.spec.array is None:
            attempt = folders.attempt(row.job)
            by[attempt.standing()].append((row, attempt))
    never = [row.job for row, _ in by[Standing.NEVER_SPAWNED]]
    return Found(
        alive=_numbered(by[Standing.ALIVE]),
        ended=_numbered(by[Standing.ENDED]),
        unspawned=tuple(
            Start(job.id, job.allocation, job.attempt)
            for job in never
            if job.state is State.STARTING and job.allocation is not None
        ),
        unstarted=tuple(job.id for job in never if job.state is not State.STARTING),
        abandoned=_numbered(by[Standing.ABANDONED]),
    )


def _numbered(found: list[tuple[StoredJob, Attempt]]) -> tuple[tuple[int, Attempt], ...]:
    return tuple((row.job.id, attempt) for row, attempt in found)


def never_started() -> HpccError:
    """Return why an attempt that was stopped before it began did not begin."""
    return StateConflict("it was stopped before it began", cure="submit it again")
