"""The jobs with arrays among them: a chosen array lets its next task begin, and waits on."""

from __future__ import annotations

from ..model.job import PastAttempt
from ..model.machine import Machine
from ..model.states import Result, State
from .actions import Record
from .arrays import Array, Arrays
from .entry import Entry
from .events import Restored
from .gates import Gates
from .jobs import Jobs
from .order import Ordering
from .result import Verdict
from .transitions import Trigger, next_state


class ArrayJobs(Jobs):
    """Entries as in Jobs; one that is an array stands for its tasks that have not begun.

    INVARIANT: an array has an entry exactly as long as tasks of it are still to begin.
    """

    def __init__(self, machine: Machine, ordering: Ordering, gates: Gates) -> None:
        super().__init__(machine, ordering, gates)
        self.arrays = Arrays()

    def __contains__(self, job_id: int) -> bool:
        return super().__contains__(job_id) or job_id in self.arrays

    def state_of(self, job_id: int) -> State:
        """Return where the job, or what waits of an array, stands; raises UnknownJob."""
        array = self.arrays.get(job_id)
        if array is not None and not array.left:
            return array.state
        return super().state_of(job_id)

    def result_of(self, job_id: int) -> Result | None:
        """Return the same; a task that never began ended as what ended its array."""
        result = super().result_of(job_id)
        return self.arrays.result_of_unbegun(job_id) if result is None else result

    def is_queued(self, job_id: int) -> bool:
        """Whether it, or what is left of it, waits."""
        return job_id in self._entries and self._entries[job_id].state.waits

    def admit(self, entry: Entry, now: float) -> None:
        """Take in a job or an array just accepted."""
        if entry.job.tasks is not None:
            self.arrays.add(entry, entry.job.tasks)
        super().admit(entry, now)

    def load(self, entry: Entry, now: float) -> None:
        """Take in a job of an earlier engine as it stood; a task joins its array."""
        array = self.arrays.get(entry.job.array)
        if array is not None and entry.state is not State.DONE:
            array.living[entry.job.job_id] = None
        super().load(entry, now)

    def load_array(self, entry: Entry, row: Restored, now: float) -> None:
        """Take in an array of an earlier engine; ``reopen_arrays`` follows its tasks."""
        if row.job.tasks is None:
            raise AssertionError(f"job {row.job.job_id} is no array")
        array = self.arrays.load(entry, row.job.tasks, row)
        if array.left:
            self.load(entry, now)

    def reopen_arrays(self, now: float) -> None:
        """Let each loaded array have as many tasks begin as those that live leave room for."""
        for array in self.arrays:
            if array.left:
                self.queue.remove(array.rest)
                self.enqueue(array.rest, now)
            self._tell(array, now)

    def begin(self, job_id: int, now: float) -> None:
        """Give a chosen job, or the next task of a chosen array, its allocation."""
        array = self.arrays.get(job_id)
        if array is None:
            super().begin(job_id, now)
            return
        self.queue.remove(array.rest)
        task = array.begin_next(now)
        self._entries[task.job.job_id] = task
        self._line_up(task, now)
        super().begin(task.job.job_id, now)
        self._go_on(array, now)

    def finish(
        self, entry: Entry, trigger: type[Trigger], verdict: Verdict, ended_at: float
    ) -> None:
        """End the job; of an array no further task begins, and those that have go on."""
        if entry.job.tasks is not None:
            self._drop_rest(self.arrays[entry.job.job_id], trigger, verdict, ended_at)
            return
        super().finish(entry, trigger, verdict, ended_at)
        array = self.arrays.get(entry.job.array)
        if array is not None:
            del array.living[entry.job.job_id]
            array.ended[verdict.result] += 1
            if array.left:
                self.queue.remove(array.rest)
                self.enqueue(array.rest, ended_at)
            self._tell(array, ended_at)

    def skip_task(self, array: Array, job_id: int, verdict: Verdict, now: float) -> None:
        """End a task that has not begun, without ever beginning it."""
        self.queue.remove(array.rest)
        task = array.skip(job_id)
        task.state = State.DONE
        self._record(task, now, verdict)
        self._note_end(job_id, verdict.result)
        self._go_on(array, now)

    def stop_array(self, array: Array, verdict: Verdict, now: float) -> None:
        """Note why the whole ends while its last tasks still run."""
        array.dropped = verdict
        self._tell(array, now)

    def _line_up(self, entry: Entry, now: float) -> None:
        array = self.arrays.get(entry.job.job_id)
        if array is None:
            super()._line_up(entry, now)
            return
        entry.throttled = not array.room
        if entry.throttled:
            self.queue.add_throttled(entry)
        else:
            self.queue.add(entry, array.room)

    def _go_on(self, array: Array, now: float) -> None:
        """Let what is left of an array that is in no line wait on."""
        if array.left:
            self.enqueue(array.rest, now)
        else:
            self._forget_rest(array)
        self._tell(array, now)

    def _drop_rest(
        self, array: Array, trigger: type[Trigger], verdict: Verdict, now: float
    ) -> None:
        array.rest.state = next_state(array.number, array.rest.state, trigger)
        self.queue.remove(array.rest)
        self._forget_rest(array)
        self._note_unbegun(array, verdict.result)
        array.dropped = verdict
        self._tell(array, now)

    def _note_unbegun(self, array: Array, result: Result) -> None:
        """Judge who waits for tasks that will never begin now."""
        self.arrays.note_unbegun(array, result)
        for number in self.dependencies.awaited(array.numbers):
            if array.is_unbegun(number):
                self.dependencies.ended(number, result)

    def _forget_rest(self, array: Array) -> None:
        del self._entries[array.number]
        self.dependencies.forget(array.rest)

    def _tell(self, array: Array, at: float) -> None:
        """Record how an array stands where that has changed; forget it when it is DONE."""
        if array.state is array.told:
            return
        self._record(array.rest, at)
        if array.told is State.DONE:
            self.arrays.forget(array)
            self._note_end(array.number, array.verdict.result)

    def _record(
        self,
        entry: Entry,
        at: float,
        verdict: Verdict | None = None,
        past: PastAttempt | None = None,
    ) -> None:
        if entry.job.tasks is None:
            super()._record(entry, at, verdict, past)
            return
        array = self.arrays[entry.job.job_id]
        array.told = array.state
        self._records.append(_array_record(array, at))


def _array_record(array: Array, at: float) -> Record:
    """Return how an array stands; while it is STOPPING the reason says what ends it."""
    done = array.state is State.DONE
    if array.state is State.RUNNING and array.began_at is not None:
        at = array.began_at
    verdict = array.verdict if done else array.dropped
    return Record(
        job_id=array.number,
        attempt=array.rest.job.attempt,
        state=array.state,
        at=at,
        started_at=at if array.state is State.RUNNING else None,
        result=verdict.result if verdict and done else None,
        reason=verdict.reason if verdict else None,
        tasks=array.counts,
    )
