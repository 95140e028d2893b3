"""Workflows: several jobs that name each other, submitted together; all are accepted or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from .dependencies import NAME, Asked, Dependency, DependencyKind, dependencies_on
from .errors import HpccError, InvalidSpec
from .job import JobSpec
from .request import edges_asked, spec_from_request

#: Most jobs of one workflow: each is vetted before any is accepted.
MAX_JOBS = 1000


@dataclass(frozen=True, slots=True)
class NamedEdge:
    """A dependency on another job of the workflow, or with ``index`` on one task of it."""

    kind: DependencyKind
    name: str
    index: int | None = None

    def numbered(self, numbers: Mapping[str, int]) -> Dependency:
        """Return the edge once the jobs have their numbers."""
        return Dependency(self.kind, numbers[self.name], self.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSpec:
    """A job of a workflow: the edges of ``spec`` are on jobs that are there before it."""

    name: str
    spec: JobSpec
    after: tuple[NamedEdge, ...] = ()


def workflow_from_request(
    body: Mapping[str, Any], now: float | None = None
) -> tuple[NamedSpec, ...]:
    """Return the jobs of ``{"jobs": {name: request}}``, every one after those it waits for.

    In ``dependencies`` and ``after`` of a request a name of the workflow stands for its job. A job
    that is given no name of its own is called as it is here. Raises InvalidSpec.
    """
    asked = body.get("jobs")
    form = 'send {"jobs": {"first": {"image": …}, "second": {"image": …, "after": "first"}}}'
    if not isinstance(asked, Mapping) or not asked:
        raise _wrong("the workflow has no jobs", form)
    if unknown := body.keys() - {"jobs"}:
        raise _wrong(f"a workflow has jobs and no {min(map(str, unknown))[:40]!r}", form)
    if len(asked) > MAX_JOBS:
        raise _wrong(f"{len(asked)} jobs are too many", f"at most {MAX_JOBS} in one workflow")
    jobs = {str(name): _job(str(name), request, asked, now) for name, request in asked.items()}
    return tuple(jobs[name] for name in _in_order(jobs))


@contextmanager
def told_of(name: str) -> Iterator[None]:
    """Say of which job of a workflow an error is; a single job has no name."""
    try:
        yield
    except HpccError as error:
        if not name:
            raise
        details = {**error.details, "job": name}
        message = f"job {name}: {error.message}"
        raise type(error)(message, cure=error.cure, field=error.field, **details) from None


def check_indexes(jobs: Sequence[NamedSpec]) -> None:
    """Raise InvalidSpec where a job waits for a task that its parent does not have."""
    arrays = {job.name: job.spec.array for job in jobs}
    for job in jobs:
        for edge in job.after:
            array = arrays[edge.name]
            if edge.index is None or (array and array.position_of(edge.index) is not None):
                continue
            with told_of(job.name):
                raise InvalidSpec(
                    f"it depends on task {edge.index} of {edge.name}, which has none of that index",
                    cure=f"its indexes are {array.indexes}" if array else "it is no array",
                    field="dependencies",
                )


def _job(name: str, request: Any, names: Mapping[str, Any], now: float | None) -> NamedSpec:
    if not NAME.fullmatch(name):
        raise _wrong(f"{name[:40]!r} can be no name", "begin with a letter: a-z A-Z 0-9 _ . -")
    with told_of(name):
        if not isinstance(request, Mapping):
            raise InvalidSpec("it is not an object", cure="send its image, command and so on")
        edges = edges_asked(request)
        inner = {edge: _inner(edge, names) for edge in edges}
        numbers = tuple(edge for edge, found in inner.items() if found is None)
        unknown = [edge.label for edge in numbers if NAME.fullmatch(edge.label)]
        if unknown:
            raise InvalidSpec(
                f"it depends on {unknown[0]}, which is no job of this workflow",
                cure=f"its jobs are {', '.join(list(names)[:20])}; others go by their number",
                field="dependencies",
            )
        rest = {key: value for key, value in request.items() if key != "after"}
        spec = spec_from_request({**rest, "dependencies": dependencies_on(numbers)}, now)
    spec = spec if spec.name else replace(spec, name=name)
    return NamedSpec(name=name, spec=spec, after=tuple(filter(None, inner.values())))


def _inner(edge: Asked, names: Mapping[str, Any]) -> NamedEdge | None:
    """Return an edge within the workflow: on ``map``, or on ``map_3`` where that is no name."""
    if edge.label in names:
        return NamedEdge(edge.kind, edge.label)
    name, _, index = edge.label.rpartition("_")
    known = name in names and index.isdecimal() and len(index) <= 10
    return NamedEdge(edge.kind, name, int(index)) if known else None


def _in_order(jobs: Mapping[str, NamedSpec]) -> Iterator[str]:
    parents = {name: [edge.name for edge in job.after] for name, job in jobs.items()}
    try:
        yield from TopologicalSorter(parents).static_order()
    except CycleError as error:
        cycle: list[str] = error.args[1][:-1]
        first = cycle.index(min(cycle, key=list(jobs).index))
        told = [*cycle[first:], *cycle[: first + 1]]
        raise InvalidSpec(
            f"these jobs wait for each other: {' → '.join(told)}",
            cure="let one of them not depend on the one before it",
            field="dependencies",
        ) from None


def _wrong(message: str, cure: str) -> InvalidSpec:
    return InvalidSpec(message, cure=cure, field="jobs")
