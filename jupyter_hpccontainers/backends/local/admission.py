"""What a spec passes before it is accepted: the site's rules, its projects, then the door."""

from __future__ import annotations

from dataclasses import replace

from ...model.changes import SpecChange
from ...model.errors import HpccError, StateConflict
from ...model.job import Job, JobSpec
from ...model.rules import Submitter
from ...runtimes.order import Person
from ...store.database import Store
from ...store.records import StoredJob, Submission
from .people import groups_of, person_of_row
from .rooms import Rooms


async def vetted(rooms: Rooms, spec: JobSpec, key: str | None = None) -> Submission:
    """Return the submission of a spec as the rules made it; every refusal is an HpccError."""
    notes: tuple[str, ...] = ()
    if rooms.rules.names or rooms.projects.any:
        submitter = await rooms.in_thread(_submitter, rooms, spec)
        spec, notes = await rooms.rules.applied(spec, submitter)
        rooms.projects.check(spec, submitter.user, submitter.groups)
    submission = await rooms.in_thread(rooms.door.vet, spec, key)
    return replace(submission, notes=notes)


async def changed(
    rooms: Rooms, row: StoredJob, change: SpecChange
) -> tuple[JobSpec, tuple[str, ...]]:
    """Return the changed spec of a job as the rules made it, and all notes of the job.

    Of what a rule amends only that is taken which can be changed of an accepted job. Raises
    StateConflict where somebody else changed the job while the rules were asked.
    """
    spec = change.applied_to(row.job.spec)
    if not (rooms.rules.names or rooms.projects.any):
        return spec, row.job.notes
    submitter = await rooms.in_thread(_changer, row)
    made, notes = await rooms.rules.applied(spec, submitter)
    if (await rooms.ledger.row(row.job.id)).job.spec != row.job.spec:
        raise StateConflict(
            f"job {row.job.id} was changed at the same time", cure="look at it, and change it again"
        )
    spec = replace(
        spec,
        resources=made.resources,
        time_limit_s=made.time_limit_s,
        priority=made.priority,
        begin_at=made.begin_at,
    )
    if spec.priority is not row.job.spec.priority:
        rooms.projects.check(spec, submitter.user, submitter.groups)
    return spec, (*row.job.notes, *notes)


async def accepted_before(rooms: Rooms, spec: JobSpec, key: str | None) -> tuple[Job, ...]:
    """Return the jobs that this person's key was accepted for, if it was."""
    if key is None:
        return ()
    try:
        person = await rooms.in_thread(rooms.door.person, spec)
    except (HpccError, OSError):
        return ()
    return await rooms.ledger.ask(Store.jobs_of_key, person.uid, key)


def _submitter(rooms: Rooms, spec: JobSpec) -> Submitter:
    return _told_of(rooms.door.person(spec), changing=False)


def _changer(row: StoredJob) -> Submitter:
    return _told_of(person_of_row(row), changing=True)


def _told_of(person: Person, *, changing: bool) -> Submitter:
    """Return what rules are told of a person; blocks where groups are looked up elsewhere."""
    return Submitter(user=person.name, uid=person.uid, groups=groups_of(person), changing=changing)
