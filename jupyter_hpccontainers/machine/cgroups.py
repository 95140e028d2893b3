"""A job's own control group, on version 1, 2 or both at once: limits, ending all of it, OOM kills.

Docker makes its own; this is for Apptainer, whose own options need systemd as init. Sources:
kernel documentation, admin-guide/cgroup-v1 and admin-guide/cgroup-v2.rst; cgroups(7).
"""

from __future__ import annotations

import errno
import os
import time

TYPE_CHECKING = False  # the supervisor imports this file: typing would cost it 1.5 MB
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CPUSET, MEMORY, PIDS, KILL = "cpuset", "memory", "pids", "kill"
_CONTROLLERS = (CPUSET, MEMORY, PIDS)
#: Apptainer's own processes count too: it alone holds about 18 tasks.
_RUNTIME_TASKS = 20
_REMOVE_TRIES = 200
_REMOVE_PAUSE_S = 0.01


class JobCgroup:
    """The folders that are one job's group: controller (or ``kill``) → path."""

    def __init__(self, folders: Mapping[str, str]) -> None:
        self.folders = dict(folders)

    def join(self) -> None:
        """Put the calling process (and all it will start) into the group."""
        for path in sorted(set(self.folders.values())):
            _write(f"{path}/cgroup.procs", "0")

    def kill(self) -> bool:
        """End every process of the group at once (cgroup.kill, Linux 5.14); False: cannot."""
        path = self.folders.get(KILL)
        if path is None:
            return False
        try:
            _write(f"{path}/cgroup.kill", "1")
        except OSError:
            return False
        return True

    def pids(self) -> list[int]:
        """Return the processes in the group."""
        found: set[int] = set()
        for path in set(self.folders.values()):
            found.update(int(line) for line in _read(f"{path}/cgroup.procs").split())
        return sorted(found)

    def oom_kills(self) -> int:
        """Return how many processes of the group were killed for want of memory."""
        path = self.folders.get(MEMORY, "")
        for name in ("memory.events", "memory.oom_control"):
            for line in _read(f"{path}/{name}").splitlines():
                key, _, value = line.partition(" ")
                if key == "oom_kill":
                    return int(value)
        return 0

    def remove(self) -> None:
        """Remove the group; waits up to 2 s for its last process to be gone for good."""
        for path in sorted(set(self.folders.values())):
            _remove(path)


def create(
    name: str, *, cores: Iterable[int], memory_bytes: int | None, pids_limit: int | None
) -> JobCgroup:
    """Make a job's group with its limits, below this process's own groups.

    Controllers without rights are left out: ``folders`` of the answer says which are there.
    """
    made: dict[str, str] = {}
    for controller, base in _bases().items():
        path = f"{base}/{name}"
        try:
            os.makedirs(path, exist_ok=True)
            _limit(controller, path, cores, memory_bytes, pids_limit)
        except OSError:
            if path not in made.values():
                _remove(path)
        else:
            made[controller] = path
    return JobCgroup(made)


def rights() -> frozenset[str]:
    """Return what can be held to here: a subset of cpuset, memory, pids, kill; tried for real."""
    probe = create(
        f"hpcc-probe-{os.getpid()}",
        cores=os.sched_getaffinity(0),
        memory_bytes=2**40,
        pids_limit=4096,
    )
    probe.remove()
    return frozenset(probe.folders)


def _limit(
    controller: str,
    path: str,
    cores: Iterable[int],
    memory_bytes: int | None,
    pids_limit: int | None,
) -> None:
    match controller:
        case "cpuset":
            _limit_cores(path, cores)
        case "memory" if memory_bytes is not None:
            _limit_memory(path, memory_bytes)
        case "pids" if pids_limit is not None:
            _write(f"{path}/pids.max", str(pids_limit + _RUNTIME_TASKS))
        case "kill" if not os.path.exists(f"{path}/cgroup.kill"):
            raise OSError(errno.ENOSYS, "this kernel has no cgroup.kill")


def _limit_cores(path: str, cores: Iterable[int]) -> None:
    """Version 1 wants the memory nodes named too, before the first process may enter."""
    if _version_1(path):
        parent = os.path.dirname(path)
        nodes = _read(f"{parent}/cpuset.effective_mems") or _read(f"{parent}/cpuset.mems")
        _write(f"{path}/cpuset.mems", nodes.strip())
    _write(f"{path}/cpuset.cpus", ",".join(map(str, cores)))


def _limit_memory(path: str, memory_bytes: int) -> None:
    """Memory and swap together are the limit: a job that swaps slows everybody."""
    if _version_1(path):
        _write(f"{path}/memory.limit_in_bytes", str(memory_bytes))
        _offer(f"{path}/memory.memsw.limit_in_bytes", str(memory_bytes))
    else:
        _write(f"{path}/memory.max", str(memory_bytes))
        _offer(f"{path}/memory.swap.max", "0")


def _version_1(path: str) -> bool:
    return not os.path.exists(f"{path}/cgroup.controllers")


def _bases() -> dict[str, str]:
    """Return controller → the folder in which a job's group can be tried."""
    folders = own_folders(_read("/proc/self/mountinfo"), _read("/proc/self/cgroup"))
    bases = {name: folders[name] for name in _CONTROLLERS if name in folders}
    unified = folders.get("")
    if unified is None:
        return bases
    # Two groups of one process tree must lie in one folder of the unified hierarchy.
    base, offered = _delegated(unified, [c for c in _CONTROLLERS if c not in bases])
    return {**bases, **dict.fromkeys(offered, base), KILL: base}


def _delegated(own: str, wanted: list[str]) -> tuple[str, set[str]]:
    """Return the nearest folder above ``own`` that hands out controllers, and which.

    A group with processes in it (our own) can hand out none (the "no internal processes" rule),
    except the root; where nobody does, the job's group still serves to end it whole.
    """
    folder = own
    while wanted and os.path.exists(f"{folder}/cgroup.subtree_control"):
        for controller in wanted:
            _offer(f"{folder}/cgroup.subtree_control", f"+{controller}")
        offered = set(_read(f"{folder}/cgroup.subtree_control").split()) & set(wanted)
        if offered and os.access(folder, os.W_OK) and os.access(f"{folder}/cgroup.procs", os.W_OK):
            return folder, offered
        folder = os.path.dirname(folder)
    return own, set()


def own_folders(mountinfo: str, membership: str) -> dict[str, str]:
    """Return controller → this process's folder, "" for the unified hierarchy (cgroups(7)).

    ``mountinfo`` and ``membership`` are the texts of the two files in /proc/self.
    """
    paths: dict[str, str] = {}
    for line in membership.splitlines():
        _, names, path = line.split(":", 2)
        paths.update(dict.fromkeys(names.split(","), path))
    folders: dict[str, str] = {}
    for line in mountinfo.splitlines():
        fields = line.split()
        kind, _, options = fields[fields.index("-") + 1 :][:3]
        offered = options.split(",") if kind == "cgroup" else [""] if kind == "cgroup2" else []
        for name in offered:
            if name in paths and name not in folders:
                folders[name] = _below(fields[4], fields[3], paths[name])
    return folders


def _below(mount_point: str, mount_root: str, path: str) -> str:
    """Where a hierarchy's path is seen through a mount that shows only what is below a root."""
    parts, root = path.strip("/").split("/"), mount_root.strip("/").split("/")
    if root != [""]:
        if parts[: len(root)] != root:
            return mount_point
        parts = parts[len(root) :]
    return "/".join([mount_point, *filter(None, parts)])


def _remove(path: str) -> None:
    for _ in range(_REMOVE_TRIES):
        try:
            os.rmdir(path)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY:
                return
            time.sleep(_REMOVE_PAUSE_S)
        else:
            return


def _write(path: str, text: str) -> None:
    # Opened without O_CREAT: a file that is not there is a feature this kernel lacks.
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def _offer(path: str, text: str) -> None:
    """Write where that is possible: a kernel without swap accounting, a folder that hands out
    nothing."""
    try:
        _write(path, text)
    except OSError:
        return


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
