"""Waiting jobs by submission alone, grouped by what they ask for: the queue of plain EASY."""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Iterator

from ..model.resources import Resources
from .entry import Key, Shape


class Alike:
    """Jobs of one shape, who came first first; never empty. The ``Line`` of a pass."""

    __slots__ = ("_keys", "shape")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self._keys: list[Key] = []

    def __len__(self) -> int:
        return len(self._keys)

    def front(self, _aged_before: float = 0.0, /) -> Key:
        """Return the first; nobody ages here."""
        return self._keys[0]

    def keys(self, _aged_before: float, /) -> Iterator[Key]:
        """Yield all, the first first."""
        return iter(self._keys[:])

    def add(self, key: Key) -> None:
        """Add a job, which need not have come last."""
        insort(self._keys, key)

    def remove(self, key: Key) -> None:
        """Take a job out."""
        self._keys.remove(key)


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
        self._waiting: dict[int, tuple[Key, Shape]] = {}

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._waiting

    def blocks(self) -> Collection[Amount]:
        """Return them by amounts."""
        return self._amounts.values()

    def add(self, job_id: int, shape: Shape, at: float) -> None:
        """Let a job wait that came at a time."""
        key = Key(0, 0.0, at, job_id)
        amount = self._amounts.get(shape.resources)
        if amount is None:
            amount = self._amounts[shape.resources] = Amount(shape.resources)
        line = amount.lines.get(shape.span_s)
        if line is None:
            line = amount.lines[shape.span_s] = Alike(shape)
        line.add(key)
        amount.changed()
        self._waiting[job_id] = key, shape

    def remove(self, job_id: int) -> Shape:
        """Take a job out and return its shape."""
        key, shape = self._waiting.pop(job_id)
        amount = self._amounts[shape.resources]
        line = amount.lines[shape.span_s]
        line.remove(key)
        amount.changed()
        if not len(line):
            del amount.lines[shape.span_s]
            if not amount.lines:
                del self._amounts[shape.resources]
        return shape
