"""What processes outside our jobs use now: their memory, GPUs and cores are shown as theirs."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ..model.machine import Machine, OthersUse
from .gpus import GpuUse, NvidiaGpus
from .host import Host
from .inventory import meminfo, memory_limits, memory_total
from .processes import Process, all_processes, descendants

#: An idle driver may hold some hundred MiB of a GPU; more than this is somebody's.
BUSY_GPU_BYTES = 1024 * 2**20


@dataclass(frozen=True, slots=True)
class _Sample:
    """Ticks of CPU time: of the machine's cores, and of our jobs by process."""

    busy: int
    total: int
    ours: Mapping[tuple[int, int], int]


class OthersWatch:
    """Asked now and then; cores are averaged over the time since it was asked before."""

    def __init__(
        self, machine: Machine, host: Host | None = None, nvidia: NvidiaGpus | None = None
    ) -> None:
        self._machine = machine
        self._host = host or Host()
        self._nvidia = nvidia
        self._before: _Sample | None = None

    def now(self, job_pids: Iterable[int], held_gpus: Collection[int] = ()) -> OthersUse:
        """Return what others use; ``job_pids`` are the first processes of our jobs.

        Memory counts only where it takes from what jobs were to have: the share that is kept for
        the system, and memory beyond a configured limit, are not the jobs' to begin with.
        ``held_gpus`` are allocated to our jobs, and busy by others only where a process that is
        not ours is seen on them.
        """
        trees = self._trees(job_pids)
        ours = {process.pid for tree in trees.values() for process in tree}
        return OthersUse(
            cores=self._cores([process for tree in trees.values() for process in tree]),
            memory_bytes=self._memory(trees),
            busy_gpus=busy_gpus(
                self._nvidia.use() if self._nvidia else [],
                ours,
                held_gpus,
                {gpu.number for gpu in self._machine.gpus if gpu.uuid},
            ),
        )

    def _trees(self, pids: Iterable[int]) -> dict[int, list[Process]]:
        every = all_processes()
        by_pid = {process.pid: process for process in every}
        return {
            pid: [by_pid[pid], *descendants(pid, every)]
            for pid in pids
            if pid in by_pid and pid > 1
        }

    def _cores(self, ours: Iterable[Process]) -> float:
        after, before = self._sample(ours), self._before
        self._before = after
        if before is None or after.total <= before.total:
            return 0.0
        mine = sum(ticks - before.ours.get(key, 0) for key, ticks in after.ours.items())
        elapsed = (after.total - before.total) / len(self._machine.cores)
        used = (after.busy - before.busy - mine) / elapsed
        return round(min(max(used, 0.0), float(len(self._machine.cores))), 2)

    def _sample(self, ours: Iterable[Process]) -> _Sample:
        busy, total = _core_ticks(self._host, {core.number for core in self._machine.cores})
        ticks = {(p.pid, p.start_ticks): _process_ticks(self._host, p.pid) for p in ours}
        return _Sample(busy, total, ticks)

    def _memory(self, trees: Mapping[int, Collection[Process]]) -> int:
        held = {pid: self._tree_memory(pid, tree) for pid, tree in trees.items()}
        used = memory_total(self._host) - meminfo(self._host, "MemAvailable")
        left = [memory_total(self._host) - max(0, used - sum(held.values()))]
        for level, limit in memory_limits(self._host):
            inside = sum(amount for pid, amount in held.items() if self._is_below(pid, level))
            left.append(limit - max(0, _group_memory(self._host, level) - inside))
        return min(max(0, self._machine.memory_bytes - min(left)), self._machine.memory_bytes)

    def _tree_memory(self, pid: int, tree: Collection[Process]) -> int:
        """Exact where the job has a cgroup of its own, else the sum of its resident sets."""
        group, own = _memory_folder(self._host, pid), _memory_folder(self._host, "self")
        if group and not f"{own}/".startswith(f"{group}/"):
            return _group_memory(self._host, group)
        return sum(_resident(self._host, process.pid) for process in tree)

    def _is_below(self, pid: int, level: str) -> bool:
        return f"{_memory_folder(self._host, pid)}/".startswith(f"{level}/")


def busy_gpus(
    uses: Iterable[GpuUse], ours: Collection[int], held: Collection[int], known: Collection[int]
) -> frozenset[int]:
    """Return the GPUs of the machine on which a process outside our jobs is seen.

    Where the driver names no process (as in a container), memory in use on a GPU that is not
    held tells of somebody.
    """
    return frozenset(
        use.number
        for use in uses
        if use.number in known
        and (
            any(pid not in ours for pid in use.pids)
            or (use.number not in held and use.used_bytes > BUSY_GPU_BYTES)
        )
    )


def _core_ticks(host: Host, numbers: Collection[int]) -> tuple[int, int]:
    """Busy and all ticks of these cores (proc_stat(5)); waiting for a disk is not busy."""
    busy = total = 0
    for line in host.text("/proc/stat").splitlines():
        name, *figures = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in numbers:
            # user, nice, system, idle, iowait, irq, softirq, steal; guest time is in user.
            ticks = [int(figure) for figure in figures[:8]]
            total += sum(ticks)
            busy += sum(ticks) - ticks[3] - ticks[4]
    return busy, total


def _process_ticks(host: Host, pid: int) -> int:
    """User and system time of a process (proc_pid_stat(5), fields 14 and 15)."""
    fields = host.text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]) if len(fields) > 12 else 0


def _resident(host: Host, pid: int) -> int:
    """Bytes in memory (proc_pid_statm(5), resident)."""
    fields = host.text(f"/proc/{pid}/statm").split()
    return int(fields[1]) * os.sysconf("SC_PAGESIZE") if len(fields) > 1 else 0


def _memory_folder(host: Host, pid: int | str) -> str:
    folders = host.cgroups(pid)
    return folders.get("memory", folders.get("", ""))


def _group_memory(host: Host, folder: str) -> int:
    """What a cgroup holds that cannot be dropped like a cache: all but files, with tmpfs."""
    figures = dict(
        line.split(None, 1)
        for line in host.text(f"{folder}/memory.stat").splitlines()
        if " " in line
    )
    v2 = host.text(f"{folder}/memory.current")
    usage = v2 or host.text(f"{folder}/memory.usage_in_bytes")
    files = figures.get("file" if v2 else "total_cache", "0")
    shared = figures.get("shmem" if v2 else "total_shmem", "0")
    return max(0, int(usage) - int(files) + int(shared)) if usage.isdigit() else 0
