"""What a person asks of a whole array, or of a task that has not begun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..model.errors import StateConflict
from .array_jobs import ArrayJobs
from .entry import Entry
from .events import CancelRequested, ImageFailed, ImageReady, JobEvent, Resumed, Suspended
from .result import CANCELLED
from .transitions import is_legal

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
            if isinstance(event, Suspended | Resumed):
                self._suspend_or_resume_all(job_id, event, now)
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

    def _suspend_or_resume_all(self, number: int, event: Suspended | Resumed, now: float) -> None:
        """Ask it of the tasks that run; those that wait, or are about to run, go on."""
        tasks = [self._jobs[job_id] for job_id in self._jobs.arrays[number].living]
        running = [one for one in tasks if is_legal(one.state, type(event))]
        if not running:
            raise _conflict(number, "no task of array {} runs", "hold it, to let none begin")
        for task in running:
            self._jobs.suspend_or_resume(task, replace(event, job_id=task.job.job_id), now)


def _conflict(job_id: int, message: str, cure: str) -> StateConflict:
    details: dict[str, Any] = {"job_id": job_id}
    return StateConflict(message.format(job_id), cure=cure, **details)
