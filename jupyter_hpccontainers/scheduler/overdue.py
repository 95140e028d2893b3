"""Stops a job whose time is over, and warns one whose time is nearly over."""

from __future__ import annotations

from ..model.states import Reason, ReasonCode, State
from .entry import Entry
from .jobs import Jobs
from .transitions import LimitPassed, StartTimedOut


def end_overdue(jobs: Jobs, now: float) -> None:
    """Tell every job to stop whose time is over, and give a signal to whose nearly is."""
    for job_id in jobs.deadlines.due(now):
        _time_out(jobs, jobs[job_id], now)
    for job_id in jobs.signals.due(now):
        jobs.signal(jobs[job_id])


def next_due(jobs: Jobs) -> float:
    """Return when ``end_overdue`` has something to do; infinite: never as things are."""
    return min(jobs.deadlines.next, jobs.signals.next)


def _time_out(jobs: Jobs, entry: Entry, now: float) -> None:
    """Tell a job to stop that was not running in time, or has reached its time limit."""
    if entry.state is State.STARTING:
        details = {"start_timeout_s": entry.job.start_timeout_s}
        reason = Reason(ReasonCode.START_TIMEOUT, details)
        jobs.stop(entry, StartTimedOut, reason, now, kill=True)
    else:
        reason = Reason(ReasonCode.TIME_LIMIT, {"limit_s": entry.limit_s})
        jobs.stop(entry, LimitPassed, reason, now)
