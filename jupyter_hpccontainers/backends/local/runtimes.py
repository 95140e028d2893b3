"""The container runtimes of this machine: which answer, and which runs a job."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...images.fetch import DockerImages, Fetched, Fetches
from ...images.local import list_images
from ...images.references import Reference, Source, parse_reference
from ...images.sif_cache import SifCache
from ...images.sif_facts import SifFacts
from ...images.sources import DockerSource, SifSource
from ...machine.attempt import Attempt
from ...model.errors import HpccError, ImageNotFound, RuntimeUnavailable, StateConflict
from ...model.job import Image, JobSpec, RuntimeChoice
from ...runtimes.apptainer import find_apptainer
from ...runtimes.docker import find_docker
from ...runtimes.docker_socket import ping
from ...store.records import StoredJob
from .apptainer_runtime import ApptainerRuntime
from .config import LocalConfig
from .docker_runtime import DockerRuntime
from .folders import Folders
from .people import person_of_row
from .present import Present

#: How long an answer is believed: one job asks four times within milliseconds.
_UP_S = 1.0
#: How long a runtime that did not answer is not asked again: a silent socket costs seconds.
_DOWN_S = 5.0


class Runtimes:
    """Finds runtimes when they are first needed, and again after they were away.

    Everything here may wait for a daemon: callers give it a thread.
    """

    def __init__(self, config: LocalConfig, folders: Folders, engine: str) -> None:
        self._config = config
        self._folders = folders
        self._engine = engine
        self._lock = threading.RLock()
        self._found: dict[RuntimeChoice, Present] = {}
        self._seen: dict[RuntimeChoice, float] = {}
        self._down: dict[RuntimeChoice, tuple[float, HpccError]] = {}
        self._cache = SifCache(config.image_cache)
        self._cache.sweep()
        self._fetches: Fetches | None = None
        self._facts: SifFacts | None = None

    # ----------------------------------------------------------------- which are there

    def get(self, choice: RuntimeChoice) -> Present:
        """Return a runtime that answers now; raises RuntimeUnavailable saying what to do."""
        if choice not in self._config.runtimes:
            raise RuntimeUnavailable(
                f"runtime {choice} is not allowed here",
                cure=f"one of {', '.join(self._config.runtimes)}",
                field="runtime",
            )
        with self._lock:
            known = self._found.get(choice)
            if known is not None and self._answers(known):
                self._seen[choice] = time.monotonic()
                return known
            since, error = self._down.get(choice, (float("-inf"), None))
            if error is not None and time.monotonic() - since < _DOWN_S:
                raise error
            try:
                self._found[choice] = self._find(choice)
            except HpccError as down:
                self._found.pop(choice, None)
                self._down[choice] = (time.monotonic(), down)
                raise
            self._down.pop(choice, None)
            return self._found[choice]

    def present(self) -> list[Present]:
        """Return the allowed runtimes that answer, best first."""
        return [found for choice in self._config.runtimes if (found := self._try(choice))]

    def missing(self) -> dict[RuntimeChoice, HpccError]:
        """Return why each allowed runtime that does not answer does not."""
        return {c: self._down[c][1] for c in self._config.runtimes if self._try(c) is None}

    def sockets(self) -> tuple[str, ...]:
        """Return the daemons' sockets, which no job may have."""
        return tuple(
            found.where for found in self._found.values() if found.choice is RuntimeChoice.DOCKER
        )

    # ------------------------------------------------------------------------ for a job

    def choose(self, spec: JobSpec, workdir: str) -> tuple[Reference, Present]:
        """Return the image a spec means and the runtime for it; raises HpccError at the door."""
        reference = self._locate(parse_reference(spec.image, folder=workdir))
        choice = spec.runtime
        file = reference.source in {Source.FILE, Source.ORAS}
        if choice is RuntimeChoice.AUTO and file:
            choice = RuntimeChoice.APPTAINER
        if choice is RuntimeChoice.AUTO:
            return reference, self._first()
        return reference, self.get(choice)

    async def bring(self, row: StoredJob, progress: Callable[[Mapping[str, Any]], None]) -> Fetched:
        """Return the job's image, fetched if need be; raises HpccError.

        Cancelling leaves the fetch; it ends when no other job waits for it.
        """
        reference = self._locate(parse_reference(row.job.spec.image, folder=row.restart.workdir))
        await asyncio.to_thread(self.get, row.job.runtime)
        future = self._open_fetches().begin(
            reference, row.job.runtime, lambda look: progress(look.as_json())
        )
        return await asyncio.wrap_future(future)

    def look(self, row: StoredJob, reference: str) -> Present:
        """Read what a job's image says of itself; return its runtime. Raises HpccError."""
        runtime = self.get(row.job.runtime)
        runtime.facts(reference, runtime.inside(person_of_row(row)))
        return runtime

    def refuse_suspension(self, row: StoredJob) -> None:
        """Raise StateConflict where the runtime of a job can't let it stand still."""
        runtime = self.get(row.job.runtime)
        if not runtime.suspends:
            raise StateConflict(
                f"job {row.job.id} can't be suspended: {runtime.name} can freeze nothing",
                cure="give the daemon a cgroup (delegation), or run the job under Apptainer",
                job_id=row.job.id,
                state=row.job.state.value,
            )

    def end_leftovers(self, row: StoredJob, attempt: Attempt) -> None:
        """End what an attempt without supervisor left."""
        name = f"hpcc-{self._engine[:8]}-{row.job.id}-{row.job.attempt}"
        self.get(row.job.runtime).end_leftovers(name, attempt)

    def images(self, search: str) -> list[Image]:
        """List Docker's images and SIF files."""
        return list(
            list_images(
                docker=self._docker(),
                folders=self._config.image_folders,
                cache=self._cache,
                facts=self._sif_facts(),
                search=search,
            )
        )

    def _first(self) -> Present:
        present = self.present()
        if present:
            return present[0]
        errors = self.missing().values()
        raise RuntimeUnavailable(
            "no container runtime answers: " + "; ".join(error.message for error in errors),
            cure="; or ".join(dict.fromkeys(error.cure for error in errors if error.cure)),
        )

    def _locate(self, reference: Reference) -> Reference:
        """Return a file where it is: as named, else in one of the image folders."""
        if reference.source is not Source.FILE:
            return reference
        path = Path(reference.path)
        for candidate in (path, *(folder / path.name for folder in self._config.image_folders)):
            if candidate.exists():
                return Reference(source=Source.FILE, path=os.path.realpath(candidate))
        raise ImageNotFound(
            f"there is no image {reference.path}",
            cure="correct the path, or see what is here: %container images",
            field="image",
        )

    # --------------------------------------------------------------------------- finding

    def _try(self, choice: RuntimeChoice) -> Present | None:
        try:
            return self.get(choice)
        except HpccError:
            return None

    def _answers(self, known: Present) -> bool:
        if time.monotonic() - self._seen.get(known.choice, float("-inf")) < _UP_S:
            return True
        if known.choice is not RuntimeChoice.DOCKER:
            return os.access(known.where, os.X_OK)
        try:
            ping(known.where)
        except HpccError:
            return False
        return True

    def _find(self, choice: RuntimeChoice) -> Present:
        if choice is RuntimeChoice.DOCKER:
            docker = find_docker(self._config.docker_host)
            return DockerRuntime(docker, str(self._folders.jobs), self._config.host_paths)
        return ApptainerRuntime(find_apptainer(scratch=str(self._folders.scratch)))

    def _docker(self) -> DockerImages | None:
        if RuntimeChoice.DOCKER not in self._config.runtimes:
            return None
        found = self._try(RuntimeChoice.DOCKER)
        return found.docker if isinstance(found, DockerRuntime) else None

    def _program(self) -> str:
        apptainer = self._try(RuntimeChoice.APPTAINER)
        return apptainer.where if apptainer else ""

    def _sif_facts(self) -> SifFacts:
        with self._lock:
            if self._facts is None:
                store = self._config.state_folder / "sif-facts.json"
                self._facts = SifFacts(store, self._program(), str(self._folders.scratch))
            return self._facts

    def _open_fetches(self) -> Fetches:
        with self._lock:
            if self._fetches is None:
                program = self._program() or "apptainer"
                self._fetches = Fetches(
                    {
                        RuntimeChoice.DOCKER: DockerSource(self._docker),
                        RuntimeChoice.APPTAINER: SifSource(
                            program,
                            self._cache,
                            self._sif_facts(),
                            self._docker,
                            os.environ,
                        ),
                    }
                )
            return self._fetches
