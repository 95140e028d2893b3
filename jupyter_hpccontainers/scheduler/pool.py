"""Numbers of one kind that are given and come back: those of cores, or of GPUs."""

from __future__ import annotations

from collections.abc import Iterable


class Pool:
    """The machine's numbers, and those of them that are free.

    INVARIANT: ``free`` is ascending, and only what the machine has ever becomes free.
    """

    __slots__ = ("every", "free")

    def __init__(self, numbers: Iterable[int]) -> None:
        self.every = frozenset(numbers)
        self.free = sorted(self.every)

    def known(self, numbers: tuple[int, ...]) -> tuple[int, ...]:
        """Return those the machine has; after a restart some that are held may be lost."""
        if self.every.issuperset(numbers):
            return numbers
        return tuple(number for number in numbers if number in self.every)

    def take(self, numbers: tuple[int, ...]) -> None:
        """Let numbers be free no more."""
        count = len(numbers)
        if tuple(self.free[:count]) == numbers:
            # The least ones are what a plain machine gives.
            del self.free[:count]
        else:
            gone = frozenset(numbers)
            self.free = [number for number in self.free if number not in gone]

    def give_back(self, numbers: tuple[int, ...]) -> None:
        """Let those be free again that the machine has."""
        self.free += self.known(numbers)
        # Two ascending runs: sorting merges them.
        self.free.sort()
