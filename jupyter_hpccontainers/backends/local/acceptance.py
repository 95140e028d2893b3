"""Accepts jobs: vetted, fitting, on disk, then handed to the scheduler; several all or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from ...model.errors import HpccError, StateConflict, TooMany
from ...model.job import Job
from ...model.workflow import NamedSpec, check_indexes, told_of
from ...scheduler.events import Submitted
from ...store.records import Accepted, Submission
from . import admission
from .adoption import submission, wants
from .parents import Parents, parents_at_door, parents_within
from .rooms import Rooms


class _Vetted(NamedTuple):
    """A job that nothing speaks against but the room there is, and how its parents stand."""

    job: NamedSpec
    asked: Submission
    parents: Parents


async def accept(rooms: Rooms, jobs: Sequence[NamedSpec], key: str | None) -> Accepted:
    """Accept the jobs of a workflow, or a single one, which has no name; raises HpccError.

    Where they were accepted before under this key those of then are answered.
    """
    try:
        accepted = await _accept(rooms, jobs, key)
    except HpccError:
        # What was accepted stays so, whatever a rule or a limit says by now.
        known = await admission.accepted_before(rooms, jobs[0].spec, key)
        if not known:
            raise
        accepted = Accepted(known, created=False)
    if [_name(job) for job in accepted.jobs] != [job.name for job in jobs]:
        raise StateConflict(
            f"this idempotency key was used for something else: job {accepted.jobs[0].id}",
            cure="use a key of its own for each submission",
        )
    return accepted


async def _accept(rooms: Rooms, jobs: Sequence[NamedSpec], key: str | None) -> Accepted:
    _check_room(rooms, len(jobs))
    vetted = [await _vetted(rooms, job, key if job is jobs[0] else None) for job in jobs]
    check_indexes([replace(one.job, spec=one.asked.spec) for one in vetted])
    asked = [one.asked for one in vetted]
    with rooms.pending.arriving(asked):
        accepted = await rooms.ledger.accept(asked, rooms.clock.wall())
    if accepted.created:
        # Nothing is awaited from here on: a cancel must find them with the scheduler.
        _hand_over(rooms, accepted.jobs, [one.parents for one in vetted])
    return accepted


def _check_room(rooms: Rooms, count: int) -> None:
    waiting, most = rooms.ledger.counts()[1], rooms.config.max_pending
    if waiting + count > most:
        more = f", these {count} would be too many" if count > 1 else ""
        raise TooMany(
            f"{waiting} jobs are waiting, this engine queues at most {most}{more}",
            cure="wait for some to start, or cancel some",
        )


async def _vetted(rooms: Rooms, job: NamedSpec, key: str | None) -> _Vetted:
    with told_of(job.name):
        asked = await admission.vetted(rooms, job.spec, key)
        rooms.scheduler.refuse(asked.spec.resources, wants(asked.spec, asked.owner.user))
        parents = await parents_at_door(asked.spec, rooms.ledger)
    return _Vetted(job, replace(asked, part=job.name, after=job.after), parents)


def _hand_over(rooms: Rooms, jobs: Sequence[Job], parents: Sequence[Parents]) -> None:
    for job, known in zip(jobs, parents, strict=True):
        row = rooms.ledger.active[job.id]
        standing = {**known, **parents_within(job, jobs)}
        ready = bool(row.restart.image_reference)
        event = Submitted(submission(row, rooms.config, standing, image_ready=ready))
        rooms.inbox.put(event, told=job)


def _name(job: Job) -> str:
    return job.part.name if job.part else ""
