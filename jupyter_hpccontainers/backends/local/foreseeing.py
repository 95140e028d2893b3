"""Answers what will become of a job, submitted or not, with the words that go with it."""

from __future__ import annotations

from dataclasses import replace

from ...model.errors import StateConflict, UnknownJob
from ...model.explanation import Explanation
from ...model.job import Job, JobSpec
from ...model.outlook import outlook
from ...model.reasons import sentence
from ...model.states import State
from ...scheduler.core import Scheduler
from ...scheduler.foresight import Foresight
from ...store.records import StoredJob, Submission
from . import admission
from .adoption import submission
from .door import default_memory_per_core_bytes
from .parents import parents_at_door
from .rooms import Rooms


async def explain(rooms: Rooms, job: Job) -> Explanation | None:
    """Return why a job waits and when it starts; None when it does not wait any more, or yet."""
    per_core = _per_core_bytes(rooms, job.spec)
    try:
        return await rooms.beside.ask(
            lambda copy, now: _in_words(Foresight(copy).explain(job.id, now, per_core), now)
        )
    except (StateConflict, UnknownJob):
        return None


async def dry_run(rooms: Rooms, spec: JobSpec) -> Explanation:
    """Return the same for a job nobody submitted; raises what a submission would, but for size."""
    vetted = await admission.vetted(rooms, spec)
    rooms.pending.check(vetted)
    parents = await parents_at_door(vetted.spec, rooms.ledger)
    ready = bool(vetted.restart.image_reference)
    row = StoredJob(job=_unborn(vetted, rooms.clock.wall()), owner=vetted.owner)
    asked = submission(row, rooms.config, parents, image_ready=ready)
    per_core = _per_core_bytes(rooms, vetted.spec)

    def told(copy: Scheduler, now: float) -> Explanation:
        found = Foresight(copy).dry_run(asked, now, per_core)
        return _in_words(replace(found, image_ready=ready, notes=vetted.notes), now)

    return await rooms.beside.ask(told)


def ended(job: Job) -> Explanation:
    """Return what there is to tell of a job that does not wait."""
    words = sentence(job.reason) if job.reason else f"the job is {job.state}"
    return Explanation(job_id=job.id, state=job.state, reason=job.reason, sentence=words)


def _per_core_bytes(rooms: Rooms, spec: JobSpec) -> int:
    """Return what memory follows each core; 0 where a person asked for another amount."""
    per_core = default_memory_per_core_bytes(rooms.machine)
    asked = spec.resources
    return per_core if asked.memory_bytes == per_core * asked.cores else 0


def _unborn(vetted: Submission, at: float) -> Job:
    return Job(
        id=0,
        engine="",
        spec=vetted.spec,
        state=State.PENDING,
        submitted_at=at,
        user=vetted.owner.user,
        runtime=vetted.runtime,
    )


def _in_words(told: Explanation, now: float) -> Explanation:
    why = sentence(told.reason) if told.reason else ""
    return replace(told, sentence=why, outlook=outlook(told, now))
