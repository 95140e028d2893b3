"""How many jobs each person has waiting, and the most that one may have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from ...model.errors import TooMany
from ...model.job import Job
from ...model.workflow import told_of
from ...scheduler.core import Scheduler
from ...store.records import Submission
from .ledger import Ledger


class Pending:
    """Counts jobs that wait or are held, and each task of an array that has not begun.

    So an array counts as much as its tasks submitted one by one would, as in Slurm.
    """

    def __init__(self, most: int | None, ledger: Ledger, scheduler: Scheduler) -> None:
        self._most = most
        self._ledger = ledger
        self._scheduler = scheduler
        self._arriving: Counter[str] = Counter()

    def of(self, user: str) -> int:
        """Return how many of a person's jobs and tasks wait, or are just being recorded."""
        jobs = [row.job for row in self._ledger.active.values() if row.owner.user == user]
        return sum(map(self._waiting, jobs)) + self._arriving[user]

    def check(self, submission: Submission) -> None:
        """Raise TooMany where the person would have more waiting than one may."""
        if self._most is not None:
            self._check(submission, self.of(submission.owner.user), self._most)

    @contextmanager
    def arriving(self, submissions: Sequence[Submission]) -> Iterator[None]:
        """Keep places while jobs are recorded; raises TooMany. Others that arrive count them."""
        arriving: Counter[str] = Counter()
        # Counted once for each person: a workflow has many jobs.
        waiting = cache(self.of)
        for one in submissions:
            user = one.owner.user
            if self._most is not None:
                with told_of(one.part):
                    self._check(one, waiting(user) + arriving[user], self._most)
            arriving[user] += _count(one)
        self._arriving += arriving
        try:
            yield
        finally:
            self._arriving -= arriving

    @staticmethod
    def _check(submission: Submission, waiting: int, most: int) -> None:
        user, count = submission.owner.user, _count(submission)
        if waiting + count > most:
            more = f", the {count} tasks of this array would be too many" if count > 1 else ""
            raise TooMany(
                f"{user} has {waiting} of at most {most} jobs waiting{more}",
                cure="wait for some to start, or cancel some",
                waiting=waiting,
                most=most,
            )

    def _waiting(self, job: Job) -> int:
        if job.spec.array is None:
            return int(job.state.waits)
        tasks = self._scheduler.tasks_of(job.id)
        # Not handed to the scheduler yet: it has only just been recorded.
        return tasks.pending if tasks is not None else job.spec.array.count


def _count(submission: Submission) -> int:
    return submission.spec.array.count if submission.spec.array else 1
