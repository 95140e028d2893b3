"""Arrays: alike tasks that wait as one entry and become jobs of their own one by one.

The *rest* is the array's entry in the queue; it stands for all tasks that have not begun. A task's
number follows from the array's block of numbers and its position, so a task can't begin twice.
How an array stands is derived from its rest and its tasks, never decided by itself.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from operator import itemgetter

from ..model.arrays import TaskCounts
from ..model.states import Reason, ReasonCode, Result, State
from .entry import Entry, new_entry, seconds
from .events import Restored, TaskBlock
from .result import USER_CANCEL, Verdict


@dataclass(slots=True)
class Array:
    """One array that is not DONE.

    ``next``: the position of the first task that has not begun; ``gone``: later ones that were
    cancelled before. ``living``: the numbers of tasks that have begun and are not DONE.
    ``dropped``: why the rest will never begin. ``told``: the state last recorded. ``began_at``:
    when its first task began.
    """

    rest: Entry
    block: TaskBlock
    told: State
    next: int = 0
    gone: set[int] = field(default_factory=set)
    living: dict[int, None] = field(default_factory=dict)
    ended: Counter[Result] = field(default_factory=Counter)
    dropped: Verdict | None = None
    began_at: float | None = None

    @property
    def number(self) -> int:
        """The array's own number."""
        return self.rest.job.job_id

    @property
    def numbers(self) -> range:
        """The numbers of its tasks."""
        return range(self.block.first, self.block.first + self.block.count)

    @property
    def unbegun(self) -> int:
        """How many tasks have neither begun nor been cancelled before that."""
        return self.block.count - self.next - len(self.gone)

    @property
    def left(self) -> int:
        """How many tasks are still to begin."""
        return 0 if self.dropped else self.unbegun

    @property
    def room(self) -> int:
        """How many tasks may begin now."""
        most = self.block.max_running
        return self.left if most is None else max(0, min(self.left, most - len(self.living)))

    @property
    def state(self) -> State:
        """How the whole stands."""
        if self.left:
            waits = self.rest.state is State.HELD or self.began_at is None
            return self.rest.state if waits else State.RUNNING
        if self.living:
            return State.STOPPING if self.dropped else State.RUNNING
        return State.DONE

    @property
    def counts(self) -> TaskCounts:
        """Its tasks by how far they have come."""
        cancelled, completed = self.ended[Result.CANCELLED], self.ended[Result.COMPLETED]
        return TaskCounts(
            pending=self.left,
            running=len(self.living),
            completed=completed,
            failed=self.ended.total() - cancelled - completed,
            cancelled=cancelled + (self.unbegun if self.dropped else 0),
        )

    @property
    def verdict(self) -> Verdict:
        """How the whole ended: COMPLETED where every task did."""
        if self.dropped:
            return Verdict(self.dropped.result, self.dropped.reason)
        counts = self.counts
        if counts.failed:
            details = {"failed": counts.failed, "tasks": self.block.count}
            return Verdict(Result.FAILED, Reason(ReasonCode.TASKS_FAILED, details))
        if counts.cancelled:
            return Verdict(Result.CANCELLED, USER_CANCEL)
        return Verdict(Result.COMPLETED)

    def is_unbegun(self, job_id: int) -> bool:
        """Whether a job is a task of it that has neither begun nor been cancelled before that."""
        position = job_id - self.block.first
        return self.next <= position < self.block.count and position not in self.gone

    def begin_next(self, now: float) -> Entry:
        """Return the entry of the next task, which begins now."""
        task = self._task(self.next)
        self._pass(self.next + 1)
        self.living[task.job.job_id] = None
        self.rest.renewed_at = now
        self.began_at = now if self.began_at is None else self.began_at
        return task

    def skip(self, job_id: int) -> Entry:
        """Return the entry of a task that a person cancels before it begins."""
        position = job_id - self.block.first
        self.gone.add(position)
        self.ended[Result.CANCELLED] += 1
        self._pass(self.next)
        return self._task(position)

    def _pass(self, position: int) -> None:
        while position in self.gone:
            self.gone.remove(position)
            position += 1
        self.next = position

    def _task(self, position: int) -> Entry:
        """Return a task as the rest is now: it may have been changed since it was submitted."""
        rest = self.rest
        limit_s = rest.limit_s if rest.limit_s != seconds(None) else None
        job = replace(
            rest.job,
            job_id=self.block.first + position,
            limit_s=limit_s,
            image_ready=True,
            held=False,
            begin_at=None,
            dependencies=(),
            tasks=None,
            array=self.number,
        )
        return new_entry(job)


class Arrays:
    """The arrays that are not DONE, by their number and by those of their tasks."""

    def __init__(self) -> None:
        self._arrays: dict[int, Array] = {}
        self._firsts: list[tuple[int, int]] = []
        #: Of arrays that were ended as a whole: from which task to which none began, and why.
        self._never: list[tuple[int, int, Result]] = []

    def __len__(self) -> int:
        return len(self._arrays)

    def __contains__(self, number: int) -> bool:
        return number in self._arrays

    def __getitem__(self, number: int) -> Array:
        return self._arrays[number]

    def __iter__(self) -> Iterator[Array]:
        return iter(list(self._arrays.values()))

    def get(self, number: int | None) -> Array | None:
        """Return an array, None for a job that is none or is DONE."""
        return None if number is None else self._arrays.get(number)

    def add(self, rest: Entry, block: TaskBlock) -> Array:
        """Take in an array just accepted."""
        array = Array(rest, block, rest.state)
        self._arrays[array.number] = array
        insort(self._firsts, (block.first, array.number))
        return array

    def load(self, rest: Entry, block: TaskBlock, row: Restored) -> Array:
        """Take in an array of an earlier engine; its living tasks join it as they are loaded."""
        array, told, progress = self.add(rest, block), row.state, row.progress
        array.told, array.next, array.gone = told, progress.next, set(progress.gone)
        array.ended, array.began_at = Counter(progress.ended), row.started_at
        if told is State.STOPPING:
            array.dropped = dropped_for(rest.stop_reason)
            self.note_unbegun(array, array.dropped.result)
        return array

    def forget(self, array: Array) -> None:
        """The array is DONE."""
        del self._arrays[array.number]
        self._firsts.remove((array.block.first, array.number))

    def with_unbegun(self, job_id: int) -> Array | None:
        """Return the array to whose tasks that are still to begin a number belongs."""
        at = bisect_right(self._firsts, (job_id, job_id))
        array = self._arrays[self._firsts[at - 1][1]] if at else None
        return array if array is not None and array.left and array.is_unbegun(job_id) else None

    def note_unbegun(self, array: Array, result: Result) -> None:
        """Keep how an array ended whose other tasks will never begin: that is their end as well."""
        numbers = array.numbers[array.next :]
        insort(self._never, (numbers.start, numbers.stop, result))

    def result_of_unbegun(self, job_id: int) -> Result | None:
        """Return how a task ended that never began, with its array; None for every other job."""
        at = bisect_right(self._never, job_id, key=itemgetter(0))
        _, stop, result = self._never[at - 1] if at else (0, 0, None)
        return result if job_id < stop else None


def dropped_for(reason: Reason | None) -> Verdict:
    """Return the verdict on a rest of which only the recorded reason is known."""
    reason = reason or USER_CANCEL
    cancelled = reason.code is ReasonCode.USER_CANCEL
    return Verdict(Result.CANCELLED if cancelled else Result.FAILED, reason)
