"""Docker, or Podman by its Docker-compatible socket, as a runtime of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...images.fetch import Fetched
from ...images.references import Reference, Source
from ...images.sources import find_local
from ...machine.attempt import Attempt
from ...model.job import Network, RuntimeChoice
from ...runtimes.docker import Docker
from ...runtimes.docker_config import docker_config, identity_files
from ...runtimes.order import ImageFacts, Person, RunOrder


class DockerRuntime:
    """See ``present.Present``."""

    choice = RuntimeChoice.DOCKER

    def __init__(self, docker: Docker, jobs_folder: str, host_paths: Mapping[str, str]) -> None:
        self.docker = docker
        self.info = docker.info()
        self.name = self.info.name
        self.where = docker.socket
        self.enforcement = self.info.enforcement
        self.suspends = self.info.suspends
        self.warnings = self.info.warnings
        docker.sweep()
        self._jobs_folder = jobs_folder
        self.host_paths: Mapping[str, str] = {**docker.own_mounts(), **host_paths}
        self._proven = False

    def facts(self, reference: str, person: Person) -> ImageFacts:
        """Return what the image says; before the first job the daemon proves that it sees us."""
        facts = self.docker.known_facts(reference) or self.docker.image_facts(reference)
        if not self._proven:
            self.docker.prove_mount(self._jobs_folder, reference, self.host_paths)
            self._proven = True
        return facts

    def at_hand(self, reference: Reference, person: Person) -> Fetched | None:
        """One question to the daemon: which image the name means now."""
        if reference.source in {Source.FILE, Source.ORAS} or not self._proven:
            return None
        image_id = find_local(self.docker, reference)
        known = self.docker.known_facts(image_id) if image_id else None
        return Fetched(reference=image_id, digest=known.digest) if known else None

    def inside(self, person: Person) -> Person:
        """Return the person with the ids this daemon maps them to."""
        return self.info.inside(person)

    def network(self, asked: Network, *, default: bool = False) -> Network:
        """Docker has every network."""
        return asked

    def configure(self, order: RunOrder) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """Return the identity files and the create body."""
        # Podman 4 reads mounts as comma-separated text; Docker does not, so any path will do.
        order = replace(order, text_mounts=self.info.podman)
        what = {
            "runtime": "docker",
            "socket": self.docker.socket,
            "name": order.name,
            "create": docker_config(order),
            "candidates": [],
        }
        return identity_files(order), what

    def end_leftovers(self, name: str, attempt: Attempt) -> None:
        """Remove the container: without its supervisor its output would be lost unseen."""
        self.docker.remove(name)
