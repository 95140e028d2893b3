"""What a Docker or Podman daemon says of itself, in the words the engine decides with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..model.machine import Enforcement
from .order import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerInfo:
    """The daemon behind one socket.

    ``rootless``: it runs as a person, whom container user 0 stands for. ``userns_remap``: a
    daemon of root that maps every container's ids away. ``live_restore``: jobs live on while it
    restarts. ``limits_*``: the kernel's controllers it can use. ``suspends``: it can freeze
    a container.
    """

    socket: str
    version: str
    api_version: str
    podman: bool = False
    rootless: bool = False
    userns_remap: bool = False
    live_restore: bool = False
    cgroup_version: str = ""
    limits_cores: bool = True
    limits_memory: bool = True
    limits_swap: bool = True
    limits_pids: bool = True
    suspends: bool = True

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{'Podman' if self.podman else 'Docker'} {self.version}"

    @property
    def enforcement(self) -> Enforcement:
        """What a job is held to here; devices are always kept by the device cgroup."""
        return Enforcement(
            cores="enforced" if self.limits_cores else "not pinned",
            memory="enforced" if self.limits_memory else "not enforced",
            gpus="enforced",
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know of this daemon, for ``doctor``."""
        said = {
            "jobs end when the daemon restarts (live-restore is off)": not self.live_restore,
            "swap is not limited": self.limits_memory and not self.limits_swap,
            "the number of processes is not limited": not self.limits_pids,
            "jobs can't be suspended": not self.suspends,
        }
        return tuple(text for text, holds in said.items() if holds)

    def inside(self, person: Person) -> Person:
        """Return the person with the ids a container of this daemon must use for them."""
        if self.rootless:
            return replace(person, container_uid=0, container_gid=0)
        return replace(person, outside_remap=self.userns_remap)


def docker_info(socket: str, info: Mapping[str, Any], version: Mapping[str, Any]) -> DockerInfo:
    """Return the words for what ``GET /info`` and ``GET /version`` answered."""
    options = {_option_name(option) for option in info.get("SecurityOptions") or ()}
    podman = any("Podman" in str(part.get("Name")) for part in version.get("Components") or ())
    rootless = "rootless" in options or bool(info.get("Rootless"))
    # Without a cgroup driver (rootless, no delegation) the daemon drops every limit. Podman
    # names what the kernel has even where a person's own service may use none of it.
    limits = info.get("CgroupDriver") != "none" and not (podman and rootless)
    return DockerInfo(
        socket=socket,
        version=str(version.get("Version", "")),
        api_version=str(version.get("ApiVersion", "")),
        podman=podman,
        rootless=rootless,
        userns_remap="userns" in options,
        # Podman has no daemon that its containers could die with.
        live_restore=podman or bool(info.get("LiveRestoreEnabled")),
        cgroup_version=str(info.get("CgroupVersion", "")),
        limits_cores=limits and bool(info.get("CPUSet", True)),
        limits_memory=limits and bool(info.get("MemoryLimit", True)),
        limits_swap=limits and bool(info.get("SwapLimit", True)),
        limits_pids=limits and bool(info.get("PidsLimit", True)),
        # Containers are frozen as a cgroup; a person has none of version 1 to freeze.
        suspends=info.get("CgroupDriver") != "none"
        and not (rootless and str(info.get("CgroupVersion", "")) == "1"),
    )


def _option_name(option: str) -> str:
    """``name=seccomp,profile=default`` → ``seccomp``."""
    return option.split(",", maxsplit=1)[0].removeprefix("name=")
