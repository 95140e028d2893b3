"""Recorded machines: the files of /proc and /sys that matter, laid out below a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jupyter_hpccontainers.machine.host import Host

GIB = 2**30

#: Both versions of cgroups side by side, as Debian 10 and this project's first machine had it.
HYBRID_MOUNTS = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
"""
#: A Docker container on a host with version 1: it sees its own part of each hierarchy only.
V1_CONTAINER_MOUNTS = """\
500 400 0:50 / / rw - overlay overlay rw,lowerdir=/l
532 500 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct
534 500 0:31 /docker/abc /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset
535 500 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
"""
V1_CONTAINER_MEMBERSHIP = """\
5:memory:/docker/abc
4:cpuset:/docker/abc
3:cpu,cpuacct:/docker/abc
"""
V2_MOUNTS = """\
27 1 254:0 / / rw,relatime - ext4 /dev/sda2 rw
30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate
"""


def laid_out(
    root: Path,
    *,
    cores: str = "0-3",
    affinity: str = "",
    memory_bytes: int = 16 * GIB,
    mounts: str = V2_MOUNTS,
    membership: str = "0::/user.slice\n",
    files: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Host:
    """Write a machine's files and return it; ``files`` adds or replaces some."""
    every = {
        "/proc/self/status": f"Name:\tpython\nCpus_allowed_list:\t{affinity or cores}\n",
        "/proc/self/mountinfo": mounts,
        "/proc/self/cgroup": membership,
        "/proc/meminfo": f"MemTotal:  {memory_bytes // 1024} kB\nMemFree:  10 kB\n",
        "/proc/sys/kernel/hostname": "node7\n",
        "/sys/devices/system/cpu/online": f"{cores}\n",
        **(files or {}),
    }
    for path, text in every.items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return Host(root=root, environ=environ or {})


def hyperthreads(sockets: int, cores: int) -> dict[str, str]:
    """Topology as Intel numbers it: all first threads, socket by socket, then all second ones."""
    files = {}
    for core in range(sockets * cores):
        twin = core + sockets * cores
        for number in (core, twin):
            folder = f"/sys/devices/system/cpu/cpu{number}/topology"
            files[f"{folder}/thread_siblings_list"] = f"{core},{twin}\n"
    for socket in range(sockets):
        first, last = socket * cores, (socket + 1) * cores - 1
        total = sockets * cores
        files[f"/sys/devices/system/node/node{socket}/cpulist"] = (
            f"{first}-{last},{first + total}-{last + total}\n"
        )
    return files


class NvmlFailed(Exception):
    """What pynvml raises for every error."""


@dataclass
class RecordedNvml:
    """NVML's answers, replayed: the only part of a machine the tests do not have."""

    gpus: list[dict[str, Any]] = field(default_factory=list)
    driver: bool = True
    started: int = 0

    @property
    def NVMLError(self) -> type[Exception]:
        return NvmlFailed

    def nvmlInit(self) -> None:
        if not self.driver:
            raise NvmlFailed("Driver Not Loaded")
        self.started += 1

    def nvmlShutdown(self) -> None:
        self.started -= 1

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> dict[str, Any]:
        if self.gpus[index].get("lost"):
            raise NvmlFailed("GPU is lost")
        return self.gpus[index]

    def nvmlDeviceGetUUID(self, handle: dict[str, Any]) -> str:
        return str(handle["uuid"])

    def nvmlDeviceGetName(self, handle: dict[str, Any]) -> bytes:
        return b"NVIDIA A100-SXM4-80GB"

    def nvmlDeviceGetMemoryInfo(self, handle: dict[str, Any]) -> SimpleNamespace:
        return SimpleNamespace(total=80 * GIB, used=handle.get("used", 0))

    def nvmlDeviceGetPciInfo(self, handle: dict[str, Any]) -> SimpleNamespace:
        return SimpleNamespace(busId=handle.get("bus", b"00000000:3B:00.0"))

    def nvmlDeviceGetComputeRunningProcesses(self, handle: dict[str, Any]) -> list[Any]:
        return [SimpleNamespace(pid=pid, usedGpuMemory=None) for pid in handle.get("pids", ())]
