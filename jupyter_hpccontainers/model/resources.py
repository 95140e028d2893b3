"""Resources asked and allocations given: two types, so that they cannot be confused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resources:
    """What a job asks: logical CPUs, bytes of memory, whole GPUs."""

    cores: int = 1
    memory_bytes: int = 0
    gpus: int = 0

    def fits_in(self, other: Resources) -> bool:
        """Whether every amount is at most the other's."""
        return (
            self.cores <= other.cores
            and self.memory_bytes <= other.memory_bytes
            and self.gpus <= other.gpus
        )


@dataclass(frozen=True, slots=True)
class Allocation:
    """What a job is given: the numbers of its cores and GPUs, and bytes of memory."""

    cores: tuple[int, ...]
    memory_bytes: int
    gpus: tuple[int, ...] = ()

    @property
    def amounts(self) -> Resources:
        """The same as amounts, without the numbers."""
        return Resources(len(self.cores), self.memory_bytes, len(self.gpus))
