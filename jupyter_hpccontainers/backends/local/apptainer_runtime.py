"""Apptainer, or Singularity, as a runtime of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...images.fetch import Fetched
from ...images.references import Reference, Source
from ...machine.attempt import Attempt
from ...machine.cgroups import rights
from ...machine.enforcement import apptainer_enforcement
from ...machine.leftovers import end_leftovers
from ...model.errors import NotAllowed
from ...model.job import Network, RuntimeChoice
from ...runtimes.apptainer import Apptainer
from ...runtimes.apptainer_command import apptainer_command
from ...runtimes.order import ImageFacts, Person, RunOrder
from ...runtimes.world import group_path, group_text, passwd_path, passwd_text


class ApptainerRuntime:
    """See ``present.Present``."""

    choice = RuntimeChoice.APPTAINER

    def __init__(self, apptainer: Apptainer) -> None:
        self.apptainer = apptainer
        self.name = apptainer.version
        self.where = apptainer.program
        self._held = rights()
        self.enforcement = apptainer_enforcement(self._held)
        self.suspends = True
        self.host_paths: Mapping[str, str] = {}
        self.warnings: tuple[str, ...] = ()

    def facts(self, reference: str, person: Person) -> ImageFacts:
        """Return what the image says of itself, read as the person."""
        return self.apptainer.image_facts(reference, person)

    def at_hand(self, reference: Reference, person: Person) -> Fetched | None:
        """A file or folder as it is, once it was looked at; what must be made is a fetch."""
        if reference.source is not Source.FILE:
            return None
        known = self.apptainer.known_facts(reference.path, person)
        if known is None:
            return None
        return Fetched(reference=known.reference, digest=known.digest, path=known.path)

    def inside(self, person: Person) -> Person:
        """The ids are the same inside."""
        return person

    def network(self, asked: Network, *, default: bool = False) -> Network:
        """Return the host's network for a bridge nobody asked for; refuse one that was."""
        if asked is not Network.BRIDGE:
            return asked
        if default:
            return Network.HOST
        raise NotAllowed(
            "Apptainer has no bridge network",
            cure="ask for network host or none, or run the job with Docker",
            field="network",
        )

    def configure(self, order: RunOrder) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """Return the identity files and the command with its limits."""
        flavour = self.apptainer.flavour(order.person, order.image.path)
        command = apptainer_command(order, flavour)
        what = {
            "runtime": "apptainer",
            "argv": list(command.argv),
            "environment": dict(command.environment),
            "cwd": "/",
            "uid": order.person.uid,
            "gid": order.person.gid,
            "groups": list(order.person.groups),
            "cores": list(order.allocation.cores),
            "memory_bytes": order.allocation.memory_bytes,
            "pids_limit": order.pids_limit,
            "cgroup": order.name if self._held else None,
        }
        identity = {passwd_path(order): passwd_text(order), group_path(order): group_text(order)}
        return identity, what

    def end_leftovers(self, name: str, attempt: Attempt) -> None:
        """Kill every process of the attempt's session."""
        end_leftovers(attempt)
