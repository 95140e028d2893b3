"""What the engine answers beside jobs and images, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..model.machine import Machine, OthersUse
from ..model.resources import Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The engine lives; ``survives`` is empty, or names what would end it with Jupyter."""

    version: str
    api: int
    engine: str
    pid: int
    user: str
    uptime_s: float
    running: int
    pending: int
    busy: bool
    accepting: bool
    survives: str = ""
    drained: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineUse:
    """What the machine has, what jobs hold of it, what others use; ``enforcement`` by runtime."""

    machine: Machine
    used: Resources
    others: OthersUse
    enforcement: Mapping[str, Any] = field(default_factory=dict)
    used_cores: tuple[int, ...] = ()
    used_gpus: tuple[int, ...] = ()
    runtimes: Mapping[str, Any] = field(default_factory=dict)
    drained: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a form may offer; ``max`` is the largest request that can ever start."""

    runtimes: tuple[Mapping[str, Any], ...]
    max: Resources
    networks: tuple[str, ...]
    priorities: tuple[str, ...]
    default_memory_per_core_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the doctor looked at, what it found, and what to do if it is not well."""

    name: str
    ok: bool
    found: str
    cure: str


@dataclass(frozen=True, slots=True)
class JobFile:
    """A file in a job's folder; ``path`` is relative to it."""

    path: str
    size_bytes: int
    modified_at: float = 0.0


@dataclass(frozen=True, slots=True)
class LogPart:
    """Bytes of a log, where they begin, and the size of the whole when they were read."""

    data: bytes
    offset: int
    size: int

    @property
    def end(self) -> int:
        """The offset at which the next part begins."""
        return self.offset + len(self.data)
