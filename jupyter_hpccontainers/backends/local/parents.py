"""The jobs a submission depends on: known at the door, or it is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...model.dependencies import Dependency, Parent
from ...model.errors import InvalidSpec
from ...model.job import Job, JobSpec
from ...model.states import Result
from ...scheduler.events import Edge
from ...store.parents import KnownParent, known_parents
from ...store.records import StoredJob
from .ledger import Ledger

#: How parents stand.
Parents = Mapping[Parent, KnownParent]


async def parents_at_door(spec: JobSpec, ledger: Ledger) -> Parents:
    """Return how the parents stand; raises InvalidSpec for one that is unknown."""
    asked = {edge.parent for edge in spec.dependencies}
    if not asked:
        return {}
    found = await ledger.ask(known_parents, asked)
    for parent in sorted(asked - found.keys(), key=str):
        raise InvalidSpec(
            f"it depends on job {parent}, which is not known here",
            cure="list the jobs to see their numbers; submit parents first",
            field="dependencies",
        )
    return found


async def parents_of_rows(rows: Iterable[StoredJob], ledger: Ledger) -> Parents:
    """Return the same for jobs an engine finds; of a forgotten parent nobody knows how it ended."""
    edges = {edge.parent for row in rows for edge in row.job.spec.dependencies}
    asked = {one for one in edges if one.index is not None or one.job not in ledger.active}
    if not asked:
        return {}
    found = await ledger.ask(known_parents, asked)
    return {one: found.get(one) or KnownParent(one.job, Result.LOST) for one in asked}


def parents_within(job: Job, accepted: Iterable[Job]) -> Parents:
    """Return those parents of a job that were accepted together with it."""
    jobs = {one.id: one for one in accepted}
    inner = {edge.parent for edge in job.spec.dependencies if edge.job in jobs}
    return {one: KnownParent(_number(jobs[one.job], one.index)) for one in inner}


def _number(parent: Job, index: int | None) -> int:
    number = parent.id if index is None else parent.task_number(index)
    if number is None:
        raise AssertionError(f"job {parent.id} has no task {index}")
    return number


def edges(spec: JobSpec, parents: Parents) -> tuple[Edge, ...]:
    """Return the dependencies as the scheduler is told them."""
    return tuple(_edge(on, parents.get(on.parent)) for on in spec.dependencies)


def _edge(on: Dependency, known: KnownParent | None) -> Edge:
    if known is None:
        return Edge(on)
    return Edge(on, known.result, None if on.index is None else known.number)
