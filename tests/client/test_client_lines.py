"""A job in words: how it stands, how it ended, what a shell gets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_hpccontainers.client.lines import exit_status, failure, headline
from jupyter_hpccontainers.client.tables import jobs_table, table
from jupyter_hpccontainers.model.job import Job, JobSpec
from jupyter_hpccontainers.model.resources import Allocation, Resources
from jupyter_hpccontainers.model.states import Reason, ReasonCode, Result, State

LACK = {"resource": "cores", "requested": 2, "free": 1, "capacity": 2}
WAITING = Job(
    id=7,
    engine="e",
    spec=JobSpec(image="python:3.12", name="fit", resources=Resources(2, 2**30, 1)),
    state=State.PENDING,
    submitted_at=0.0,
    user="me",
    reason=Reason(ReasonCode.RESOURCES, {"lacking": [LACK]}),
    position=3,
)
ENDED = replace(
    WAITING, state=State.DONE, result=Result.COMPLETED, reason=None, position=None,
    started_at=10.0, ended_at=13.0, exit_code=0, allocation=Allocation((0, 1), 2**30, (0,)),
)  # fmt: skip
FAILED = replace(
    ENDED, result=Result.FAILED, exit_code=3,
    reason=Reason(ReasonCode.NON_ZERO_EXIT, {"exit_code": 3}),
)  # fmt: skip


def test_a_waiting_job_says_why_and_where_it_stands() -> None:
    said = "job 7 (fit) · python:3.12 · PENDING: waits for 2 cores (1 of 2 free)"
    assert headline(WAITING) == f"{said} (number 3 in the queue)"


def test_a_job_that_waits_for_its_image_shows_how_far_it_is() -> None:
    reason = Reason(ReasonCode.IMAGE)
    progress = {"phase": "pull", "done_bytes": 2**20, "total_bytes": 2**22, "percent": 25}
    fetching = replace(WAITING, reason=reason, position=None, progress=progress)
    assert headline(fetching).endswith("waits for its image · pull 1 MiB of 4 MiB")


def test_an_ended_job_says_how_and_after_how_long() -> None:
    assert headline(ENDED).endswith("· COMPLETED in 3 s")
    assert headline(FAILED).endswith("· FAILED after 3 s · ended with exit code 3")


@pytest.mark.parametrize(
    ("job", "status"),
    [
        (ENDED, 0),
        (FAILED, 3),
        (replace(FAILED, exit_code=None, signal=9), 137),
        (replace(FAILED, result=Result.CANCELLED, exit_code=None), 1),
        (replace(FAILED, result=Result.CANCELLED, exit_code=0), 1),
        (replace(FAILED, result=Result.OUT_OF_MEMORY, exit_code=137), 137),
    ],
)
def test_the_exit_status_is_what_a_shell_would_give(job: Job, status: int) -> None:
    assert exit_status(job) == status


def test_a_failure_names_the_reason_and_the_last_line() -> None:
    error = failure(FAILED, "Traceback\nValueError: no\n")
    assert error.message == "job 7 FAILED: ended with exit code 3 · ValueError: no"
    assert (error.details["job"], error.details["exit_code"]) == (7, 3)


def test_a_name_can_neither_break_a_table_nor_command_the_terminal() -> None:
    shown = table(("A",), [("one\ntwo",), ("\x1b[2Jx",)])
    assert shown.splitlines() == ["A", "one?two", "?[2Jx"]


def test_jobs_are_columns_under_a_head() -> None:
    head, row = jobs_table([ENDED]).splitlines()
    assert row.index("2 cores, 1 GiB, 1 GPU") == head.index("RESOURCES")
    assert row.split()[:4] == ["7", "COMPLETED", "fit", "python:3.12"]
