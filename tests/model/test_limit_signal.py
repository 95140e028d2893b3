"""The signal before the time limit as people type it."""

from __future__ import annotations

import pytest

from jupyter_hpccontainers.model.changes import SpecChange
from jupyter_hpccontainers.model.errors import InvalidSpec
from jupyter_hpccontainers.model.limit_signal import LimitSignal, parse_signal
from jupyter_hpccontainers.model.request import spec_from_request
from jupyter_hpccontainers.model.wire import encode


@pytest.mark.parametrize(
    ("typed", "name", "before_s"),
    [
        ("USR1@30", "USR1", 30),
        ("TERM", "TERM", 60),
        ("sigusr2@1", "USR2", 1),
        ("B:USR1@65535", "USR1", 65_535),
        ("10@30", "USR1", 30),
        (15, "TERM", 60),
        ({"name": "USR1", "before_s": 5}, "USR1", 5),
        ({"name": "INT"}, "INT", 60),
    ],
)
def test_a_signal_is_typed_as_for_slurm(typed, name, before_s):
    assert parse_signal(typed) == LimitSignal(name=name, before_s=before_s)


@pytest.mark.parametrize(
    "wrong",
    ["", "@30", "USR1@", "USR1@0", "USR1@65536", "USR1@-1", "KILL@30", "STOP", "9@30", "R:USR1",
     "NOPE", "64@1", "USR1@1m", None, 7.5, [], {"before_s": 5}, {"name": "USR1", "before_s": "x"}],
)  # fmt: skip
def test_what_no_program_could_be_warned_with_is_refused(wrong):
    with pytest.raises(InvalidSpec) as refused:
        parse_signal(wrong)
    assert refused.value.field == "signal"


def test_a_request_has_it_and_survives_the_wire():
    spec = spec_from_request({"image": "python", "time_limit": "2m", "signal": "USR1@30"})
    assert spec.signal == LimitSignal(name="USR1", before_s=30)
    again = {"image": "python", "time_limit": "2m", "signal": encode(spec)["signal"]}
    assert spec_from_request(again) == spec
    assert spec_from_request({"image": "python", "signal": None}).signal is None


@pytest.mark.parametrize(("limit", "says"), [(None, "no limit"), ("30s", "at once")])
def test_it_needs_a_limit_that_leaves_time_before_it(limit, says):
    with pytest.raises(InvalidSpec, match=says) as refused:
        spec_from_request({"image": "python", "time_limit": limit, "signal": "USR1@30"})
    assert refused.value.field == "signal"


def test_a_change_to_a_limit_that_leaves_none_is_refused():
    spec = spec_from_request({"image": "python", "time_limit": "2m", "signal": "USR1@30"})
    assert SpecChange(time_limit_s=31).applied_to(spec).signal == spec.signal
    with pytest.raises(InvalidSpec):
        SpecChange(time_limit_s=30).applied_to(spec)
