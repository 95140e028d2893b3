"""What a person wants otherwise in a job's spec."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_hpccontainers.model.changes import change_from_request
from jupyter_hpccontainers.model.errors import InvalidSpec
from jupyter_hpccontainers.model.job import JobSpec, Priority
from jupyter_hpccontainers.model.resources import Resources

SPEC = JobSpec(image="img", resources=Resources(2, 2**30, 1), time_limit_s=60, name="kept")


def test_what_is_named_changes_and_all_else_stays() -> None:
    change = change_from_request({"cores": 3, "memory": "2g", "priority": "urgent"}, 0.0)
    after = change.applied_to(SPEC)
    assert after.resources == Resources(3, 2 * 2**30, 1)
    assert (after.priority, after.time_limit_s, after.name) == (Priority.URGENT, 60, "kept")
    assert not change.only_time_limit


def test_time_and_begin_are_read_as_in_a_submission() -> None:
    after = change_from_request({"time_limit": "1h", "begin": "+30m"}, 100.0).applied_to(SPEC)
    assert (after.time_limit_s, after.begin_at) == (3600, 1900.0)
    assert after.resources == SPEC.resources


def test_the_time_limit_alone_is_told_from_all_else() -> None:
    assert change_from_request({"time_limit": "1h", "cores": None}, 0.0).only_time_limit
    assert not change_from_request({"time_limit": "1h", "gpus": 0}, 0.0).only_time_limit


@pytest.mark.parametrize(
    ("field", "body"),
    [
        (None, {}),
        (None, {"cores": None}),
        ("image", {"image": "other"}),
        ("cores", {"cores": 0}),
        ("cores", {"cores": "many"}),
        ("memory", {"memory": "500"}),
        ("time_limit", {"time_limit": "soon"}),
        ("priority", {"priority": "first"}),
        ("begin", {"begin": "later"}),
    ],
)
def test_what_is_no_change_is_refused_by_field(field: str | None, body: dict[str, Any]) -> None:
    with pytest.raises(InvalidSpec) as refused:
        change_from_request(body, 0.0)
    assert refused.value.field == field
