"""Tokens, labels and projects as people type them."""

from __future__ import annotations

import pytest

from jupyter_hpccontainers.model.errors import InvalidSpec
from jupyter_hpccontainers.model.request import spec_from_request
from jupyter_hpccontainers.model.wants import parse_tokens


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("matlab", {"matlab": 1}),
        (["matlab=2", "ansys"], {"matlab": 2, "ansys": 1}),
        (["matlab", "matlab"], {"matlab": 2}),
        ({"matlab": 3}, {"matlab": 3}),
        ([], {}),
    ],
)
def test_tokens_are_typed_as_names_or_with_a_number(typed, meant):
    assert parse_tokens(typed) == meant


@pytest.mark.parametrize("wrong", ["a b", "=1", "m=0", "m=x", {"m": True}, {"m": 1.5}, 7, ["m=-1"]])
def test_what_is_no_token_is_refused(wrong):
    with pytest.raises(InvalidSpec) as refused:
        parse_tokens(wrong)
    assert refused.value.field == "tokens"


def test_a_request_names_what_it_wants():
    wants = {"project": "carbon", "labels": "ssd", "tokens": "matlab"}
    spec = spec_from_request({"image": "python", **wants})
    assert (spec.project, spec.labels, spec.tokens) == ("carbon", ("ssd",), {"matlab": 1})


@pytest.mark.parametrize(("field", "value"), [("project", "a b"), ("labels", ["", "x"])])
def test_a_name_with_other_characters_is_refused_by_field(field, value):
    with pytest.raises(InvalidSpec) as refused:
        spec_from_request({"image": "python", field: value})
    assert refused.value.field == field
