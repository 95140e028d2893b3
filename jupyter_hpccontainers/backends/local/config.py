"""What the administrator decides for this machine, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...model.job import Network, RuntimeChoice
from ...scheduler.policy import DEFAULT, Policy
from .projects import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalConfig:
    """The engine's traits handed down; what each means is said in ``engine/app.py``."""

    state_folder: Path
    runtimes: tuple[RuntimeChoice, ...] = (RuntimeChoice.DOCKER, RuntimeChoice.APPTAINER)
    docker_host: str = ""
    image_folders: tuple[Path, ...] = ()
    image_cache: Path = Path()
    cores: tuple[int, ...] | None = None
    memory_bytes: int | None = None
    gpus: int | None = None
    default_network: Network = Network.BRIDGE
    networks: tuple[Network, ...] = (Network.NONE, Network.BRIDGE, Network.HOST)
    grace_s: float = 10.0
    start_timeout_s: float = 120.0
    keep_days: float = 30.0
    keep_gb: float = 20.0
    min_free_bytes: int = 64 * 2**20
    run_as: str = ""
    allow_root: bool = False
    max_pending: int = 10_000
    max_pending_per_user: int | None = None
    projects: Mapping[str, Project] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    rule_folders: tuple[str, ...] = ()
    rules_timeout_s: float = 5.0
    policy: Policy = DEFAULT
    tokens: Mapping[str, int] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    site_env: Mapping[str, str] = field(default_factory=dict)
    host_paths: Mapping[str, str] = field(default_factory=dict)
