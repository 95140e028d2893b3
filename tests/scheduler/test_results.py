"""How an exit is judged."""

from __future__ import annotations

import pytest

from jupyter_hpccontainers.model.states import Reason, ReasonCode, Result
from jupyter_hpccontainers.scheduler.events import Exited
from jupyter_hpccontainers.scheduler.result import judge_exit, judge_failure

CANCEL = Reason(ReasonCode.USER_CANCEL)
LIMIT = Reason(ReasonCode.TIME_LIMIT, {"limit_s": 60})


@pytest.mark.parametrize(
    ("exited", "result", "reason"),
    [
        (Exited(job_id=1, exit_code=0), Result.COMPLETED, None),
        (
            Exited(job_id=1, exit_code=3),
            Result.FAILED,
            Reason(ReasonCode.NON_ZERO_EXIT, {"exit_code": 3}),
        ),
        (Exited(job_id=1, signal=11), Result.FAILED, Reason(ReasonCode.SIGNALLED, {"signal": 11})),
        (
            Exited(job_id=1, exit_code=137, oom_killed=True),
            Result.OUT_OF_MEMORY,
            Reason(ReasonCode.OUT_OF_MEMORY),
        ),
        (
            Exited(job_id=1, signal=9, oom_killed=True),
            Result.OUT_OF_MEMORY,
            Reason(ReasonCode.OUT_OF_MEMORY),
        ),
        (
            Exited(job_id=1, exit_code=3, oom_killed=True),
            Result.FAILED,
            Reason(ReasonCode.NON_ZERO_EXIT, {"exit_code": 3}),
        ),
        (Exited(job_id=1, exit_code=0, oom_killed=True), Result.COMPLETED, None),
        (
            Exited(job_id=1, exit_code=137),
            Result.FAILED,
            Reason(ReasonCode.NON_ZERO_EXIT, {"exit_code": 137}),
        ),
        (Exited(job_id=1), Result.LOST, Reason(ReasonCode.SUPERVISOR_LOST)),
        (
            Exited(job_id=1, exit_code=0, reason=Reason(ReasonCode.RUNTIME_RESTARTED)),
            Result.LOST,
            Reason(ReasonCode.RUNTIME_RESTARTED),
        ),
        (
            Exited(job_id=1, reason=Reason(ReasonCode.SUPERVISOR_LOST)),
            Result.LOST,
            Reason(ReasonCode.SUPERVISOR_LOST),
        ),
        (
            Exited(job_id=1, exit_code=1, reason=Reason(ReasonCode.GPU_UNAVAILABLE)),
            Result.FAILED,
            Reason(ReasonCode.GPU_UNAVAILABLE),
        ),
    ],
)
def test_an_end_of_its_own(exited, result, reason):
    verdict = judge_exit(exited, None, None)
    assert (verdict.result, verdict.reason) == (result, reason)
    assert (verdict.exit_code, verdict.signal) == (exited.exit_code, exited.signal)


@pytest.mark.parametrize(
    ("stop", "result"),
    [
        (CANCEL, Result.CANCELLED),
        (LIMIT, Result.TIMEOUT),
        (Reason(ReasonCode.START_TIMEOUT), Result.FAILED),
        (Reason(ReasonCode.PREEMPTED), Result.PREEMPTED),
    ],
)
@pytest.mark.parametrize("exited", [Exited(job_id=1, exit_code=0), Exited(job_id=1, signal=9)])
def test_what_it_was_told_to_stop_for_wins(stop, result, exited):
    verdict = judge_exit(exited, stop, 100.0)
    assert (verdict.result, verdict.reason, verdict.exit_code) == (result, stop, exited.exit_code)


@pytest.mark.parametrize("stop", [CANCEL, LIMIT])
def test_a_job_that_had_ended_before_it_was_told_keeps_its_own_result(stop):
    ended = Exited(job_id=1, exit_code=0, ended_at=99.9)
    assert judge_exit(ended, stop, 100.0).result is Result.COMPLETED
    too_late = Exited(job_id=1, exit_code=0, ended_at=100.1)
    assert judge_exit(too_late, stop, 100.0).result is not Result.COMPLETED


def test_a_start_that_failed_is_failed_unless_it_was_told_to_stop():
    why = Reason(ReasonCode.START_FAILED)
    assert judge_failure(why, None)[:2] == (Result.FAILED, why)
    assert judge_failure(why, CANCEL)[:2] == (Result.CANCELLED, CANCEL)
