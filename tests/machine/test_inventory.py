"""The inventory of recorded machines, and of this one."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest
from recorded import (
    GIB,
    HYBRID_MOUNTS,
    V1_CONTAINER_MEMBERSHIP,
    V1_CONTAINER_MOUNTS,
    hyperthreads,
    laid_out,
)

from jupyter_hpccontainers.machine.host import Host, parse_cpu_list
from jupyter_hpccontainers.machine.inventory import Declared, inventory, system_share
from jupyter_hpccontainers.model.errors import InvalidSpec
from jupyter_hpccontainers.model.machine import Core, Machine

NOTHING = Declared()


def numbers(machine: Machine) -> list[int]:
    return [core.number for core in machine.cores]


def test_an_unlimited_machine_is_all_there(tmp_path: Path) -> None:
    machine = inventory(NOTHING, laid_out(tmp_path))
    assert machine.hostname == "node7"
    assert numbers(machine) == [0, 1, 2, 3]
    assert machine.memory_bytes == 16 * GIB - system_share(16 * GIB)
    assert machine.limited_by == ("system share",)
    assert machine.gpus == ()


def test_this_machine_agrees_with_psutil_and_the_kernel() -> None:
    machine = inventory(NOTHING, Host(environ={}))
    assert {*numbers(machine)} <= os.sched_getaffinity(0)
    assert machine.cores
    assert machine.memory_bytes <= psutil.virtual_memory().total
    if not {"cgroup cpu quota", "cgroup cpuset"} & {*machine.limited_by}:
        assert {*numbers(machine)} == os.sched_getaffinity(0)


def test_affinity_narrows(tmp_path: Path) -> None:
    machine = inventory(NOTHING, laid_out(tmp_path, cores="0-7", affinity="2,5-6"))
    assert numbers(machine) == [2, 5, 6]
    assert "affinity" in machine.limited_by


@pytest.mark.parametrize(
    ("quota", "cores"), [("150000 100000", 1), ("200000 100000", 2), ("5000 100000", 1)]
)
def test_a_v2_quota_anywhere_above_is_rounded_down(tmp_path: Path, quota: str, cores: int) -> None:
    host = laid_out(
        tmp_path,
        membership="0::/user.slice/user-1000.slice/session-2.scope\n",
        files={
            "/sys/fs/cgroup/user.slice/cpu.max": f"{quota}\n",
            "/sys/fs/cgroup/user.slice/user-1000.slice/cpu.max": "max 100000\n",
            "/sys/fs/cgroup/user.slice/user-1000.slice/memory.max": "max\n",
            "/sys/fs/cgroup/user.slice/memory.max": f"{4 * GIB}\n",
        },
    )
    machine = inventory(NOTHING, host)
    assert len(machine.cores) == cores
    assert machine.memory_bytes == 4 * GIB - system_share(4 * GIB)
    assert machine.limited_by == ("cgroup cpu quota", "cgroup memory", "system share")


def test_v2_soft_memory_limit_and_cpuset(tmp_path: Path) -> None:
    host = laid_out(
        tmp_path,
        membership="0::/a/b\n",
        files={
            "/sys/fs/cgroup/a/b/memory.max": f"{8 * GIB}\n",
            "/sys/fs/cgroup/a/b/memory.high": f"{6 * GIB}\n",
            "/sys/fs/cgroup/a/b/cpuset.cpus.effective": "1-2\n",
        },
    )
    machine = inventory(NOTHING, host)
    assert numbers(machine) == [1, 2]
    assert machine.memory_bytes == 6 * GIB - system_share(6 * GIB)
    assert machine.limited_by[:2] == ("cgroup cpuset", "cgroup memory")


def test_v1_quota_inside_a_container(tmp_path: Path) -> None:
    host = laid_out(
        tmp_path,
        cores="0-7",
        mounts=V1_CONTAINER_MOUNTS,
        membership=V1_CONTAINER_MEMBERSHIP,
        files={
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2 * GIB}\n",
            "/sys/fs/cgroup/cpuset/cpuset.cpus": "4-7\n",
        },
    )
    machine = inventory(NOTHING, host)
    assert numbers(machine) == [4, 5]
    assert machine.memory_bytes == 2 * GIB - system_share(2 * GIB)


def test_v1_without_limits_says_so_with_large_numbers(tmp_path: Path) -> None:
    host = laid_out(
        tmp_path,
        mounts=HYBRID_MOUNTS,
        membership="4:memory:/x\n3:cpuset:/\n1:cpu,cpuacct:/\n0::/\n",
        files={
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9223372036854771712\n",
            "/sys/fs/cgroup/cpuset/cpuset.cpus": "0-3\n",
        },
    )
    assert inventory(NOTHING, host).limited_by == ("system share",)


def test_hybrid_takes_each_limit_where_its_controller_is(tmp_path: Path) -> None:
    host = laid_out(
        tmp_path,
        mounts=HYBRID_MOUNTS,
        membership="4:memory:/job\n3:cpuset:/\n1:cpu,cpuacct:/job/step\n0::/job\n",
        files={
            "/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "300000\n",
            "/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/memory/job/memory.limit_in_bytes": f"{3 * GIB}\n",
        },
    )
    machine = inventory(NOTHING, host)
    assert len(machine.cores) == 3
    assert machine.memory_bytes == 3 * GIB - system_share(3 * GIB)


def test_two_sockets_with_hyperthreads(tmp_path: Path) -> None:
    machine = inventory(NOTHING, laid_out(tmp_path, cores="0-7", files=hyperthreads(2, 2)))
    assert machine.cores == (
        Core(0, 0, 0),
        Core(1, 1, 0),
        Core(2, 2, 1),
        Core(3, 3, 1),
        Core(4, 0, 0),
        Core(5, 1, 0),
        Core(6, 2, 1),
        Core(7, 3, 1),
    )


def test_a_quota_leaves_whole_cores_of_one_memory_node(tmp_path: Path) -> None:
    host = laid_out(tmp_path, cores="0-7", files=hyperthreads(2, 2), environ={"CPU_LIMIT": "4.0"})
    assert numbers(inventory(NOTHING, host)) == [0, 1, 4, 5]


@pytest.mark.parametrize(
    ("cpu", "cores"), [("2.9", 2), ("0.5", 1), ("4", 4), ("64", 4), ("", 4), ("many", 4), ("0", 4)]
)
def test_the_hubs_cpu_limit_is_rounded_down(tmp_path: Path, cpu: str, cores: int) -> None:
    machine = inventory(NOTHING, laid_out(tmp_path, environ={"CPU_LIMIT": cpu}))
    assert len(machine.cores) == cores
    assert ("CPU_LIMIT" in machine.limited_by) == (cores < 4)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        (str(3 * GIB), 3 * GIB),
        ("2G", 2 * GIB),
        ("512M", GIB // 2),
        ("2097152K", 2 * GIB),
        ("1.5g", 3 * GIB // 2),
        ("1T", 16 * GIB),
        ("lots", 16 * GIB),
        ("0", 16 * GIB),
    ],
)
def test_the_hubs_memory_limit_in_all_its_spellings(tmp_path: Path, text: str, amount: int) -> None:
    machine = inventory(NOTHING, laid_out(tmp_path, environ={"MEM_LIMIT": text}))
    assert machine.memory_bytes == amount - system_share(amount)
    assert ("MEM_LIMIT" in machine.limited_by) == (amount < 16 * GIB)


def test_configuration_makes_less_of_it_never_more(tmp_path: Path) -> None:
    host = laid_out(tmp_path)
    less = inventory(Declared(cores=(1, 3, 9), memory_bytes=5 * GIB), host)
    assert numbers(less) == [1, 3]
    assert less.memory_bytes == 5 * GIB, "no further share: the person said how much"
    assert less.limited_by == ("configuration",)
    more = inventory(Declared(memory_bytes=64 * GIB), host)
    assert more.memory_bytes == 16 * GIB - system_share(16 * GIB)


def test_configured_cores_that_are_not_here_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match=r"\[8, 9\]") as refused:
        inventory(Declared(cores=(8, 9)), laid_out(tmp_path))
    assert "[0, 1, 2, 3]" in refused.value.cure


def test_the_system_keeps_its_share_within_bounds() -> None:
    assert system_share(10 * GIB) == GIB // 2
    assert system_share(2 * GIB) == 256 * 2**20
    assert system_share(512 * GIB) == 4 * GIB
    assert system_share(2**28) == 2**27, "never more than half"


def test_cpu_lists() -> None:
    assert parse_cpu_list("0-2,5,8-9\n") == {0, 1, 2, 5, 8, 9}
    assert parse_cpu_list("") == frozenset()
