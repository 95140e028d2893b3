"""Amounts people type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_hpccontainers.model.errors import InvalidSpec
from jupyter_hpccontainers.model.quantities import (
    format_duration,
    format_memory,
    parse_duration,
    parse_memory,
)


@pytest.mark.parametrize("text", ["4g", "4G", "4Gi", "4GiB", "4GB", " 4 gib ", "4096m"])
def test_all_ways_to_write_four_gibibytes(text: str) -> None:
    assert parse_memory(text) == 4 * 2**30


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90 * 60),
        ("1:30", 90),
        ("1:30:00", 5400),
        ("1-02:00:00", 26 * 3600),
        ("1-02", 26 * 3600),
        ("1-02:30", 26 * 3600 + 1800),
        ("1h30m", 5400),
        ("45s", 45),
        ("2d", 172_800),
    ],
)
def test_times_as_slurm_reads_them(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


def test_a_bare_memory_number_is_refused_with_a_hint() -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_memory("500")
    assert "500m" in refused.value.cure
    assert refused.value.field == "memory"


@pytest.mark.parametrize("text", ["abc", "", "4x", "-4g", "0g", "1e3g", "4 g b", "9999999t"])
def test_memory_that_is_none(text: str) -> None:
    with pytest.raises(InvalidSpec):
        parse_memory(text)


@pytest.mark.parametrize("text", ["", "abc", "1:2:3:4", "0", "-5", "1h30", "999999999d", "1.5h"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_duration(text)
    assert refused.value.field == "time_limit"


@given(st.integers(min_value=1, max_value=2**50))
def test_memory_echoed_back_is_read_as_nearly_the_same(amount: int) -> None:
    text = format_memory(amount)
    if not text.endswith(" B"):
        assert parse_memory(text) == pytest.approx(amount, rel=0.06)


@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_an_invalid_spec(text: str) -> None:
    for parse in (parse_memory, parse_duration):
        try:
            assert parse(text) > 0
        except InvalidSpec as refused:
            assert refused.cure


def test_durations_in_words() -> None:
    assert format_duration(5400) == "1 h 30 min"
    assert format_duration(45) == "45 s"
    assert format_duration(0) == "0 s"
    assert format_duration(2 * 86_400 + 4 * 3600 + 59) == "2 d 4 h"
