"""When a job starts and what would start it now, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_hpccontainers.model.explanation import Change, Explanation
from jupyter_hpccontainers.model.job import Priority
from jupyter_hpccontainers.model.outlook import change_words, outlook
from jupyter_hpccontainers.model.resources import Allocation
from jupyter_hpccontainers.model.states import Reason, ReasonCode, State

NOW = 1000.0
WAITS = Explanation(
    job_id=7,
    state=State.PENDING,
    reason=Reason(ReasonCode.RESOURCES),
    predicted_start=NOW + 719,
    after=(41,),
)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (WAITS, "in about 12 min, after job 41"),
        (replace(WAITS, after=(41, 42)), "in about 12 min, after jobs 41 and 42"),
        (replace(WAITS, after=(41, 42, 43)), "in about 12 min, after jobs 41, 42 and 1 more"),
        (replace(WAITS, predicted_start=NOW + 45.2, after=()), "in about 45 s"),
        (replace(WAITS, predicted_start=NOW + 0.2, after=()), "at any moment"),
        (
            replace(WAITS, predicted_start=NOW + 9000, exact=False),
            "in about 2 h 30 min by a rough estimate",
        ),
        (replace(WAITS, predicted_start=None), "when it starts is unknown"),
        (
            replace(WAITS, predicted_start=None, endless=(41, 42)),
            "when it starts is unknown, as is the end of jobs 41 and 42",
        ),
        (
            replace(WAITS, guessed=(40,)),
            "in about 12 min, after job 41, if job 40 without a time limit lasts as usual",
        ),
        (replace(WAITS, predicted_start=None, exact=False), "too many are ahead to say when"),
        (
            replace(WAITS, predicted_start=None, exact=False, reason=Reason(ReasonCode.DEPENDENCY)),
            "when it starts is unknown",
        ),
        (
            replace(WAITS, changes=(Change(cores=2), Change(time_limit_s=600), Change(gpus=1))),
            "in about 12 min, after job 41; "
            "with 2 cores or with a time limit of 10 min it would start now",
        ),
        (
            Explanation(
                job_id=None,
                state=State.DONE,
                reason=Reason(
                    ReasonCode.DEPENDENCY_NEVER_SATISFIED,
                    {"kind": "afterok", "job": 1, "result": "FAILED"},
                ),
            ),
            "never: job 1 ended FAILED, so afterok:1 can never be met",
        ),
        (
            Explanation(job_id=None, state=State.PENDING, never="asks 3 GPUs, the machine has 2"),
            "never: asks 3 GPUs, the machine has 2",
        ),
        (Explanation(job_id=3, state=State.DONE), ""),
    ],
)  # fmt: skip
def test_outlook(told: Explanation, words: str) -> None:
    assert outlook(told, NOW) == words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Allocation((3,), 0), "starts now on core 3"),
        (Allocation((0, 1, 2, 5), 0, (0, 1)), "starts now on cores 0-2,5 and GPUs 0-1"),
    ],
)
def test_what_starts_now_says_where(given: Allocation, words: str) -> None:
    told = Explanation(job_id=None, state=State.PENDING, predicted_start=NOW, allocation=given)
    assert outlook(told, NOW) == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change(cores=1), "with 1 core"),
        (Change(cores=2, memory_bytes=2**30, gpus=1), "with 2 cores and 1 GPU and 1 GiB of memory"),
        (Change(priority=Priority.URGENT), "as urgent"),
        (Change(gpus=1, priority=Priority.NORMAL), "with 1 GPU and as normal"),
    ],
)
def test_changes_in_words(change: Change, words: str) -> None:
    assert change_words(change) == words
