"""Arrays in Slurm's grammar: ranges include both ends, steps never overshoot."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_hpccontainers.model.arrays import MAX_TASKS, Array, parse_array
from jupyter_hpccontainers.model.errors import InvalidSpec
from jupyter_hpccontainers.model.job import JobSpec
from jupyter_hpccontainers.model.request import spec_from_request
from jupyter_hpccontainers.model.wire import decode, encode


def indexes(array: Array) -> list[int]:
    return [array.index_at(position) for position in range(array.count)]


@pytest.mark.parametrize(
    ("text", "expected", "most"),
    [
        ("7", [7], None),
        ("1-10:4", [1, 5, 9], None),
        ("1-9:4", [1, 5, 9], None),
        ("0-3", [0, 1, 2, 3], None),
        ("0-2,8,20-30:5%2", [0, 1, 2, 8, 20, 25, 30], 2),
        ("5,1-3", [1, 2, 3, 5], None),
        ("1-5,3,4-6", [1, 2, 3, 4, 5, 6], None),
        ("1-3,1-3", [1, 2, 3], None),
        (" 1 - 3 , 7 ", [1, 2, 3, 7], None),
        ("3-3:9", [3], None),
    ],
)
def test_forms(text: str, expected: list[int], most: int | None) -> None:
    array = parse_array(text)
    assert (indexes(array), array.max_running) == (expected, most)
    assert parse_array(encode(array)) == array
    assert [array.position_of(index) for index in expected] == [*range(len(expected))]
    assert array.position_of(10**8) is None


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20), st.integers(1, 9)), min_size=1))
def test_any_list_is_the_set_of_its_indexes_ascending(parts: list[tuple[int, int, int]]) -> None:
    text = ",".join(f"{first}-{first + more}:{step}" for first, more, step in parts)
    every = {n for first, more, step in parts for n in range(first, first + more + 1, step)}
    assert indexes(parse_array(text)) == sorted(every)


@pytest.mark.parametrize(
    "asked",
    [
        "", "%2", "-1", "1-", "5-1", "1-10:0", "1:2", "a", "1,,2", "1-3%", "1-3%0", "1-3%x", "٣",
        f"1-{MAX_TASKS + 1}", "1-99999999999", 7, [], [1], ["a\0b"], ["x" * 200_000], {},
        {"items": "ab"}, {"items": ["a"], "indexes": "1-2"}, {"indexes": "1", "max_running": -1},
    ],
)  # fmt: skip
def test_what_is_refused(asked: Any) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_array(asked)
    assert (refused.value.field, bool(refused.value.cure)) == ("array", True)


def test_items_are_numbered_from_nought_and_kept_as_they_are() -> None:
    items = ["a b", 'it\'s "q"', "x\ny", ""]
    array = parse_array(items)
    assert (array.indexes, array.items) == ("0-3", tuple(items))
    assert parse_array({"items": items, "max_running": 2}).max_running == 2


def test_a_spec_holds_it_and_is_itself_a_request() -> None:
    spec = spec_from_request({"image": "a", "array": "1-1000:2%8"})
    assert spec.array is not None
    assert spec.array.count == 500
    assert spec_from_request(encode(spec)) == spec
    assert decode(JobSpec, encode(spec)) == spec
