"""The one parser of submissions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_hpccontainers.model.errors import HpccError, InvalidSpec
from jupyter_hpccontainers.model.job import JobSpec, Mount, Network, Priority, RuntimeChoice
from jupyter_hpccontainers.model.request import spec_from_request
from jupyter_hpccontainers.model.resources import Resources
from jupyter_hpccontainers.model.wire import decode, encode


def test_the_short_forms_people_type() -> None:
    spec = spec_from_request(
        {
            "image": "python:3.12",
            "command": "python -c 'print(1)'",
            "cores": 2,
            "memory": "4g",
            "gpus": 1,
            "time_limit": "1h30m",
            "mounts": ["/data", "/a:/b:ro"],
            "tags": "x, y",
        }
    )
    assert spec.command == ("python", "-c", "print(1)")
    assert spec.resources == Resources(2, 4 * 2**30, 1)
    assert spec.time_limit_s == 5400
    assert spec.mounts == (Mount("/data", "/data"), Mount("/a", "/b", read_only=True))
    assert spec.tags == ("x", "y")


def test_defaults_are_one_core_no_gpu_no_limit() -> None:
    spec = spec_from_request({"image": "python:3.12"})
    assert spec.resources == Resources(1, 0, 0)
    assert spec.time_limit_s is None
    assert (spec.priority, spec.runtime) == (Priority.NORMAL, RuntimeChoice.AUTO)
    assert spec.network is Network.DEFAULT


def test_a_record_s_spec_is_itself_a_request() -> None:
    spec = spec_from_request(
        {
            "image": "a",
            "script": "#!/bin/sh\necho é \\ $HOME '\"'\n",
            "memory": "1g",
            "env": {"A": "x y"},
            "mounts": ["/x:/y:ro"],
            "time_limit": "10",
        }
    )
    assert spec_from_request(encode(spec)) == spec
    assert decode(JobSpec, encode(spec)) == spec


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("image", {}),
        ("memory", {"memory": "abc"}),
        ("memory", {"memory": "500"}),
        ("cores", {"cores": 0}),
        ("cores", {"cores": "two"}),
        ("cores", {"cores": True}),
        ("gpus", {"gpus": -1}),
        ("time_limit", {"time_limit": "soon"}),
        ("command", {"command": "echo 'open"}),
        ("command", {"command": "a", "script": "b"}),
        ("begin", {"begin": "soon"}),
        ("retries", {"retries": -1}),
        ("retries", {"retries": 1001}),
        ("retries", {"retry_on": [75]}),
        ("retry_on", {"retries": 1, "retry_on": [0]}),
        ("retry_on", {"retries": 1, "retry_on": [256]}),
        ("begin", {"begin": "+30m"}),
        ("begin_at", {"begin_at": 1e300}),
        ("begin_at", {"begin_at": -1}),
        ("runtime", {"runtime": "chroot"}),
        ("mounts", {"mounts": ["relative"]}),
        ("mounts", {"mounts": ["/a/../etc"]}),
        ("mounts", {"mounts": ["/a:/b:/c:ro"]}),
        ("env", {"env": {"A=B": "x"}}),
        ("env", {"env": {"HPCC_JOB_ID": "1"}}),
        ("env", {"env": {"A": "nul\0"}}),
        ("name", {"name": "a\nb"}),
        ("tags", {"tags": ["a/b"]}),
        ("workdir", {"workdir": "here"}),
        ("privileged", {"privileged": True}),
        ("script", {"script": "\ud800"}),
    ],
)
def test_bad_input_is_refused_by_field(field: str, body: dict[str, Any]) -> None:
    image = {} if field == "image" else {"image": "python:3.12"}
    with pytest.raises(InvalidSpec) as refused:
        spec_from_request({**image, **body})
    assert refused.value.field == field
    assert refused.value.status == 422


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
_fields = [
    "image",
    "command",
    "script",
    "cores",
    "memory",
    "gpus",
    "time_limit",
    "begin",
    "begin_at",
    "hold",
    "retries",
    "retry_on",
    "requeue",
    "env",
    "mounts",
    "tags",
    "name",
    "runtime",
    "network",
    "tty",
    "resources",
    "workdir",
    "priority",
]


@given(st.dictionaries(st.sampled_from(_fields), _json, max_size=6))
def test_any_json_is_a_spec_or_an_error_a_person_can_act_on(body: dict[str, Any]) -> None:
    try:
        assert isinstance(spec_from_request(body), JobSpec)
    except HpccError as refused:
        assert refused.status == 422
