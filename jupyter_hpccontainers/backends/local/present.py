"""A runtime that answers here: what every runtime is asked, in one shape for both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ...images.fetch import Fetched
from ...images.references import Reference
from ...machine.attempt import Attempt
from ...model.job import Network, RuntimeChoice
from ...model.machine import Enforcement
from ...runtimes.order import ImageFacts, Person, RunOrder


class Present(Protocol):
    """One container runtime of this machine."""

    choice: RuntimeChoice
    #: Name and version, as people say it.
    name: str
    #: Its socket or program.
    where: str
    enforcement: Enforcement
    #: Whether its jobs can be suspended.
    suspends: bool
    #: Paths here and what the runtime calls them, where it lives elsewhere.
    host_paths: Mapping[str, str]
    #: What a person should know of it, for the doctor.
    warnings: tuple[str, ...]

    def facts(self, reference: str, person: Person) -> ImageFacts:
        """Return what an image that is here says of itself; raises ImageNotFound."""

    def at_hand(self, reference: Reference, person: Person) -> Fetched | None:
        """Return an image that is here and was looked at before; None needs a fetch or a look."""

    def inside(self, person: Person) -> Person:
        """Return the person with the ids a container must use for them."""

    def network(self, asked: Network, *, default: bool = False) -> Network:
        """Return the network a job gets; raises NotAllowed where this runtime has it not.

        ``default``: nobody asked, so the nearest this runtime has will do.
        """

    def configure(self, order: RunOrder) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """Return the identity files and the runtime's part of ``supervisor.json``."""

    def end_leftovers(self, name: str, attempt: Attempt) -> None:
        """End what an attempt whose supervisor was killed left running."""
