"""Where each runtime's images come from: a daemon's registry, a SIF file, a conversion."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from ..model.errors import ImageNotFound, InvalidSpec, RuntimeUnavailable
from .apptainer_build import ApptainerBuild, BuildFailed
from .failures import failure
from .fetch import DockerImages, Fetched, Report, Stop
from .progress import DockerProgress, Phase, Progress
from .references import Reference, Source
from .sif_cache import CachedSif, SifCache
from .sif_facts import SifFacts

#: Returns the daemon, or None where there is none; it may come and go while an engine lives.
FindDocker = Callable[[], DockerImages | None]


class DockerSource:
    """Images of a Docker or Podman daemon; pulled when they are not there."""

    def __init__(self, docker: FindDocker) -> None:
        self._docker = docker

    def fetch(self, reference: Reference, report: Report, stop: Stop) -> Fetched:
        """Return the local image, pulled if need be."""
        if reference.source in {Source.FILE, Source.ORAS}:
            raise InvalidSpec(
                f"Docker can't run {reference.familiar}",
                cure="use --runtime apptainer, or an image of a registry",
                field="image",
            )
        docker = self._docker()
        if docker is None:
            raise RuntimeUnavailable("no Docker or Podman answers", cure="start it, or see doctor")
        image_id = find_local(docker, reference)
        if not image_id and reference.source is Source.REGISTRY:
            _pull(docker, reference, report, stop)
            image_id = find_local(docker, reference)
        found = docker.find_image(image_id) if image_id else None
        if found is None:
            raise failure(reference, "no such image")
        return Fetched(reference=image_id, digest=found.digest, size_bytes=found.size_bytes)


def find_local(docker: DockerImages, reference: Reference) -> str:
    """Return a local image's id, '' when it is not here.

    By the short name first: Podman keeps what was built here as ``localhost/NAME``, which only
    the short name finds.
    """
    return docker.find_id(reference.familiar) or docker.find_id(reference.canonical)


def _pull(docker: DockerImages, reference: Reference, report: Report, stop: Stop) -> None:
    report(Progress(Phase.PULL, text=f"asking {reference.domain}"))
    progress = DockerProgress()
    pull = docker.pull(reference.canonical)
    with stop.by(pull.close):
        for event in pull:
            if event.get("error"):
                raise failure(reference, str(event["error"]))
            report(progress.take(event))


class SifSource:
    """Images of Apptainer: a file or folder as it is, else a SIF made once and kept by digest.

    A registry's image that Docker has already is converted from there, else Apptainer pulls it.
    """

    def __init__(
        self,
        program: str,
        cache: SifCache,
        facts: SifFacts,
        docker: FindDocker,
        environ: Mapping[str, str],
    ) -> None:
        self._program = program
        self._cache = cache
        self._facts = facts
        self._docker = docker
        self._environ = environ

    def fetch(self, reference: Reference, report: Report, stop: Stop) -> Fetched:
        """Return the SIF or folder, converted or pulled if need be."""
        if reference.source is Source.FILE:
            return self._file(reference)
        docker = self._docker()
        image_id = find_local(docker, reference) if docker else ""
        if docker and image_id:
            return self._convert(docker, reference, image_id, report, stop)
        if reference.source is Source.LOCAL_ID:
            raise failure(reference, "no such image")
        return self._pull(reference, report, stop)

    def _file(self, reference: Reference) -> Fetched:
        """A file or unpacked folder as it is; a SIF's digest is read once per content."""
        try:
            size = os.stat(reference.path).st_size
            digest = self._facts.digest(reference.path)
        except OSError as error:
            raise ImageNotFound(
                f"there is no image {reference.path}: {error.strerror}",
                cure="correct the path",
                field="image",
            ) from None
        return Fetched(
            reference=reference.path, digest=digest, path=reference.path, size_bytes=size
        )

    def _convert(
        self, docker: DockerImages, reference: Reference, image_id: str, report: Report, stop: Stop
    ) -> Fetched:
        """Make the SIF of exactly this image id, whatever its tag means by then."""
        uri = f"docker-daemon:{image_id}"
        environ = {**self._environ, "DOCKER_HOST": f"unix://{docker.socket}"}
        image = docker.find_image(image_id)
        with self._cache.building(image_id) as (folder, lock):
            if self._cache.find_digest(image_id):
                found = self._cache.name(reference.canonical, image_id)
            else:
                report(Progress(Phase.CONVERT, text="reading the image from Docker"))
                self._build(uri, reference, folder, lock, environ, report, stop)
                found = self._cache.keep(folder / "image.sif", reference.canonical, image_id)
        return _cached(found, image.digest if image else image_id)

    def _pull(self, reference: Reference, report: Report, stop: Stop) -> Fetched:
        """Pull a name once: like a local tag of Docker's it stays until it is removed."""
        with self._cache.building(reference.canonical) as (folder, lock):
            found = self._cache.find(reference.canonical)
            if found is None:
                report(Progress(Phase.PULL, text=f"asking {reference.domain}"))
                self._build(reference.uri, reference, folder, lock, self._environ, report, stop)
                found = self._cache.keep(
                    folder / "image.sif", reference.canonical, reference.digest
                )
        return _cached(found, found.digest)

    def _build(
        self,
        uri: str,
        reference: Reference,
        folder: Path,
        lock: int,
        environ: Mapping[str, str],
        report: Report,
        stop: Stop,
    ) -> None:
        stop.check()
        try:
            build = ApptainerBuild(
                self._program,
                uri,
                folder / "image.sif",
                folder=folder,
                environ=environ,
                plain_http=reference.loopback,
                keep_open=(lock,),
            )
            with stop.by(build.stop):
                build.run(report)
        except BuildFailed as failed:
            raise failure(reference, str(failed)) from None
        except OSError as error:
            raise RuntimeUnavailable(
                f"{self._program} can't be run: {error.strerror}", cure="install Apptainer"
            ) from None


def _cached(found: CachedSif, digest: str) -> Fetched:
    return Fetched(
        reference=found.path, digest=digest, path=found.path, size_bytes=found.size_bytes
    )
