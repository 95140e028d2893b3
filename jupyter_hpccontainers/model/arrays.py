"""Arrays: one submission, many alike tasks; their indexes in Slurm's grammar, their counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .errors import InvalidSpec

#: Most tasks of one array.
MAX_TASKS = 1_000_000
_MAX_INDEX = 10**9
#: Linux passes no longer text to a program (MAX_ARG_STRLEN, execve(2)), less the variable's name.
_MAX_ITEM_BYTES = 131_000
_PART = re.compile(r"([0-9]{1,10})(?:-([0-9]{1,10})(?::([0-9]{1,10}))?)?", re.ASCII)
_CURE = "write 1-10, 1-10:4 (1, 5, 9) or 0-3,8,20-30; with %2 at most 2 run at once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Array:
    """What makes a submission an array.

    ``indexes``: ``1-1000:2,7``. ``max_running``: how many tasks may have begun and not ended, None
    for any number. ``items``: one text per task, empty where the tasks have their index only.
    """

    indexes: str
    max_running: int | None = None
    items: tuple[str, ...] = ()

    @property
    def ranges(self) -> tuple[range, ...]:
        """The indexes in the order in which they begin."""
        return tuple(_range(part) for part in self.indexes.split(","))

    @property
    def count(self) -> int:
        """How many tasks it has."""
        return sum(map(len, self.ranges))

    def index_at(self, position: int) -> int:
        """Return the index of the task that begins as number ``position``, 0 for the first."""
        for some in self.ranges:
            if position < len(some):
                return some[position]
            position -= len(some)
        raise IndexError(position)

    def position_of(self, index: int) -> int | None:
        """Return the place of an index in the order of tasks; None where it has none."""
        before = 0
        for some in self.ranges:
            if index in some:
                return before + some.index(index)
            before += len(some)
        return None


@dataclass(frozen=True, slots=True)
class Task:
    """Which task of which array a job is; ``item`` None where the array has no items."""

    array: int
    index: int
    item: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCounts:
    """How an array stands: its tasks by how far they have come; ``failed`` ended otherwise."""

    pending: int = 0
    running: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0


def parse_array(asked: Any) -> Array:
    """Return the array of ``1-1000:2%8``, of a list of items, or of Array's fields as an object.

    Ranges include both ends and never overshoot; an index given twice is one. Raises InvalidSpec.
    """
    if isinstance(asked, Array):
        asked = {"indexes": asked.indexes, "max_running": asked.max_running, "items": asked.items}
    if isinstance(asked, str):
        text, percent, most = asked.replace(" ", "").partition("%")
        return Array(indexes=_indexes(text), max_running=_most(most) if percent else None)
    if isinstance(asked, list | tuple):
        asked = {"items": asked}
    if not isinstance(asked, Mapping):
        raise _wrong(f"array {str(asked)[:40]!r} is not understood")
    items, limit = asked.get("items") or (), asked.get("max_running")
    if not isinstance(items, list | tuple):
        raise _wrong("the items of the array are not a list", "give a list of texts")
    return Array(
        indexes=_indexes(str(asked.get("indexes") or _of(items)), len(items)),
        max_running=None if limit is None else _most(str(limit)),
        items=tuple(_item(item) for item in items),
    )


def _of(items: Iterable[Any]) -> str:
    count = len(list(items))
    return f"0-{count - 1}" if count else ""


def _indexes(text: str, items: int = 0) -> str:
    """Return the indexes ascending, each once; ranges stay ranges where they do not overlap."""
    ranges = [_range(part) for part in text.split(",")]
    count = sum(map(len, ranges))
    if count > MAX_TASKS:
        raise _wrong(f"an array of {count} tasks is too large", f"at most {MAX_TASKS} tasks")
    if any(before[-1] >= after[0] for before, after in pairwise(ranges)):
        ranges = _joined(sorted({index for some in ranges for index in some}))
        count = sum(map(len, ranges))
    if items and count != items:
        raise _wrong(f"{items} items for {count} indexes", "leave the indexes out")
    return ",".join(_text(some) for some in ranges)


def _joined(indexes: list[int]) -> list[range]:
    ranges: list[range] = []
    for index in indexes:
        if ranges and ranges[-1].stop == index:
            ranges[-1] = range(ranges[-1].start, index + 1)
        else:
            ranges.append(range(index, index + 1))
    return ranges


def _range(part: str) -> range:
    match = _PART.fullmatch(part)
    if match is None:
        raise _wrong(f"array indexes {part[:40]!r} are not understood")
    first, step = int(match[1]), int(match[3] or 1)
    last = int(match[2]) if match[2] else first
    if step < 1 or last < first or last > _MAX_INDEX:
        raise _wrong(f"array indexes {part[:40]!r} name no task")
    return range(first, last + 1, step)


def _text(some: range) -> str:
    if len(some) == 1:
        return str(some[0])
    return f"{some[0]}-{some[-1]}" + (f":{some.step}" if some.step > 1 else "")


def _most(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 0 < int(text[:12]) <= MAX_TASKS:
        raise _wrong(f"{text[:40]!r} is no number of tasks that may run at once")
    return int(text)


def _item(item: Any) -> str:
    if not isinstance(item, str):
        raise _wrong(f"array item {str(item)[:40]!r} is not a text", "give texts")
    if "\0" in item or any("\ud800" <= c <= "\udfff" for c in item):
        raise _wrong("an array item holds a character no program can receive", "leave it out")
    if len(item.encode()) > _MAX_ITEM_BYTES:
        raise _wrong("an array item is too long", "put long items into files and give their names")
    return item


def _wrong(message: str, cure: str = _CURE) -> InvalidSpec:
    return InvalidSpec(message, cure=cure, field="array")
