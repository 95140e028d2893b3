"""What a person asks of a whole array, or of a task that has not begun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..model.errors import StateConflict
from .array_jobs import ArrayJobs
from .entry import Entry
from .events import CancelRequested, ImageFailed, ImageReady, JobEvent
from .result import CANCELLED

#: How the scheduler cancels one job.
Cancel = Callable[[Entry, CancelRequested, float], None]


class ArrayEvents:
    """Takes the events that concern no single entry of the jobs."""

    def __init__(self, jobs: ArrayJobs, cancel: Cancel) -> None:
        self._jobs = jobs
        self._cancel = cancel

    def take(self, event: JobEvent, now: float) -> bool:
        """Do what the event asks where it is about tasks, else return False.

        What waits of an array is an entry as any other; so only its end is taken here. Raises
        StateConflict for what can't be asked of tasks.
        """
        job_id, arrays = event.job_id, self._jobs.arrays
        if not len(arrays):
            return False
        if job_id in arrays:
            if isinstance(event, CancelRequested):
                self._cancel_all(job_id, event, now)
                return True
            if arrays[job_id].left:
                return False
            if not isinstance(event, ImageReady | ImageFailed):
                raise _conflict(job_id, "all tasks of array {} have begun", "name one of them")
            return True
        array = arrays.with_unbegun(job_id)
        if array is None:
            return False
        if not isinstance(event, CancelRequested):
            raise _conflict(job_id, "task {} has not begun", "change the array, or cancel the task")
        self._jobs.skip_task(array, job_id, CANCELLED, now)
        return True

    def _cancel_all(self, number: int, event: CancelRequested, now: float) -> None:
        array = self._jobs.arrays[number]
        if array.left:
            self._jobs.finish(array.rest, CancelRequested, CANCELLED, now)
        elif array.dropped is None:
            self._jobs.stop_array(array, CANCELLED, now)
        for job_id in list(array.living):
            self._cancel(self._jobs[job_id], CancelRequested(job_id, event.kill), now)


def _conflict(job_id: int, message: str, cure: str) -> StateConflict:
    details: dict[str, Any] = {"job_id": job_id}
    return StateConflict(message.format(job_id), cure=cure, **details)
