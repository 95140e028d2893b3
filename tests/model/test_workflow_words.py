"""Workflows as people write them: names, order, and what can be no workflow."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_hpccontainers.model.dependencies import Dependency, DependencyKind
from jupyter_hpccontainers.model.errors import InvalidSpec, NeverFits
from jupyter_hpccontainers.model.workflow import (
    MAX_JOBS,
    NamedEdge,
    check_indexes,
    told_of,
    workflow_from_request,
)

OK, ANY = DependencyKind.AFTEROK, DependencyKind.AFTERANY


def flow(**after: Any) -> dict[str, Any]:
    """Return the request of a workflow of which only is told who waits for whom."""
    return {"jobs": {name: {"image": "a", "after": one} for name, one in after.items()}}


def test_parents_come_first_and_names_become_edges() -> None:
    asked = flow(merge=["map", "afterany:split", 12], map=["split", "7_3"], split=[])
    merge = asked["jobs"]["merge"]
    merge["dependencies"] = "afterok:map"
    split, mapped, merged = workflow_from_request(asked)
    assert [job.name for job in (split, mapped, merged)] == ["split", "map", "merge"]
    assert (split.after, mapped.after) == ((), (NamedEdge(OK, "split"),))
    assert merged.after == (NamedEdge(OK, "map"), NamedEdge(ANY, "split"))
    assert merged.spec.dependencies == (Dependency(OK, 12),)
    assert mapped.spec.dependencies == (Dependency(OK, 7, 3),)
    assert merged.spec.name == "merge"
    assert merged.after[0].numbered({"map": 5}) == Dependency(OK, 5)


def test_a_name_goes_before_a_task_of_another() -> None:
    asked = flow(map=[], map_3=[], a="map_3", b="map_4", c="afternotok:map")
    after = {job.name: job.after for job in workflow_from_request(asked)}
    assert after["a"] == (NamedEdge(OK, "map_3"),)
    assert after["b"] == (NamedEdge(OK, "map", 4),)
    assert after["c"] == (NamedEdge(DependencyKind.AFTERNOTOK, "map"),)


@pytest.mark.parametrize(
    ("after", "cycle"),
    [
        ({"a": "a"}, "a → a"),
        ({"a": "b", "b": "a"}, "a → b → a"),
        ({"x": [], "a": ["x", "c"], "b": "a", "c": "b", "y": "c"}, "a → b → c → a"),
        ({"c": "b", "b": "a", "a": "c"}, "c → a → b → c"),
        ({"a": "b_3", "b": "afterany:a"}, "a → b → a"),
    ],
)
def test_a_cycle_is_told_in_order(after: dict[str, Any], cycle: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        workflow_from_request(flow(**after))
    assert refused.value.message == f"these jobs wait for each other: {cycle}"
    assert refused.value.field == "dependencies"


@given(st.data())
def test_each_comes_after_its_parents_or_a_true_cycle_is_told(data: st.DataObject) -> None:
    names = [f"n{n}" for n in range(data.draw(st.integers(1, 6)))]
    parents = {name: data.draw(st.lists(st.sampled_from(names), max_size=2)) for name in names}
    try:
        jobs = workflow_from_request(flow(**parents))
    except InvalidSpec as error:
        cycle = error.message.rpartition(": ")[2].split(" → ")
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert all(parent in parents[child] for parent, child in pairwise(cycle))
        return
    seen: set[str] = set()
    for job in jobs:
        assert set(parents[job.name]) <= seen
        seen.add(job.name)
    assert seen == set(names)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "the workflow has no jobs"),
        ({"jobs": {}}, "the workflow has no jobs"),
        ({"jobs": ["a"]}, "the workflow has no jobs"),
        ({"jobs": {"a": {"image": "x"}}, "name": "n"}, "a workflow has jobs and no 'name'"),
        ({"jobs": {"12": {"image": "x"}}}, "'12' can be no name"),
        ({"jobs": {"a b": {"image": "x"}}}, "'a b' can be no name"),
        ({"jobs": {"a": 12}}, "job a: it is not an object"),
        ({"jobs": {"a": {}}}, "job a: no image is named"),
        ({"jobs": {"a": {"image": "x", "cores": 0}}}, "job a: cores 0 is out of range"),
        (flow(a=[], b="c"), "job b: it depends on c, which is no job of this workflow"),
        (flow(a="before:b", b=[]), "job a: dependency kind 'before' is not known"),
        (flow(a="afterok:_"), "job a: dependency 'afterok:_' is not understood"),
        (flow(a=[0]), "job a: dependency on job '0' is not on a job's number"),
        (flow(**{f"a{n}": [] for n in range(MAX_JOBS + 1)}), f"{MAX_JOBS + 1} jobs are too many"),
    ],
)
def test_what_is_refused(body: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        workflow_from_request(body)
    assert refused.value.message == message
    assert refused.value.cure


def test_an_error_keeps_its_kind_and_says_whose_it_is() -> None:
    with pytest.raises(NeverFits) as refused, told_of("map"):
        raise NeverFits("too much", cure="less", field="cores", lacking=[1])
    error = refused.value
    assert (str(error), error.field) == ("job map: too much (less)", "cores")
    assert error.details == {"lacking": [1], "job": "map"}


def test_tasks_that_are_waited_for_must_be_there() -> None:
    asked = flow(map=[], one="map_2", two="one_1")
    asked["jobs"]["map"]["array"] = "1-3"
    with pytest.raises(InvalidSpec) as refused:
        check_indexes(workflow_from_request(asked))
    assert refused.value.message == (
        "job two: it depends on task 1 of one, which has none of that index"
    )
    assert refused.value.cure == "it is no array"
    asked["jobs"].pop("two")
    check_indexes(workflow_from_request(asked))
    asked["jobs"]["one"]["after"] = "map_4"
    with pytest.raises(InvalidSpec, match="its indexes are 1-3"):
        check_indexes(workflow_from_request(asked))
