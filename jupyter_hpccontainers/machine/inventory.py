"""What this machine has for jobs: the cores, memory and GPUs that this process may use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from ..model.errors import InvalidSpec
from ..model.machine import Core, Gpu, Machine
from .gpus import NvidiaGpus, usable_gpus
from .host import Host, parse_cpu_list

_CPUS = "/sys/devices/system/cpu"
_NODES = "/sys/devices/system/node"

#: Of a machine's memory this share is kept for the system and for Jupyter itself, within bounds.
_SYSTEM_SHARE = 0.05
_SYSTEM_LEAST_BYTES = 256 * 2**20
_SYSTEM_MOST_BYTES = 4 * 2**30

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the configuration says of the machine; None leaves it to what is found.

    ``cores`` are numbers of logical CPUs, ``memory_bytes`` is what jobs may have in all (nothing
    more is kept for the system then); both can only make less of what is found. ``gpus`` is a
    number (the first so many, with or without a driver that names them) or the GPUs themselves.
    """

    cores: tuple[int, ...] | None = None
    memory_bytes: int | None = None
    gpus: int | tuple[Gpu, ...] | None = None


def inventory(
    declared: Declared, host: Host | None = None, nvidia: NvidiaGpus | None = None
) -> Machine:
    """Return what the engine may give to jobs.

    Cores: the scheduler affinity, the cgroup's cpuset, its CPU quota at every level (v1
    ``cpu.cfs_quota_us``, v2 ``cpu.max``) and JupyterHub's CPU_LIMIT, fractions rounded down, at
    least one. Memory: the least of MemTotal, the cgroup's limits and MEM_LIMIT, less a share kept
    for the system (5 %, at least 256 MiB, at most 4 GiB). Raises InvalidSpec where the
    configuration names cores of which this process may use none.
    """
    host = host or Host()
    limits = _Limits()
    cores = _cores(declared, host, limits)
    memory_bytes = _memory(declared, host, limits)
    gpus = _gpus(declared, host, nvidia, limits)
    return Machine(
        hostname=host.text("/proc/sys/kernel/hostname"),
        cores=cores,
        memory_bytes=memory_bytes,
        gpus=gpus,
        limited_by=tuple(limits.names),
    )


class _Limits:
    """Collects the names of what made the machine less than the host has."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def keep(self, found: frozenset[int], allowed: Iterable[int], name: str) -> frozenset[int]:
        """Return what is in both; names the limit where that is less."""
        kept = found & frozenset(allowed)
        if kept != found:
            self.add(name)
        return kept

    def least(self, amounts: Iterable[tuple[int, str]]) -> int:
        """Return the least amount; names whose it is, unless it is the host's own (no name)."""
        amount, name = min(amounts)
        self.add(name)
        return amount

    def add(self, name: str) -> None:
        if name and name not in self.names:
            self.names.append(name)


def _cores(declared: Declared, host: Host, limits: _Limits) -> tuple[Core, ...]:
    numbers = _online(host)
    cpuset = _cpuset(host)
    if cpuset:
        numbers = limits.keep(numbers, cpuset, "cgroup cpuset")
    numbers = limits.keep(numbers, _affinity(host) or numbers, "affinity")
    if declared.cores is not None:
        numbers = _declared_cores(numbers, declared.cores, limits)
    cores = [_core(host, number) for number in numbers]
    # Hyperthreads of one core stay together, and so do the cores of a memory node.
    cores.sort(key=lambda core: (core.numa_node, core.sibling_group, core.number))
    most = limits.least([(len(cores), ""), *_core_counts(host)])
    return tuple(sorted(cores[:most], key=lambda core: core.number))


def _online(host: Host) -> frozenset[int]:
    online = parse_cpu_list(host.text(f"{_CPUS}/online"))
    return online or _affinity(host) or frozenset({0})


def _affinity(host: Host) -> frozenset[int]:
    """As sched_getaffinity(2), read from proc_pid_status(5)."""
    found = re.search(r"^Cpus_allowed_list:\s*(\S+)", host.text("/proc/self/status"), re.MULTILINE)
    return parse_cpu_list(found[1]) if found else frozenset()


def _cpuset(host: Host) -> frozenset[int]:
    """Return the nearest cpuset that names any core; version 2 leaves it empty to inherit."""
    for level in host.cgroup_levels("cpuset"):
        for name in ("cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus"):
            numbers = parse_cpu_list(host.text(f"{level}/{name}"))
            if numbers:
                return numbers
    return frozenset()


def _declared_cores(
    numbers: frozenset[int], declared: tuple[int, ...], limits: _Limits
) -> frozenset[int]:
    kept = limits.keep(numbers, declared, "configuration")
    if not kept:
        raise InvalidSpec(
            f"the configuration names cores {sorted(declared)}, of which none is usable here",
            cure=f"name some of {sorted(numbers)}",
            field="cores",
        )
    return kept


def _core_counts(host: Host) -> Iterator[tuple[int, str]]:
    """How many whole cores each limit leaves; less than one still runs one job at a time."""
    for level in host.cgroup_levels("cpu"):
        quota = _quota(host, level)
        if quota is not None:
            yield max(1, int(quota)), "cgroup cpu quota"
    with suppress(ValueError):
        limit = float(host.environ.get("CPU_LIMIT", ""))
        if limit > 0:
            yield max(1, int(min(limit, 2**20))), "CPU_LIMIT"


def _quota(host: Host, level: str) -> float | None:
    """CPUs' worth of time a level may use (cgroup-v2.rst "cpu.max"; sched-bwc.rst)."""
    words = host.text(f"{level}/cpu.max").split() or [
        host.text(f"{level}/cpu.cfs_quota_us"),
        host.text(f"{level}/cpu.cfs_period_us"),
    ]
    if len(words) != 2 or not all(word.isdigit() for word in words) or "0" in words:
        return None  # "max" in version 2, -1 in version 1: no limit
    return int(words[0]) / int(words[1])


def _core(host: Host, number: int) -> Core:
    topology = f"{_CPUS}/cpu{number}/topology"
    siblings = parse_cpu_list(
        host.text(f"{topology}/core_cpus_list") or host.text(f"{topology}/thread_siblings_list")
    )
    nodes = [folder.name for folder in host.path(f"{_CPUS}/cpu{number}").glob("node[0-9]*")]
    return Core(number, min(siblings, default=number), _node(host, number, nodes))


def _node(host: Host, number: int, links: list[str]) -> int:
    if links:
        return int(links[0].removeprefix("node"))
    for folder in sorted(host.path(_NODES).glob("node[0-9]*")):
        if number in parse_cpu_list(host.text(f"{_NODES}/{folder.name}/cpulist")):
            return int(folder.name.removeprefix("node"))
    return 0


def _memory(declared: Declared, host: Host, limits: _Limits) -> int:
    groups = ((limit, "cgroup memory") for _, limit in memory_limits(host))
    found = limits.least([(memory_total(host), ""), *groups, *_hub_memory(host)])
    if declared.memory_bytes is not None and declared.memory_bytes <= found:
        limits.add("configuration")
        return declared.memory_bytes
    limits.add("system share")
    return max(0, found - system_share(found))


def memory_total(host: Host) -> int:
    """Return the host's memory in bytes (proc_meminfo(5), MemTotal)."""
    return meminfo(host, "MemTotal")


def meminfo(host: Host, key: str) -> int:
    """Return a figure of proc_meminfo(5) in bytes; 0 where the kernel does not tell it."""
    found = re.search(rf"^{key}:\s*(\d+) kB", host.text("/proc/meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def memory_limits(host: Host) -> Iterator[tuple[str, int]]:
    """Yield folder and bytes of every memory limit of the own cgroup and of those above it.

    Version 1 says "no limit" with a number near 2**63, which never is the least.
    """
    for level in host.cgroup_levels("memory"):
        for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
            text = host.text(f"{level}/{name}")
            if text.isdigit():
                yield level, int(text)


def _hub_memory(host: Host) -> Iterator[tuple[int, str]]:
    """JupyterHub tells a server its limit in bytes, people also write 4G (powers of 1024)."""
    found = _AMOUNT.fullmatch(host.environ.get("MEM_LIMIT", "").strip())
    if found and float(found[1]) > 0:
        yield int(float(found[1]) * _UNITS[found[2].lower()]), "MEM_LIMIT"


def system_share(memory_bytes: int) -> int:
    """Return how many of these bytes are kept for the system and for Jupyter itself."""
    share = int(memory_bytes * _SYSTEM_SHARE)
    return min(max(share, _SYSTEM_LEAST_BYTES), _SYSTEM_MOST_BYTES, memory_bytes // 2)


def _gpus(
    declared: Declared, host: Host, nvidia: NvidiaGpus | None, limits: _Limits
) -> tuple[Gpu, ...]:
    match declared.gpus:
        case tuple() as named:
            return named
        case int(count):
            found = nvidia.present(host) if nvidia else ()
            numbered = {gpu.number: gpu for gpu in found}
            return tuple(numbered.get(number, Gpu(number)) for number in range(count))
        case None:
            found = nvidia.present(host) if nvidia else ()
            usable = usable_gpus(found, host.environ)
            if usable != found:
                limits.add("CUDA_VISIBLE_DEVICES")
            return usable
