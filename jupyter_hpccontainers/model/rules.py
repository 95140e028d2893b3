"""What a site's submission rule is handed and what it answers; rules import this file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from .job import JobSpec
from .quantities import format_duration, format_memory

#: Values longer than this are named, not shown.
_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter:
    """As whom the job would run; ``groups`` are the names of the Unix groups.

    ``changing``: the job was accepted before and is to be changed.
    """

    user: str
    uid: int
    groups: tuple[str, ...] = ()
    changing: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """The job is not accepted; the person reads ``text``."""

    text: str


@dataclass(frozen=True, slots=True)
class Amend:
    """The job is accepted as ``spec``; the person reads what differs and ``because``."""

    spec: JobSpec
    because: str


#: A rule; None accepts the spec as it is.
Rule: TypeAlias = Callable[[JobSpec, Submitter], Refuse | Amend | None]


def amendment(before: JobSpec, after: JobSpec, because: str, rule: str) -> str:
    """Return what a rule changed and why, in one line; empty where nothing differs."""
    changes = ", ".join(_differences(before, after))
    return f"{changes}: {because} (site rule {rule})" if changes else ""


def _differences(before: JobSpec, after: JobSpec) -> Iterator[str]:
    for field in fields(JobSpec):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if field.name == "resources":
            for part in fields(old):
                yield from _difference(part.name, getattr(old, part.name), getattr(new, part.name))
        else:
            yield from _difference(field.name, old, new)


def _difference(name: str, old: Any, new: Any) -> Iterator[str]:
    if old == new:
        return
    word = name.removesuffix("_bytes").removesuffix("_s").replace("_", " ")
    was, now = _told(name, old), _told(name, new)
    yield f"{word} {was} → {now}" if len(was) + len(now) <= 2 * _SHOWN else word


def _told(name: str, value: Any) -> str:
    # What a person gave to a variable may be a secret, and notes are shown in lists.
    if name in {"env", "script"}:
        return "·" * 2 * _SHOWN
    if value in (None, "", ()) or (name == "memory_bytes" and not value):
        return "none"
    if name.endswith("_bytes"):
        return format_memory(value)
    if name.endswith("_s"):
        return format_duration(value)
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
