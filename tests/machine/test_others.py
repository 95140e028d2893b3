"""What others use, with real processes that really use it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recorded import GIB, V2_MOUNTS, laid_out

from jupyter_hpccontainers.machine.host import Host
from jupyter_hpccontainers.machine.inventory import Declared, inventory, memory_total
from jupyter_hpccontainers.machine.others import OthersWatch
from jupyter_hpccontainers.model.machine import Core, Machine

HOG_BYTES = 400 * 2**20

#: Fills memory in a child of a child, so that the tree must be followed; then waits.
HOG = f"""
import os, sys
child = os.fork()
if child == 0:
    held = b"x" * {HOG_BYTES}
    print("full", flush=True)
sys.stdin.read()
"""
#: Uses a core for a while of CPU time, then waits.
SPINNER = """
import sys, time
while time.process_time() < 0.4:
    pass
print("tired", flush=True)
sys.stdin.read()
"""


@contextmanager
def running(script: str) -> Iterator[int]:
    """Run a script until it has printed a line; it ends when its input does."""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process.pid
        assert process.stdin is not None
        process.stdin.close()


def whole_machine() -> Machine:
    """This machine with every byte for jobs, so that nothing is hidden by the system's share."""
    found = inventory(Declared(), Host(environ={}))
    return Machine("here", found.cores, memory_total(Host()))


def test_a_memory_hog_of_others_is_theirs_and_one_of_our_jobs_is_not() -> None:
    watch = OthersWatch(whole_machine())
    with running(HOG) as hog:
        as_theirs = watch.now([]).memory_bytes
        as_ours = watch.now([hog]).memory_bytes
    difference = as_theirs - as_ours
    assert HOG_BYTES * 0.9 < difference < HOG_BYTES * 1.5


def test_memory_that_jobs_were_not_to_have_is_nobodys_loss() -> None:
    little = Machine("here", (Core(0, 0),), 64 * 2**20)
    assert OthersWatch(little).now([]).memory_bytes == 0


def test_a_spinning_process_counts_for_others_unless_it_is_ours() -> None:
    theirs, ours = OthersWatch(whole_machine()), OthersWatch(whole_machine())
    assert theirs.now([]).cores == 0.0, "nothing to compare with yet"
    ours.now([])
    with running(SPINNER) as spinner:
        as_theirs, as_ours = theirs.now([]).cores, ours.now([spinner]).cores
    assert as_theirs > as_ours


def test_a_process_that_is_gone_is_no_error() -> None:
    with running(SPINNER) as gone:
        pass
    assert OthersWatch(whole_machine()).now([gone, 0, 1, -1]).memory_bytes >= 0


def group(current: int, file: int, shmem: int) -> dict[str, str]:
    return {"memory.current": f"{current}", "memory.stat": f"anon 1\nfile {file}\nshmem {shmem}"}


def below(folder: str, files: dict[str, str]) -> dict[str, str]:
    return {f"/sys/fs/cgroup{folder}/{name}": text for name, text in files.items()}


def test_a_job_in_its_own_cgroup_counts_with_what_cannot_be_dropped(tmp_path: Path) -> None:
    job = os.getpid()
    host = laid_out(
        tmp_path,
        mounts=V2_MOUNTS,
        membership="0::/user.slice/engine\n",
        files={
            f"/proc/{job}/cgroup": "0::/system.slice/docker-abc.scope\n",
            "/proc/meminfo": f"MemTotal: {16 * 2**20} kB\nMemAvailable: {6 * 2**20} kB\n",
            # 5 GiB in all, 3 of them files, of which 1 is a tmpfs: 3 cannot be dropped
            **below("/system.slice/docker-abc.scope", group(5 * GIB, 3 * GIB, GIB)),
        },
    )
    watch = OthersWatch(Machine("x", (Core(0, 0),), 16 * GIB), host)
    assert watch.now([]).memory_bytes == 10 * GIB
    assert watch.now([job]).memory_bytes == 7 * GIB


def test_inside_a_limited_cgroup_only_what_is_in_it_counts(tmp_path: Path) -> None:
    host = laid_out(
        tmp_path,
        mounts=V2_MOUNTS,
        membership="0::/hub/ann\n",
        files={
            "/proc/meminfo": f"MemTotal: {64 * 2**20} kB\nMemAvailable: {40 * 2**20} kB\n",
            **below("/hub/ann", {"memory.max": f"{4 * GIB}", **group(3 * GIB, GIB, 0)}),
        },
    )
    machine = inventory(Declared(memory_bytes=4 * GIB), host)
    assert machine.memory_bytes == 4 * GIB
    assert OthersWatch(machine, host).now([]).memory_bytes == 2 * GIB
