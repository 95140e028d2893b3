"""Who holds what: core and GPU numbers, memory, and when each holder gives them back."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..model.machine import Machine, OthersUse
from ..model.resources import Allocation, Resources
from .placement import is_plain, place, place_plain

#: Stands for use outside our jobs where a job's number, or its order, would be.
_OTHERS = 0


class Release(NamedTuple):
    """Amounts that come back at ``at`` (seconds since the epoch; infinite: nobody knows when).

    ``order`` tells those of an unknown time apart: what was given first is expected back first.
    """

    at: float
    order: int
    job_id: int
    amounts: Resources


class Holdings:
    """The machine's cores, memory and GPUs: free, held by jobs, used by others.

    INVARIANT: every number is free or has exactly one holder; numbers the machine has lost since
    (a restart under a smaller affinity) may be held, but never become free.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.others = OthersUse()
        self.memory_bytes = 0
        self._plain = is_plain(machine)
        self._cores = frozenset(core.number for core in machine.cores)
        self._gpus = frozenset(gpu.number for gpu in machine.gpus)
        self._free_cores = set(self._cores)
        self._free_gpus = set(self._gpus)
        self._allocations: dict[int, Allocation] = {}
        self._timeline: list[Release] = []
        self._ends: dict[int, Release] = {}
        self._given = 0
        self._free: Resources | None = None
        #: Counts what may change a decision.
        self.changes = 0

    @property
    def free(self) -> Resources:
        """What may be given now: not held, and not used by others. Memory may be negative."""
        if self._free is None:
            memory = self.machine.memory_bytes - self.memory_bytes - self.others.memory_bytes
            self._free = Resources(len(self._free_cores), memory, len(self._usable_gpus()))
        return self._free

    @property
    def kept_by_others(self) -> Resources:
        """What would be free as well if no one outside our jobs used the machine."""
        busy = self._free_gpus & self.others.busy_gpus
        return Resources(0, self.others.memory_bytes, len(busy))

    def see_others(self, others: OthersUse) -> None:
        """Note what processes outside our jobs use from now on."""
        self.others = others
        self._changed()
        for job_id, release in list(self._ends.items()):
            self._forget_end(job_id)
            self._plan_end(job_id, release.at, release.order)

    @property
    def holders(self) -> dict[int, Allocation]:
        """The allocation of each job that holds one."""
        return dict(self._allocations)

    @property
    def used(self) -> Allocation:
        """Everything held by jobs, as one allocation with numbers ascending."""
        given = self._allocations.values()
        return Allocation(
            tuple(sorted({number for one in given for number in one.cores})),
            self.memory_bytes,
            tuple(sorted({number for one in given for number in one.gpus})),
        )

    def find(self, asked: Resources) -> Allocation | None:
        """Return an allocation that could be taken now, or None."""
        if not asked.fits_in(self.free):
            return None
        if self._plain:
            return place_plain(asked, self._free_cores, self._usable_gpus())
        return place(self.machine, asked, self._free_cores, self._usable_gpus())

    def take(self, job_id: int, allocation: Allocation, ends_at: float) -> None:
        """Give ``allocation`` to the job until it is given back, planned for ``ends_at``."""
        self._changed()
        self._allocations[job_id] = allocation
        self.memory_bytes += allocation.memory_bytes
        self._free_cores.difference_update(allocation.cores)
        self._free_gpus.difference_update(allocation.gpus)
        self._plan_end(job_id, ends_at, self._next_order())

    def move_end(self, job_id: int, ends_at: float) -> None:
        """Plan another end for a job that holds something."""
        if self._ends[job_id].at != ends_at:
            self._changed()
            self._forget_end(job_id)
            self._plan_end(job_id, ends_at, self._next_order())

    def end_of(self, job_id: int) -> float:
        """Return when the job that holds something is planned to give it back."""
        return self._ends[job_id].at

    def back_of(self, job_id: int) -> Resources:
        """Return what becomes free when the job that holds something gives it back."""
        return self._ends[job_id].amounts

    def give_back(self, job_id: int) -> None:
        """Take back everything the job holds; nothing happens when it holds nothing."""
        allocation = self._allocations.pop(job_id, None)
        if allocation is None:
            return
        self._changed()
        self._forget_end(job_id)
        self.memory_bytes -= allocation.memory_bytes
        self._free_cores |= self._cores.intersection(allocation.cores)
        self._free_gpus |= self._gpus.intersection(allocation.gpus)

    def releases(self) -> Iterator[Release]:
        """Yield what will come back, soonest first; others' share is first of the unknown."""
        known = bisect_left(self._timeline, (math.inf, _OTHERS), key=_moment)
        yield from self._timeline[:known]
        busy = len(self._gpus & self.others.busy_gpus)
        yield Release(math.inf, _OTHERS, _OTHERS, Resources(0, self.others.memory_bytes, busy))
        yield from self._timeline[known:]

    def _next_order(self) -> int:
        self._given += 1
        return self._given

    def _changed(self) -> None:
        self._free = None
        self.changes += 1

    def _plan_end(self, job_id: int, ends_at: float, order: int) -> None:
        given = self._allocations[job_id]
        busy = self.others.busy_gpus
        gpus = [number for number in given.gpus if number in self._gpus and number not in busy]
        cores = len(self._cores.intersection(given.cores))
        back = Resources(cores, given.memory_bytes, len(gpus))
        self._ends[job_id] = Release(ends_at, order, job_id, back)
        insort(self._timeline, self._ends[job_id], key=_moment)

    def _usable_gpus(self) -> set[int]:
        return self._free_gpus - self.others.busy_gpus

    def _forget_end(self, job_id: int) -> Release:
        release = self._ends.pop(job_id)
        del self._timeline[bisect_left(self._timeline, _moment(release), key=_moment)]
        return release

    def check(self) -> None:
        """Raise AssertionError when a number is held twice or lost, or an amount is wrong."""
        given = self._allocations.values()
        _check_numbers("core", self._cores, self._free_cores, [n for a in given for n in a.cores])
        _check_numbers("GPU", self._gpus, self._free_gpus, [n for a in given for n in a.gpus])
        if sum(one.memory_bytes for one in given) != self.memory_bytes:
            raise AssertionError(f"{self.memory_bytes} bytes are counted, not what is held")
        if sorted(self._ends.values(), key=_moment) != self._timeline:
            raise AssertionError("the timeline is not that of the planned ends")
        if set(self._ends) != set(self._allocations):
            raise AssertionError("a holder has no planned end")


def _moment(release: Release) -> tuple[float, int]:
    return release.at, release.order


def _check_numbers(kind: str, every: frozenset[int], free: set[int], held: Sequence[int]) -> None:
    if len(held) != len(set(held)):
        raise AssertionError(f"a {kind} is held twice: {sorted(held)}")
    if free & set(held):
        raise AssertionError(f"a {kind} is free and held: {sorted(free & set(held))}")
    if not every <= free | set(held) or not free <= every:
        raise AssertionError(f"a {kind} is lost: of {sorted(every)} free are {sorted(free)}")
