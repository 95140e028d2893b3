"""Takes in what an earlier engine left: jobs as they stood, arrays before their tasks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ..model.machine import Machine
from ..model.states import Reason, ReasonCode, Result, State
from .actions import Resume, Stop, Suspend
from .array_jobs import ArrayJobs
from .entry import Entry, restored_entry
from .events import Restored
from .refusal import lacking_ever, wants_of
from .result import Verdict
from .transitions import MachineChanged


def load_rows(
    jobs: ArrayJobs,
    rows: Sequence[Restored],
    past: Iterable[Restored],
    machine: Machine,
    now: float,
) -> None:
    """Load every row; what waits and can start no more on this machine ends FAILED."""
    # An array holds nothing itself; its tasks have rows of their own.
    holding = [row for row in rows if row.state.holds_allocation and row.job.tasks is None]
    jobs.recall(row for row in (*past, *holding) if row.started_at is not None)
    for row in sorted(rows, key=_since):
        _load(jobs, row, machine, now)
    jobs.reopen_arrays(now)


def _load(jobs: ArrayJobs, row: Restored, machine: Machine, now: float) -> None:
    entry = restored_entry(row, now)
    if row.job.tasks is not None and row.state is not State.DONE:
        jobs.load_array(entry, row, now)
    else:
        jobs.load(entry, now)
    lacks = lacking_ever(row.job.resources, wants_of(row.job), machine)
    if entry.state.waits and lacks and jobs.is_queued(row.job.job_id):
        reason = Reason(ReasonCode.MACHINE_CHANGED, {"lacking": lacks})
        jobs.finish(entry, MachineChanged, Verdict(Result.FAILED, reason), now)
    elif entry.job.tasks is None:
        _ask_again(jobs, entry, row)


def _ask_again(jobs: ArrayJobs, entry: Entry, row: Restored) -> None:
    """Repeat what the engine may have died before it asked."""
    job = entry.job
    if entry.state is State.STOPPING:
        jobs.act(Stop(job.job_id, job.grace_s))
    elif entry.state is State.SUSPENDED:
        jobs.act(Suspend(job.job_id))
    elif row.resumed:
        jobs.act(Resume(job.job_id))


def _since(row: Restored) -> tuple[float, int]:
    """Return since when it holds something; what was given first is expected back first.

    Arrays come before all, since their tasks join them.
    """
    if row.job.tasks is not None:
        return -math.inf, row.job.job_id
    since = row.started_at if row.starting_at is None else row.starting_at
    return since or 0.0, row.job.job_id
