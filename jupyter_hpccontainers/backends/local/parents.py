"""The jobs a submission depends on: known at the door, or it is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...model.errors import InvalidSpec
from ...model.job import JobSpec
from ...model.states import Result
from ...scheduler.events import Edge
from ...store.database import Store
from ...store.records import StoredJob
from .ledger import Ledger

#: How parents ended; one that has not ended is missing.
Ended = Mapping[int, Result]


async def parents_at_door(spec: JobSpec, ledger: Ledger) -> Ended:
    """Return how the parents ended that are DONE; raises InvalidSpec for one that is unknown."""
    asked = {edge.job for edge in spec.dependencies}
    if not asked:
        return {}
    found = await ledger.ask(Store.results, asked)
    for job_id in sorted(asked - found.keys()):
        raise InvalidSpec(
            f"it depends on job {job_id}, which is not known here",
            cure="list the jobs to see their numbers; submit parents first",
            field="dependencies",
        )
    return {job_id: result for job_id, result in found.items() if result is not None}


async def parents_of_rows(rows: Iterable[StoredJob], ledger: Ledger) -> Ended:
    """Return the same for jobs an engine finds; of a forgotten parent nobody knows how it ended."""
    asked = {edge.job for row in rows for edge in row.job.spec.dependencies}
    asked -= ledger.active.keys()
    if not asked:
        return {}
    found = await ledger.ask(Store.results, asked)
    return {job_id: found.get(job_id) or Result.LOST for job_id in asked}


def edges(spec: JobSpec, ended: Ended) -> tuple[Edge, ...]:
    """Return the dependencies as the scheduler is told them."""
    return tuple(Edge(on, ended.get(on.job)) for on in spec.dependencies)
