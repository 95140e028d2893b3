"""Control groups of Apptainer jobs: where they are made, what they hold a job to, their removal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from supervisor_lab import Lab, until

from jupyter_hpccontainers.machine import cgroups
from jupyter_hpccontainers.machine.attempt import Ask
from jupyter_hpccontainers.machine.enforcement import apptainer_enforcement

HYBRID_MOUNTS = """\
30 24 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw
31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
32 30 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
34 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
"""


def test_each_controller_is_found_where_this_process_is() -> None:
    membership = (
        "4:memory:/user/1\n3:cpu,cpuacct:/\n2:cpuset:/\n1:name=systemd:/x\n0::/init.scope\n"
    )
    assert cgroups.own_folders(HYBRID_MOUNTS, membership) == {
        "": "/sys/fs/cgroup/unified/init.scope",
        "cpuset": "/sys/fs/cgroup/cpuset",
        "cpu": "/sys/fs/cgroup/cpu,cpuacct",
        "cpuacct": "/sys/fs/cgroup/cpu,cpuacct",
        "memory": "/sys/fs/cgroup/memory/user/1",
    }


def test_version_2_alone_is_one_folder() -> None:
    mounts = "31 30 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
    assert cgroups.own_folders(mounts, "0::/user.slice/a.scope\n") == {
        "": "/sys/fs/cgroup/user.slice/a.scope"
    }


def test_in_a_container_the_mount_shows_only_what_is_below_it() -> None:
    mounts = "34 30 0:30 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
    assert cgroups.own_folders(mounts, "4:memory:/docker/abc/sub\n") == {
        "memory": "/sys/fs/cgroup/memory/sub"
    }
    assert cgroups.own_folders(mounts, "4:memory:/docker/abcdef\n") == {
        "memory": "/sys/fs/cgroup/memory"
    }


def test_the_words_on_the_job_follow_the_rights() -> None:
    held = apptainer_enforcement(frozenset({"cpuset", "memory", "pids", "kill"}))
    assert (held.cores, held.memory, held.gpus) == ("enforced", "enforced", "not enforced")
    free = apptainer_enforcement(frozenset())
    assert (free.cores, free.memory) == ("pinned, not enforced", "not enforced")


@pytest.mark.as_root
def test_a_group_that_is_made_holds_its_limits_and_goes() -> None:
    core = min(os.sched_getaffinity(0))
    name = f"hpcc-test-{os.getpid()}"
    group = cgroups.create(name, cores=[core], memory_bytes=64 * 2**20, pids_limit=30)
    program = (
        "import os, sys; from jupyter_hpccontainers.machine.cgroups import JobCgroup; "
        "JobCgroup(eval(sys.argv[1])).join(); print(os.sched_getaffinity(0), flush=True); "
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, repr(group.folders)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as inside:
        assert inside.stdout is not None
        assert inside.stdout.readline() == f"{{{core}}}\n"
        assert group.pids() == [inside.pid]
        assert group.kill()
        assert inside.wait(10) == -9
    group.remove()
    assert not any(Path(path).exists() for path in group.folders.values())


@pytest.mark.as_root
def test_processor_time_is_that_of_the_cores_given_even_when_a_job_wants_more(
    apptainer_lab: Lab,
) -> None:
    """Two spinning processes on one core get one core's time, whatever they ask of affinity."""
    assert apptainer_enforcement().cores == "enforced"
    body = """
import os, time
try:
    os.sched_setaffinity(0, range(os.cpu_count()))
except OSError:
    pass
if os.fork() == 0:
    end = time.monotonic() + 2
    while time.monotonic() < end: pass
    os._exit(0)
begin = time.monotonic()
while time.monotonic() < begin + 2: pass
os.wait()
wall = time.monotonic() - begin
used = sum(os.times()[:4])
print(used / wall)
"""
    job = apptainer_lab.run(body)
    assert job.ended().exit_code == 0
    assert float(job.out) <= 1.1


@pytest.mark.as_root
def test_a_fork_bomb_meets_its_limit(apptainer_lab: Lab) -> None:
    body = """
import os, time
made = 0
try:
    while made < 1000:
        if os.fork() == 0:
            time.sleep(300)
        made += 1
except BlockingIOError:
    print(made, flush=True)
time.sleep(300)
"""
    job = apptainer_lab.run(body, pids_limit=40).says(b"\n")
    assert 1 <= int(job.out) <= 60
    job.ask(Ask.KILL)
    assert job.ended().exit_code == 137


@pytest.mark.as_root
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_cancel_removes_everything_however_deep_the_engine_sits(
    apptainer_lab: Lab, levels: int
) -> None:
    """The engine (here: this test) in a nested group, as under a session manager or a container."""
    folders = cgroups.own_folders(
        Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text()
    )
    homes = {folders[name] for name in (cgroups.CPUSET, cgroups.MEMORY, "") if name in folders}
    nested = [home + f"/hpcc-nest-{os.getpid()}" + "/deep" * (levels - 1) for home in homes]
    for path in nested:
        _make(path)
    try:
        for path in nested:
            Path(f"{path}/cgroup.procs").write_text(str(os.getpid()))
        stubborn = (
            "import os, signal, time\nsignal.signal(15, signal.SIG_IGN)\n"
            "if os.fork() == 0:\n  os.setsid()\n  os.fork()\nos.write(1, b'on ')\n"
            "time.sleep(300)\n"
        )
        job = apptainer_lab.run(stubborn, grace_s=0.1).says(b"on on on ")
        inside = cgroups.JobCgroup({})
        for path in nested:
            assert list(Path(path).glob("hpcc-*")), path
            inside.folders[path] = str(next(Path(path).glob("hpcc-*")))
        assert inside.pids()
        job.ask(Ask.STOP)
        assert job.ended().exit_code == 137
        assert inside.pids() == []
        assert not any(list(Path(path).glob("hpcc-*")) for path in nested)
    finally:
        apptainer_lab.close()
        for home in homes:
            Path(f"{home}/cgroup.procs").write_text(str(os.getpid()))
        for path in nested:
            _unmake(path, levels)


def _make(path: str) -> None:
    """Make a folder below a group; version 1 wants its cores and memory nodes handed down."""
    here = Path(path)
    for folder in reversed([here, *here.parents]):
        if folder.exists():
            continue
        folder.mkdir()
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (folder / name).exists() and "unified" not in path:
                (folder / name).write_text((folder.parent / name).read_text())


def _unmake(path: str, levels: int) -> None:
    folder = Path(path)
    for _ in range(levels):
        until(lambda folder=folder: not (folder / "cgroup.procs").read_text(), "an empty group")
        folder.rmdir()
        folder = folder.parent
