"""What a person reads of what a site's rule changed."""

from __future__ import annotations

from dataclasses import replace

from jupyter_hpccontainers.model.job import JobSpec, Priority
from jupyter_hpccontainers.model.request import spec_from_request
from jupyter_hpccontainers.model.resources import Resources
from jupyter_hpccontainers.model.rules import amendment
from jupyter_hpccontainers.model.wire import encode

ASKED = JobSpec(image="python:3.12", resources=Resources(cores=4, gpus=1))


def test_what_was_changed_is_told_with_its_values_and_the_reason() -> None:
    made = replace(
        ASKED,
        resources=Resources(cores=2, memory_bytes=2**31, gpus=1),
        time_limit_s=7200,
        priority=Priority.BEST_EFFORT,
    )
    assert amendment(ASKED, made, "the lab is full", "site.evening") == (
        "cores 4 → 2, memory none → 2 GiB, time limit none → 2 h, priority normal → best-effort: "
        "the lab is full (site rule site.evening)"
    )


def test_secrets_and_long_values_are_named_and_not_shown() -> None:
    made = replace(ASKED, env={"TOKEN": "s3cret"}, script="print()", tags=("x" * 99,))
    told = amendment(ASKED, made, "why", "r")
    assert told == "script, env, tags: why (site rule r)"


def test_nothing_changed_is_no_note() -> None:
    assert not amendment(ASKED, replace(ASKED), "why", "r")


def test_a_spec_on_the_wire_is_a_request_for_the_same() -> None:
    body = {
        "image": "a", "cores": 2, "memory": "1g", "time_limit": "1h", "begin": "2031-01-01T10:00",
        "array": ["x", "y"], "dependencies": "afterok:3", "mounts": ["/data:/in:ro"],
        "tokens": ["matlab=2"], "labels": ["ssd"], "project": "carbon", "retries": 2,
        "retry_on": [3], "env": {"A": "b"}, "tags": ["t"], "hold": True, "script": "print(1)",
    }  # fmt: skip
    spec = spec_from_request(body, 0.0)
    assert spec_from_request(encode(spec)) == spec
