"""The state folder: where the database, the attempts and the cached images are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ...machine.attempt import Attempt
from ...model.errors import EngineError
from ...model.job import Job
from .job_log import JobLog


class Folders:
    """Paths below the state folder; each job's attempts lie in ``jobs/<id>/<attempt>``."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.database = state / "jobs.sqlite"
        self.drained = state / "drained"
        self.jobs = state / "jobs"
        self.scratch = state / "scratch"

    def make(self) -> None:
        """Make what is missing; raises EngineError when that is not possible.

        Root's job folders belong to other people, who pass through the folders above them
        without seeing what is in them.
        """
        mode = 0o711 if os.geteuid() == 0 else 0o700
        try:
            # What an engine that was killed left there was for moments only.
            shutil.rmtree(self.scratch, ignore_errors=True)
            for folder in (self.state, self.jobs, self.scratch):
                folder.mkdir(mode=mode, parents=True, exist_ok=True)
                folder.chmod(mode)
        except OSError as error:
            raise EngineError(
                f"the state folder {self.state} cannot be made: {error.strerror}",
                cure="set Engine.state_dir to a folder of yours on a local disk",
            ) from error

    def numbers(self) -> list[int]:
        """Return the numbers of the job folders that are on the disk."""
        return sorted(int(path.name) for path in self.jobs.iterdir() if path.name.isdigit())

    def attempt(self, job: Job) -> Attempt:
        """Return the folder of a job's current attempt."""
        return Attempt(self.jobs / str(job.id) / str(job.attempt))

    def log(self, job: Job, attempt: int | None = None) -> JobLog:
        """Return the log of one attempt, by default of all up to the current one."""
        numbers = range(1, job.attempt + 1) if attempt is None else [attempt]
        return JobLog([self.jobs / str(job.id) / str(number) for number in numbers])

    def discard(self, attempt: Attempt) -> None:
        """Remove a folder that was prepared and never used."""
        shutil.rmtree(attempt.folder, ignore_errors=True)
