"""The rows of an array: one for the whole, one for each task from its beginning on."""

from __future__ import annotations

from dataclasses import replace

from ..model.arrays import Task
from ..model.errors import UnknownJob
from ..model.job import Job
from ..model.states import State
from .records import Restart, StoredJob


def task_of(whole: StoredJob, job_id: int) -> StoredJob:
    """Return the row with which a task of an array begins; raises UnknownJob for another's."""
    job, array = whole.job, whole.job.spec.array
    position = job_id - job.id - 1
    if array is None or not 0 <= position < array.count:
        raise UnknownJob(f"job {job_id} is no task of job {job.id}", cure="list the jobs there are")
    item = array.items[position] if array.items else None
    spec = replace(job.spec, array=None, dependencies=(), begin_at=None, hold=False)
    return StoredJob(
        job=Job(
            id=job_id,
            engine=job.engine,
            spec=spec,
            state=State.PENDING,
            submitted_at=job.submitted_at,
            user=job.user,
            runtime=job.runtime,
            image_digest=job.image_digest,
            enforcement=job.enforcement,
            notes=job.notes,
            task=Task(job.id, array.index_at(position), item),
        ),
        owner=whole.owner,
        restart=Restart(
            workdir=whole.restart.workdir,
            image_reference=whole.restart.image_reference,
            image_path=whole.restart.image_path,
        ),
    )
