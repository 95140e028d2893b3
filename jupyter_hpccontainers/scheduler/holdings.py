"""Who holds what: core and GPU numbers, memory, and when each holder gives them back."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import NamedTuple

from ..model.machine import Machine, OthersUse
from ..model.resources import Allocation, Resources
from .placement import is_plain, place, place_plain
from .pool import Pool

#: Stands for use outside our jobs where a job's number, or its order, would be.
_OTHERS = 0


class Release(NamedTuple):
    """Amounts that come back at ``at`` (seconds since the epoch; infinite: nobody knows when).

    ``order`` differs, so no two are compared any further; of those of an unknown time what was
    given first is expected back first.
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
        self._cores = Pool(core.number for core in machine.cores)
        self._gpus = Pool(gpu.number for gpu in machine.gpus)
        self._allocations: dict[int, Allocation] = {}
        self._timeline: list[Release] = []
        self._ends: dict[int, Release] = {}
        self._given = 0
        self._free: Resources | None = None
        self._back_from_others = Release(math.inf, _OTHERS, _OTHERS, Resources(0, 0, 0))
        #: Counts what may change a decision.
        self.changes = 0

    @property
    def free(self) -> Resources:
        """What may be given now: not held, and not used by others. Memory may be negative."""
        if self._free is None:
            memory = self.machine.memory_bytes - self.memory_bytes - self.others.memory_bytes
            self._free = Resources(len(self._cores.free), memory, len(self._usable_gpus()))
        return self._free

    @property
    def kept_by_others(self) -> Resources:
        """What would be free as well if no one outside our jobs used the machine."""
        busy = self.others.busy_gpus.intersection(self._gpus.free)
        return Resources(0, self.others.memory_bytes, len(busy))

    def see_others(self, others: OthersUse) -> None:
        """Note what processes outside our jobs use from now on."""
        self.others = others
        self._changed()
        busy = len(self._gpus.every & others.busy_gpus)
        amounts = Resources(0, others.memory_bytes, busy)
        self._back_from_others = Release(math.inf, _OTHERS, _OTHERS, amounts)
        for job_id, allocation in self._allocations.items():
            release = self._forget_end(job_id)
            self._plan_end(release._replace(amounts=self._back(allocation)))

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
            return place_plain(asked, self._cores.free, self._usable_gpus())
        return place(self.machine, asked, set(self._cores.free), self._usable_gpus())

    def take(self, job_id: int, allocation: Allocation, ends_at: float) -> None:
        """Give ``allocation`` to the job until it is given back, planned for ``ends_at``."""
        self._changed()
        self._allocations[job_id] = allocation
        self.memory_bytes += allocation.memory_bytes
        self._cores.take(allocation.cores)
        self._gpus.take(allocation.gpus)
        self._plan_end(Release(ends_at, self._next_order(), job_id, self._back(allocation)))

    def move_end(self, job_id: int, ends_at: float) -> None:
        """Plan another end for a job that holds something."""
        if self._ends[job_id].at != ends_at:
            self._changed()
            amounts = self._forget_end(job_id).amounts
            self._plan_end(Release(ends_at, self._next_order(), job_id, amounts))

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
        self._cores.give_back(allocation.cores)
        self._gpus.give_back(allocation.gpus)

    def releases(self) -> list[Release]:
        """Return what will come back, soonest first; others' share is first of the unknown."""
        releases = self._timeline.copy()
        insort(releases, self._back_from_others)
        return releases

    def _next_order(self) -> int:
        self._given += 1
        return self._given

    def _changed(self) -> None:
        self._free = None
        self.changes += 1

    def _plan_end(self, release: Release) -> None:
        self._ends[release.job_id] = release
        insort(self._timeline, release)

    def _back(self, allocation: Allocation) -> Resources:
        """Return what of an allocation becomes free when it is given back."""
        cores = len(self._cores.known(allocation.cores))
        busy = self.others.busy_gpus
        gpus = [number for number in self._gpus.known(allocation.gpus) if number not in busy]
        return Resources(cores, allocation.memory_bytes, len(gpus))

    def _usable_gpus(self) -> list[int]:
        busy = self.others.busy_gpus
        return [number for number in self._gpus.free if number not in busy]

    def _forget_end(self, job_id: int) -> Release:
        release = self._ends.pop(job_id)
        del self._timeline[bisect_left(self._timeline, release)]
        return release

    def check(self) -> None:
        """Raise AssertionError when a number is held twice or lost, or an amount is wrong."""
        given = self._allocations.values()
        _check_numbers("core", self._cores, [n for a in given for n in a.cores])
        _check_numbers("GPU", self._gpus, [n for a in given for n in a.gpus])
        if sum(one.memory_bytes for one in given) != self.memory_bytes:
            raise AssertionError(f"{self.memory_bytes} bytes are counted, not what is held")
        if sorted(self._ends.values()) != self._timeline:
            raise AssertionError("the timeline is not that of the planned ends")
        if set(self._ends) != set(self._allocations):
            raise AssertionError("a holder has no planned end")


def _check_numbers(kind: str, pool: Pool, held: Sequence[int]) -> None:
    free = set(pool.free)
    if len(held) != len(set(held)):
        raise AssertionError(f"a {kind} is held twice: {sorted(held)}")
    if free & set(held):
        raise AssertionError(f"a {kind} is free and held: {sorted(free & set(held))}")
    if not pool.every <= free | set(held) or sorted(free) != pool.free or not free <= pool.every:
        raise AssertionError(f"a {kind} is lost: of {sorted(pool.every)} free are {pool.free}")
