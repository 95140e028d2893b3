"""Stops a job whose time is over."""

from __future__ import annotations

from ..model.states import Reason, ReasonCode, State
from .entry import Entry
from .jobs import Jobs
from .transitions import LimitPassed, StartTimedOut


def time_out(jobs: Jobs, entry: Entry, now: float) -> None:
    """Tell a job to stop that was not running in time, or has reached its time limit."""
    if entry.state is State.STARTING:
        details = {"start_timeout_s": entry.job.start_timeout_s}
        reason = Reason(ReasonCode.START_TIMEOUT, details)
        jobs.stop(entry, StartTimedOut, reason, now, kill=True)
    else:
        reason = Reason(ReasonCode.TIME_LIMIT, {"limit_s": entry.limit_s})
        jobs.stop(entry, LimitPassed, reason, now)
