"""How far arrays had come when an engine finds them, from the rows of their tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from ...model.job import Job
from ...model.states import Result, State
from ...scheduler.events import Progress, TaskBlock
from ...store.database import Store
from ...store.records import StoredJob
from .ledger import Ledger


def task_block(job: Job) -> TaskBlock | None:
    """Return what the scheduler knows of an array's tasks; None for a job that is none."""
    array = job.spec.array
    return None if array is None else TaskBlock(job.id + 1, array.count, array.max_running)


async def found_progress(rows: Iterable[StoredJob], ledger: Ledger) -> Mapping[int, Progress]:
    """Return the progress of each array among the rows."""
    found = {}
    for row in rows:
        if row.job.spec.array is not None:
            tasks = await ledger.ask(Store.tasks, row.job.id, row.job.spec.array.count)
            found[row.job.id] = progress(row.job.id + 1, tasks)
    return found


def progress(first: int, tasks: Iterable[tuple[int, State, Result | None]]) -> Progress:
    """Return the progress of an array whose tasks are numbered from ``first`` on.

    Tasks begin in order, so a row beyond the first gap is that of one cancelled before it began.
    """
    rows = {number - first: result for number, _, result in tasks}
    following = next(n for n in range(len(rows) + 1) if n not in rows)
    ended = Counter(result for result in rows.values() if result is not None)
    return Progress(following, frozenset(n for n in rows if n > following), ended)
