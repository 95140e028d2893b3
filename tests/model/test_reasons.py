"""Every reason has words for a person, with its figures where it has them."""

from __future__ import annotations

import pytest

from jupyter_hpccontainers.model.reasons import amount, exceeds, sentence
from jupyter_hpccontainers.model.states import Reason, ReasonCode

CORES = {"resource": "cores", "requested": 3, "free": 1, "capacity": 4}
MEMORY = {"resource": "memory", "requested": 2**33, "free": 2**30, "capacity": 2**34}
GPU = {"resource": "gpus", "requested": 1, "free": 0, "capacity": 2}


@pytest.mark.parametrize("code", list(ReasonCode))
def test_each_has_words_without_any_details(code):
    words = sentence(Reason(code))
    assert " " in words
    assert words != code.value
    assert "None" not in words
    assert not words.endswith(".")


@pytest.mark.parametrize(
    ("code", "details", "words"),
    [
        (
            ReasonCode.RESOURCES,
            {"lacking": [CORES, MEMORY]},
            "waits for 3 cores (1 of 4 free) and 8 GiB of memory (1 GiB of 16 GiB free)",
        ),
        (
            ReasonCode.OTHERS,
            {"lacking": [GPU], "busy_gpus": [0, 1], "memory_bytes": 0},
            "waits for 1 GPU (0 of 2 free): GPU 0 and GPU 1 used outside this queue",
        ),
        (
            ReasonCode.DEPENDENCY,
            {"unmet": [{"kind": "afterok", "job": 12}, {"kind": "afterany", "job": 14}]},
            "waits for job 12 to complete, job 14 to end",
        ),
        (
            ReasonCode.DEPENDENCY_NEVER_SATISFIED,
            {"kind": "afterok", "job": 12, "result": "FAILED"},
            "job 12 ended FAILED, so afterok:12 can never be met",
        ),
        (
            ReasonCode.PRIORITY,
            {"jobs_ahead": 1, "head": 4, "head_starts_at": 9.0},
            "waits for 1 job that goes first; what is free is kept for job 4",
        ),
        (ReasonCode.PRIORITY, {"jobs_ahead": 3}, "waits for 3 jobs that go first"),
        (
            ReasonCode.BEGIN_TIME,
            {"begin_at": 1_700_000_000.0},
            "begins at 2023-11-14 22:13:20 UTC or later",
        ),
        (ReasonCode.NON_ZERO_EXIT, {"exit_code": 3}, "ended with exit code 3"),
        (
            ReasonCode.NON_ZERO_EXIT,
            {"exit_code": 139},
            "ended with exit code 139, as after SIGSEGV",
        ),
        (ReasonCode.SIGNALLED, {"signal": 15}, "ended by SIGTERM"),
        (ReasonCode.SIGNALLED, {"signal": 255}, "ended by signal 255"),
        (ReasonCode.TIME_LIMIT, {"limit_s": 5400}, "reached its time limit of 1 h 30 min"),
        (ReasonCode.START_TIMEOUT, {"start_timeout_s": 120}, "did not start within 2 min"),
        (
            ReasonCode.IMAGE_NOT_FOUND,
            {"message": "no python:9 here"},
            "image not found: no python:9 here",
        ),
        (
            ReasonCode.MACHINE_CHANGED,
            {"lacking": [CORES]},
            "can never start since the machine changed: asks 3 cores, the machine has 4",
        ),
    ],
)
def test_tells_its_figures(code, details, words):
    assert sentence(Reason(code, details)) == words


def test_amounts_are_said_as_people_say_them():
    said = [amount("cores", 1), amount("cores", 2), amount("gpus", 1), amount("memory", 2**32)]
    assert said == ["1 core", "2 cores", "1 GPU", "4 GiB of memory"]
    assert exceeds(MEMORY) == "asks 8 GiB of memory, the machine has 16 GiB"
