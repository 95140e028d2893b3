"""What a job waits for before it may be chosen: how other jobs end, in Slurm's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from .errors import InvalidSpec


class DependencyKind(StrEnum):
    """Which end of the parent lets the job run; the others mean that it never will.

    ``afterok``: COMPLETED. ``afternotok``: any result but COMPLETED. ``afterany`` and
    ``afterarray``: any; of an array both wait until its last task has ended.
    """

    AFTEROK = "afterok"
    AFTERANY = "afterany"
    AFTERNOTOK = "afternotok"
    AFTERARRAY = "afterarray"


@dataclass(frozen=True, slots=True)
class Parent:
    """Who is waited for: a job, or with ``index`` that one task of an array, begun or not."""

    job: int
    index: int | None = None

    def __str__(self) -> str:
        return str(self.job) if self.index is None else f"{self.job}_{self.index}"


@dataclass(frozen=True, slots=True)
class Dependency:
    """One edge: the parent's number (and index, see Parent), and the end that is waited for."""

    kind: DependencyKind
    job: int
    index: int | None = None

    @property
    def parent(self) -> Parent:
        """Who is waited for."""
        return Parent(self.job, self.index)

    def __str__(self) -> str:
        return f"{self.kind}:{self.parent}"


class Asked(NamedTuple):
    """An edge as a person writes it: on ``12``, on ``12_7``, in a workflow also on a name."""

    kind: DependencyKind
    label: str


#: Most edges of one job: all are looked up before it is accepted.
MAX_DEPENDENCIES = 1000
#: What a job of a workflow may be called; never to be taken for a number.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", re.ASCII)
_LABEL = re.compile(rf"[0-9]{{1,15}}(?:_[0-9]{{1,10}})?|{NAME.pattern}", re.ASCII)
_NUMBER = re.compile(r"([0-9]{1,15})(?:_([0-9]{1,10}))?", re.ASCII)
_CURE = "write afterok:12:13,afterany:14_7 with afterok, afterany, afternotok or afterarray"


def asked_edges(asked: Any, after: Any = ()) -> tuple[Asked, ...]:
    """Return the edges of ``afterok:12:13_7,afterany:14``, or of a list of such texts or objects.

    An object is ``{"kind": "afterok", "job": 12}``, of one task of an array with its ``index``. Of
    ``after`` a bare label means afterok. An edge given twice is one. Raises InvalidSpec.
    """
    found = [edge for item in _items(asked) for edge in _edges(item)]
    found += [edge for item in _items(after) for edge in _edges(_with_kind(item))]
    edges = tuple(dict.fromkeys(found))
    if len(edges) > MAX_DEPENDENCIES:
        raise _wrong(f"{len(edges)} dependencies are too many", f"at most {MAX_DEPENDENCIES}")
    return edges


def dependencies_on(edges: tuple[Asked, ...]) -> tuple[Dependency, ...]:
    """Return the edges, all of which must be on numbers; raises InvalidSpec."""
    return tuple(dict.fromkeys(_on_number(edge) for edge in edges))


def _items(asked: Any) -> list[Any]:
    return list(asked) if isinstance(asked, list | tuple) else [asked]


def _with_kind(item: Any) -> Any:
    if type(item) is int or (isinstance(item, str) and ":" not in item):
        return f"{DependencyKind.AFTEROK}:{item}"
    return item


def _edges(item: Any) -> Iterator[Asked]:
    if isinstance(item, Dependency):
        yield Asked(item.kind, str(item.parent))
    elif isinstance(item, Mapping):
        yield _asked(item.get("kind"), _label(item.get("job"), item.get("index")))
    elif isinstance(item, str):
        for group in item.replace(" ", "").split(","):
            kind, *labels = group.split(":")
            if not labels or not all(map(_LABEL.fullmatch, labels)):
                raise _wrong(f"dependency {group[:40]!r} is not understood")
            yield from (_asked(kind, label) for label in labels)
    else:
        raise _wrong(f"dependency {str(item)[:40]!r} is not understood")


def _label(job: Any, index: Any) -> str:
    named = isinstance(job, str) and NAME.fullmatch(job)
    numbers = (0 if named else job, 0 if index is None else index)
    if not all(type(number) is int and 0 <= number < 10**15 for number in numbers):
        raise _wrong(f"dependency on job {str(job)[:40]!r} is not on a job's number")
    return str(job) if index is None else f"{job}_{index}"


def _asked(kind: Any, label: str) -> Asked:
    if kind not in list(DependencyKind):
        raise _wrong(f"dependency kind {str(kind)[:40]!r} is not known")
    return Asked(DependencyKind(kind), label)


def _on_number(edge: Asked) -> Dependency:
    match = _NUMBER.fullmatch(edge.label)
    if match is None or not int(match[1]):
        raise _wrong(f"dependency on job {edge.label[:40]!r} is not on a job's number")
    return Dependency(edge.kind, int(match[1]), None if match[2] is None else int(match[2]))


def _wrong(message: str, cure: str = _CURE) -> InvalidSpec:
    return InvalidSpec(message, cure=cure, field="dependencies")
