"""Carries out a start: the order of one container, its folder, its supervisor."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ...machine.attempt import Attempt, Standing, prepare, write_order
from ...machine.spare import Spare
from ...model.arrays import Array
from ...model.errors import HpccError, MountRefused, StateConflict
from ...model.job import JobSpec
from ...model.machine import Machine
from ...model.resources import Allocation
from ...model.states import Reason, ReasonCode
from ...runtimes.docker_config import mount_points
from ...runtimes.order import RunOrder
from ...scheduler.actions import Start
from ...store.records import StoredJob
from .config import LocalConfig
from .folders import Folders
from .people import person_of_row
from .present import Present
from .runtimes import Runtimes


class Launch:
    """Starts attempts; blocks for milliseconds, so the caller gives it a thread."""

    def __init__(
        self,
        config: LocalConfig,
        machine: Machine,
        folders: Folders,
        runtimes: Runtimes,
        engine: str,
    ) -> None:
        self._config = config
        self._machine = machine
        self._folders = folders
        self._runtimes = runtimes
        self._engine = engine
        self._spare = Spare(folders.jobs)

    def start(
        self, row: StoredJob, action: Start, array: Array | None = None
    ) -> tuple[Attempt, subprocess.Popen[bytes]]:
        """Prepare the attempt's folder and spawn its supervisor; raises HpccError."""
        runtime = self._runtimes.get(row.job.runtime)
        order = replace(self._order(row, action, runtime), array=array)
        _refuse_swapped(order)
        attempt = Attempt(self._folders.jobs / str(row.job.id) / str(action.attempt))
        if attempt.folder.exists() and attempt.standing() is Standing.NEVER_SPAWNED:
            # An engine that died between preparing and spawning left it; nothing ran there.
            self._folders.discard(attempt)
        identity, what = runtime.configure(order)
        script = order.spec.script
        try:
            attempt = prepare(
                self._folders.jobs,
                row.job.id,
                action.attempt,
                uid=order.person.uid,
                gid=order.person.gid,
                script=script.encode() if script is not None else None,
                identity=identity,
                folders=mount_points(order),
            )
            write_order(attempt, {**what, **self._common(order.spec)})
            return attempt, self._spare.spawn(attempt)
        except OSError as error:
            raise StateConflict(
                f"the job's folder cannot be made: {error.strerror}",
                cure="make room on the disk of the state folder",
            ) from error

    def make_ready(self) -> None:
        """Have a supervisor waiting for the next start, which is quicker for it."""
        with suppress(OSError):
            self._spare.restock()

    def close(self) -> None:
        """Let go of what was made ready."""
        self._spare.close()

    def _common(self, spec: JobSpec) -> Mapping[str, Any]:
        return {
            "tty": spec.tty,
            "merge_stderr": spec.merge_stderr,
            "grace_s": self._config.grace_s,
            "start_timeout_s": self._config.start_timeout_s,
            "signal": spec.signal.name if spec.signal else None,
        }

    def _order(self, row: StoredJob, action: Start, runtime: Present) -> RunOrder:
        job = row.job
        person = person_of_row(row)
        folder = self._folders.jobs / str(job.id) / str(action.attempt)
        return RunOrder(
            job_id=job.id,
            attempt=action.attempt,
            engine=self._engine,
            spec=job.spec,
            allocation=action.allocation,
            person=runtime.inside(person),
            image=runtime.facts(row.restart.image_reference, person),
            job_dir=str(folder / "dir"),
            workdir=row.restart.workdir,
            network=job.spec.network,
            mounts=job.spec.mounts,
            gpu_uuids=self._gpu_uuids(action.allocation),
            env=self._config.site_env,
            host_paths=runtime.host_paths,
            task=job.task,
        )

    def _gpu_uuids(self, allocation: Allocation) -> tuple[str, ...]:
        uuids = {gpu.number: gpu.uuid for gpu in self._machine.gpus}
        found = tuple(uuids.get(number, "") for number in allocation.gpus)
        return found if all(found) else ()


def _refuse_swapped(order: RunOrder) -> None:
    """Refuse a path that was swapped for a link since it was vetted at the door.

    What was vetted had no link in it: as long as that holds, it is the same place.
    """
    for path in (order.workdir, *(mount.source for mount in order.mounts)):
        if os.path.realpath(path) != path:
            raise MountRefused(
                f"{path} is now a link to {os.path.realpath(path)}",
                cure="submit the job again with the path you mean",
            )


def failure(error: HpccError) -> Reason:
    """Return why an attempt could not be started."""
    return Reason(ReasonCode.START_FAILED, {"message": error.message, "cure": error.cure})
