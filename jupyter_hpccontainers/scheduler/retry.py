"""Whether another attempt follows the one that ended, and from when on."""

from __future__ import annotations

from typing import NamedTuple

from ..model.job import PastAttempt
from ..model.states import Reason, ReasonCode, Result
from .entry import Entry
from .events import Exited, JobEvent, Started, StartFailed
from .policy import Policy
from .result import Verdict

#: The program had no part in these: they count as failures whatever exit codes are listed.
_NOT_THE_PROGRAM = {
    ReasonCode.START_FAILED,
    ReasonCode.START_TIMEOUT,
    ReasonCode.NETWORK_UNAVAILABLE,
    ReasonCode.GPU_UNAVAILABLE,
    ReasonCode.SUPERVISOR_LOST,
    ReasonCode.RUNTIME_RESTARTED,
}
#: Another attempt would end the same way, unless a person lists the exit code.
_SURE_TO_RECUR = {ReasonCode.COMMAND_NOT_FOUND, ReasonCode.NO_INTERPRETER}
#: What tells of one attempt.
_REPORTS = (Started, StartFailed, Exited)
_FAILURES = {Result.FAILED, Result.OUT_OF_MEMORY, Result.LOST}


class Following(NamedTuple):
    """The next attempt: how many have failed by then, when it may start (None: at once)."""

    failures: int
    retry_at: float | None


def following(entry: Entry, verdict: Verdict, policy: Policy, ended_at: float) -> Following | None:
    """Return what follows an attempt that ended so; None when the job is DONE with it.

    What a person cancelled is never tried again, even if it had failed just before.
    """
    stop = entry.stop_reason
    if stop is not None and stop.code is ReasonCode.USER_CANCEL:
        return None
    if verdict.result is Result.PREEMPTED:
        return Following(entry.failures, None) if entry.job.requeue else None
    if entry.failures >= entry.job.retries or not _counts(entry.job.retry_on, verdict):
        return None
    failures = entry.failures + 1
    if entry.signalled and verdict.exit_code in entry.job.retry_on:
        # It was warned, and ended as agreed: nothing is broken that might mend meanwhile.
        return Following(failures, None)
    return Following(failures, ended_at + back_off_s(failures, policy))


def past_attempt(entry: Entry, verdict: Verdict, ended_at: float) -> PastAttempt:
    """Return what is kept of an attempt that another follows."""
    return PastAttempt(
        number=entry.job.attempt,
        result=verdict.result,
        reason=verdict.reason,
        exit_code=verdict.exit_code,
        signal=verdict.signal,
        started_at=entry.started_at,
        ended_at=ended_at,
    )


def is_stale(event: JobEvent, entry: Entry) -> bool:
    """Whether the event reports on an attempt that another followed."""
    if not isinstance(event, _REPORTS):
        return False
    return event.attempt is not None and event.attempt != entry.job.attempt


def would_follow(entry: Entry, stop_reason: Reason) -> bool:
    """Whether another attempt may follow one that is stopped for this reason."""
    if stop_reason.code is ReasonCode.PREEMPTED:
        return entry.job.requeue
    return stop_reason.code is ReasonCode.START_TIMEOUT and entry.failures < entry.job.retries


def back_off_s(failures: int, policy: Policy) -> float:
    """Return the pause before the next attempt: it doubles with each failure, up to the longest.

    min(back_off_most_s, back_off_s x 2**(failures - 1)): truncated binary exponential back-off.
    """
    doublings = min(failures - 1, 64)
    return min(policy.back_off_most_s, policy.back_off_s * 2.0**doublings)


def _counts(retry_on: tuple[int, ...], verdict: Verdict) -> bool:
    """Whether an end like this is one to try again after."""
    if verdict.result not in _FAILURES:
        return False
    code = verdict.reason.code if verdict.reason else None
    if code in _NOT_THE_PROGRAM:
        return True
    if not retry_on:
        return code not in _SURE_TO_RECUR
    # As shells and runtimes report an end by a signal.
    signalled = 128 + verdict.signal if verdict.signal is not None else None
    return verdict.exit_code in retry_on or signalled in retry_on
