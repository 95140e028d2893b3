"""Waiting jobs by submission alone, grouped by what they ask for: the queue of plain EASY."""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Iterator
from typing import TypeAlias

from ..model.resources import Resources
from .entry import Key, Shape

#: When a job came, and its number.
Came: TypeAlias = tuple[float, int]


class Alike:
    """Jobs of one shape, who came first first; never empty. The ``Line`` of a pass."""

    __slots__ = ("_came", "shape")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self._came: list[Came] = []

    def __len__(self) -> int:
        return len(self._came)

    def front(self, _aged_before: float = 0.0, /) -> Key:
        """Return the first; nobody ages here."""
        return Key(0, 0.0, *self._came[0])

    def keys(self, _aged_before: float, /) -> Iterator[Key]:
        """Yield all, the first first."""
        return (Key(0, 0.0, *came) for came in self._came)

    def add(self, came: Came) -> None:
        """Add a job, which need not have come last."""
        insort(self._came, came)

    def remove(self, job_id: int) -> None:
        """Take a job out; the first starts first, so it is found at once."""
        at = next(at for at, came in enumerate(self._came) if came[1] == job_id)
        del self._came[at]


class Amount:
    """Those who ask for the same amounts; never empty. The ``Block`` of a pass."""

    __slots__ = ("_front", "lines", "resources")

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self.lines: dict[float, Alike] = {}
        self._front: Key | None = None

    def front(self, _aged_before: float, /) -> Key:
        """Return the first of all."""
        if self._front is None:
            self._front = min([line.front() for line in self.lines.values()])
        return self._front

    def changed(self) -> None:
        """A job has come or gone."""
        self._front = None


class Arrivals:
    """Everyone who waits."""

    def __init__(self) -> None:
        self._amounts: dict[Resources, Amount] = {}
        self._lines: dict[int, Alike] = {}

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._lines

    def blocks(self) -> Collection[Amount]:
        """Return them by amounts."""
        return self._amounts.values()

    def add(self, came: Came, shape: Shape) -> None:
        """Let a job wait."""
        amount = self._amounts.get(shape.resources)
        if amount is None:
            amount = self._amounts[shape.resources] = Amount(shape.resources)
        line = amount.lines.get(shape.span_s)
        if line is None:
            line = amount.lines[shape.span_s] = Alike(shape)
        line.add(came)
        amount.changed()
        self._lines[came[1]] = line

    def remove(self, job_id: int) -> Shape:
        """Take a job out and return its shape."""
        line = self._lines.pop(job_id)
        shape = line.shape
        amount = self._amounts[shape.resources]
        line.remove(job_id)
        amount.changed()
        if not len(line):
            del amount.lines[shape.span_s]
            if not amount.lines:
                del self._amounts[shape.resources]
        return shape
