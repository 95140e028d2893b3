"""Judges how an attempt ended: the only place that turns an exit into a result."""

from __future__ import annotations

from typing import NamedTuple

from ..model.states import Reason, ReasonCode, Result
from .events import Exited

_KILLED = 9
_KILLED_EXIT = 128 + _KILLED

_RESULT_OF_STOP = {
    ReasonCode.USER_CANCEL: Result.CANCELLED,
    ReasonCode.TIME_LIMIT: Result.TIMEOUT,
    ReasonCode.PREEMPTED: Result.PREEMPTED,
}
_UNVOUCHED = {ReasonCode.SUPERVISOR_LOST, ReasonCode.RUNTIME_RESTARTED}


class Verdict(NamedTuple):
    """How an attempt ended, why, and the exit code or signal as they were seen."""

    result: Result
    reason: Reason | None = None
    exit_code: int | None = None
    signal: int | None = None


USER_CANCEL = Reason(ReasonCode.USER_CANCEL)
CANCELLED = Verdict(Result.CANCELLED, USER_CANCEL)


def judge_exit(exited: Exited, stop_reason: Reason | None, told_at: float | None) -> Verdict:
    """Return how it ended; what it was told to stop for wins, unless it had ended before that."""
    if stop_reason is not None and not _ended_before(exited, told_at):
        return Verdict(_result_of_stop(stop_reason), stop_reason, exited.exit_code, exited.signal)
    return Verdict(*_own_end(exited), exited.exit_code, exited.signal)


def judge_failure(reason: Reason, stop_reason: Reason | None) -> Verdict:
    """Return how a job ended whose program never ran."""
    if stop_reason is not None:
        return Verdict(_result_of_stop(stop_reason), stop_reason)
    return Verdict(Result.FAILED, reason)


def _result_of_stop(stop_reason: Reason) -> Result:
    return _RESULT_OF_STOP.get(stop_reason.code, Result.FAILED)


def _ended_before(exited: Exited, told_at: float | None) -> bool:
    ended_at = exited.ended_at
    return ended_at is not None and told_at is not None and ended_at <= told_at


def _own_end(exited: Exited) -> tuple[Result, Reason | None]:
    if exited.reason is not None:
        lost = exited.reason.code in _UNVOUCHED
        return (Result.LOST if lost else Result.FAILED), exited.reason
    if exited.oom_killed and (exited.exit_code == _KILLED_EXIT or exited.signal == _KILLED):
        return Result.OUT_OF_MEMORY, Reason(ReasonCode.OUT_OF_MEMORY)
    if exited.signal is not None:
        return Result.FAILED, Reason(ReasonCode.SIGNALLED, {"signal": exited.signal})
    if exited.exit_code is None:
        return Result.LOST, Reason(ReasonCode.SUPERVISOR_LOST)
    if exited.exit_code == 0:
        return Result.COMPLETED, None
    return Result.FAILED, Reason(ReasonCode.NON_ZERO_EXIT, {"exit_code": exited.exit_code})
