"""Moments as people type them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_hpccontainers.model.errors import InvalidSpec
from jupyter_hpccontainers.model.moments import MAX_MOMENT_S, parse_begin


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2033-05-18T03:33:20Z", 2e9),
        ("2033-05-18 05:33:20+02:00", 2e9),
        (" +30m ", 1000 + 1800),
        ("+90", 1000 + 5400),
        ("+1-02:00:00", 1000 + 93_600),
        ("now", 1000),
    ],
)
def test_a_moment_is_a_date_or_counted_from_now(text: str, moment: float) -> None:
    assert parse_begin(text, 1000) == moment


def test_a_date_without_offset_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    for zone, shift_s in (("UTC", 0), ("EST+5", 5 * 3600)):
        with monkeypatch.context() as patched:
            patched.setenv("TZ", zone)
            time.tzset()
            assert parse_begin("2033-05-18T03:33:20", None) == 2e9 + shift_s
    time.tzset()


@pytest.mark.parametrize(
    "text", ["", "soon", "+", "+0m", "-30m", "25:00", "2033-13-01", "1969-01-01"]
)
def test_what_is_no_moment_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_begin(text, 1000)
    assert refused.value.field == "begin"
    assert refused.value.cure


def test_where_nobody_knows_the_time_only_a_date_can_be_read() -> None:
    with pytest.raises(InvalidSpec, match="counts from now"):
        parse_begin("+30m", None)


@given(st.text(max_size=30))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    try:
        assert 0 <= parse_begin(text, 1e9) <= MAX_MOMENT_S
    except InvalidSpec as refused:
        assert refused.status == 422
