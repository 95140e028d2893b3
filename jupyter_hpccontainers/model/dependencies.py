"""What a job waits for before it may be chosen: how other jobs end, in Slurm's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

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
class Dependency:
    """One edge: the parent's number, and the end of it that is waited for."""

    kind: DependencyKind
    job: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.job}"


#: Most edges of one job: all are looked up before it is accepted.
MAX_DEPENDENCIES = 1000
_GROUP = re.compile(r"(\w+)((?::[0-9]{1,15})+)", re.ASCII)
_CURE = "write afterok:12:13,afterany:14 with afterok, afterany, afternotok or afterarray"


def parse_dependencies(asked: Any) -> tuple[Dependency, ...]:
    """Return the edges of ``afterok:12:13,afterany:14``, or of a list of such texts or objects.

    An object is ``{"kind": "afterok", "job": 12}``. An edge given twice is one. Raises InvalidSpec.
    """
    items = asked if isinstance(asked, list | tuple) else [asked]
    edges = dict.fromkeys(edge for item in items for edge in _edges(item))
    if len(edges) > MAX_DEPENDENCIES:
        raise _wrong(f"{len(edges)} dependencies are too many", f"at most {MAX_DEPENDENCIES}")
    return tuple(edges)


def _edges(item: Any) -> list[Dependency]:
    if isinstance(item, Dependency):
        return [item]
    if isinstance(item, Mapping):
        return [_edge(item.get("kind"), item.get("job"))]
    if not isinstance(item, str):
        raise _wrong(f"dependency {str(item)[:40]!r} is not understood")
    found = []
    for group in item.replace(" ", "").split(","):
        match = _GROUP.fullmatch(group)
        if match is None:
            raise _wrong(f"dependency {group[:40]!r} is not understood")
        found += [_edge(match[1], int(number)) for number in match[2].split(":")[1:]]
    return found


def _edge(kind: Any, job: Any) -> Dependency:
    if kind not in list(DependencyKind):
        raise _wrong(f"dependency kind {str(kind)[:40]!r} is not known")
    if type(job) is not int or not 0 < job < 10**15:
        raise _wrong(f"dependency on job {str(job)[:40]!r} is not on a job's number")
    return Dependency(DependencyKind(kind), job)


def _wrong(message: str, cure: str = _CURE) -> InvalidSpec:
    return InvalidSpec(message, cure=cure, field="dependencies")
