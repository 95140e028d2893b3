"""What a machine has, and how much of it others use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .resources import Resources


@dataclass(frozen=True, slots=True)
class Core:
    """A logical CPU; two with the same ``sibling_group`` are hyperthreads of one core."""

    number: int
    sibling_group: int
    numa_node: int = 0


@dataclass(frozen=True, slots=True)
class Gpu:
    """A whole GPU; ``uuid`` is what the driver calls it, empty when declared by configuration."""

    number: int
    name: str = "gpu"
    uuid: str = ""
    memory_bytes: int = 0
    numa_node: int = 0


@dataclass(frozen=True, slots=True)
class Machine:
    """What the engine may give to jobs on this host, after affinity, cgroups and limits.

    ``limited_by`` names what made it less than the host has (``affinity``, ``cgroup``,
    ``CPU_LIMIT``, ``configuration``), for the person who wonders. ``tokens`` are countable things
    such as licences, by name; ``labels`` are what a job may require the machine to be.
    """

    hostname: str
    cores: tuple[Core, ...]
    memory_bytes: int
    gpus: tuple[Gpu, ...] = ()
    limited_by: tuple[str, ...] = ()
    tokens: Mapping[str, int] = field(default_factory=dict)
    labels: tuple[str, ...] = ()

    @property
    def amounts(self) -> Resources:
        """The whole machine as amounts."""
        return Resources(len(self.cores), self.memory_bytes, len(self.gpus))


@dataclass(frozen=True, slots=True)
class OthersUse:
    """What processes outside our jobs use now; busy GPUs are skipped, memory is subtracted."""

    cores: float = 0.0
    memory_bytes: int = 0
    busy_gpus: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Enforcement:
    """What the runtime holds a job to here, in the words shown on the job.

    ``cores``: ``enforced`` or ``pinned, not enforced`` or ``not pinned``;
    ``memory``: ``enforced`` or ``not enforced``; ``gpus``: ``enforced`` or ``not enforced``.
    """

    cores: str
    memory: str
    gpus: str
