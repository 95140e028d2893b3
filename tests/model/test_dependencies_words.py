"""The text and the object forms of dependencies."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_hpccontainers.model.dependencies import (
    MAX_DEPENDENCIES,
    Dependency,
    DependencyKind,
    asked_edges,
    dependencies_on,
)
from jupyter_hpccontainers.model.errors import InvalidSpec
from jupyter_hpccontainers.model.job import JobSpec
from jupyter_hpccontainers.model.request import spec_from_request
from jupyter_hpccontainers.model.wire import decode, encode


def parse_dependencies(asked: Any) -> tuple[Dependency, ...]:
    """Return the edges, all on numbers."""
    return dependencies_on(asked_edges(asked))


OK_12 = Dependency(DependencyKind.AFTEROK, 12)
OK_13 = Dependency(DependencyKind.AFTEROK, 13)
OK_12_7 = Dependency(DependencyKind.AFTEROK, 12, 7)
ANY_14 = Dependency(DependencyKind.AFTERANY, 14)


@pytest.mark.parametrize(
    ("asked", "edges"),
    [
        ("afterok:12:13,afterany:14", (OK_12, OK_13, ANY_14)),
        (" afterok:12 , afterany:14 ", (OK_12, ANY_14)),
        (["afterok:12", "afterany:14"], (OK_12, ANY_14)),
        ([{"kind": "afterany", "job": 14}, "afterok:12"], (ANY_14, OK_12)),
        ("afterok:12:12,afterok:12", (OK_12,)),
        ("afterok:12_7:12", (OK_12_7, OK_12)),
        ([{"kind": "afterok", "job": 12, "index": 7}], (OK_12_7,)),
        ([{"kind": "afterok", "job": 12, "index": None}], (OK_12,)),
        ([], ()),
    ],
)
def test_forms(asked: Any, edges: tuple[Dependency, ...]) -> None:
    assert parse_dependencies(asked) == edges


@pytest.mark.parametrize(
    "asked",
    [
        "", "12", "afterok", "afterok:", "afterok:x", "afterok:-1", "afterok:0", "after:12",
        "afterok:12?afterany:13", "afterok:٣", "afterok:12,,afterok:13", 12, [12], [None], {},
        {"kind": "afterok"}, {"kind": "afterok", "job": "12"}, {"kind": "afterok", "job": True},
        "afterok:12_", "afterok:_7", "afterok:12_7_1", "afterok:0_7", "afterok:split",
        {"kind": "afterok", "job": 12, "index": "7"}, {"kind": "afterok", "job": 12, "index": -1},
        {"kind": [], "job": 1}, "afterok" + ":1" * 3 + ":" + "9" * 40,
    ],
)  # fmt: skip
def test_what_is_refused(asked: Any) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_dependencies(asked)
    assert refused.value.field == "dependencies"
    assert "afterok" in refused.value.cure


def test_too_many_are_refused() -> None:
    numbers = ":".join(str(n) for n in range(1, MAX_DEPENDENCIES + 2))
    with pytest.raises(InvalidSpec, match="too many"):
        parse_dependencies(f"afterok:{numbers}")


def test_a_spec_holds_them_and_is_itself_a_request() -> None:
    spec = spec_from_request({"image": "a", "dependencies": "afterok:12,afterany:14"})
    assert spec.dependencies == (OK_12, ANY_14)
    assert spec_from_request(encode(spec)) == spec
    assert decode(JobSpec, encode(spec)) == spec
    assert str(OK_12) == "afterok:12"
    assert str(OK_12_7) == "afterok:12_7"
    assert parse_dependencies(str(OK_12_7)) == (OK_12_7,)


@pytest.mark.parametrize(
    ("after", "edges"),
    [
        (12, (OK_12,)),
        ("12_7", (OK_12_7,)),
        ([12, "13", "afterany:14"], (OK_12, OK_13, ANY_14)),
        ([], ()),
        (None, ()),
    ],
)
def test_a_bare_job_that_it_comes_after_is_to_complete(after: Any, edges: Any) -> None:
    assert spec_from_request({"image": "a", "after": after}).dependencies == edges
    both = spec_from_request({"image": "a", "after": after, "dependencies": "afterok:1"})
    assert both.dependencies == (Dependency(DependencyKind.AFTEROK, 1), *edges)


@pytest.mark.parametrize("after", ["", "split", "12,13", True, 1.5, {}, [None]])
def test_what_it_can_not_come_after(after: Any) -> None:
    with pytest.raises(InvalidSpec, match="dependency"):
        spec_from_request({"image": "a", "after": after})
