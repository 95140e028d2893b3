"""What has no entries shares one mapping that nobody can fill."""

from __future__ import annotations

import pytest

from jupyter_hpccontainers.model.job import JobSpec
from jupyter_hpccontainers.model.wire import decode, encode


def test_the_empty_mappings_of_two_specs_are_one():
    one, other = JobSpec(image="a"), decode(JobSpec, {"image": "b"})
    assert one.env is other.env is one.tokens
    assert one.env == {}
    with pytest.raises(TypeError):
        one.env["A"] = "1"


def test_it_goes_over_the_wire_as_an_empty_object():
    assert encode(JobSpec(image="a"))["env"] == {}
    assert decode(JobSpec, encode(JobSpec(image="a"))) == JobSpec(image="a")
