"""Cores, memory, GPUs and time: given once, held to, and said where they are not."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_fixture import IsolatedEngine, RunImage
from sampling import sampled

from jupyter_hpccontainers.client.engine import EngineClient
from jupyter_hpccontainers.model.errors import StateConflict
from jupyter_hpccontainers.model.states import ReasonCode, Result

SPIN = """
import os, time
try:
    os.sched_setaffinity(0, range(os.cpu_count()))
except OSError:
    pass
children = []
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        until = time.monotonic() + 2
        while time.monotonic() < until:
            pass
        os._exit(0)
    children.append(pid)
wall = time.monotonic()
for pid in children:
    os.waitpid(pid, 0)
used = os.times()
print((used.children_user + used.children_system) / (time.monotonic() - wall))
"""


def test_a_job_that_widens_its_affinity_gets_no_more_where_enforced(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    job = engine.submit(run_image, script=SPIN)
    done = engine.wait(job)
    assert done.exit_code == 0, engine.output(job)
    assert done.enforcement is not None
    used = float(engine.output(job))
    if done.enforcement.cores == "enforced":
        assert used <= 1.1
    else:
        assert done.enforcement.cores == "pinned, not enforced"


def test_each_job_sees_exactly_its_cores(engine: IsolatedEngine, run_image: RunImage) -> None:
    script = "import os, time; print(sorted(os.sched_getaffinity(0))); time.sleep(0.3)"
    jobs = [engine.submit(run_image, script=script) for _ in range(4)]
    for job in jobs:
        done = engine.wait(job)
        assert done.allocation is not None
        assert engine.output(job).decode().strip() == str(sorted(done.allocation.cores))
        assert len(done.allocation.cores) == 1


def test_twenty_jobs_from_two_doors_never_more_than_the_cores(
    make_engine: Callable[..., IsolatedEngine],
    docker_socket: str,
    docker_image: str,
    sif_image: str,
) -> None:
    engine = make_engine(docker_host=f"unix://{docker_socket}", cores=[0, 1], memory="2g")
    doors = [engine.client, EngineClient(engine.socket)]
    images = [RunImage(docker_image, "docker"), RunImage(sif_image, "apptainer")]
    script = (
        "import os, sys, time\n"
        "for n in range(50):\n"
        "    print('out', n, os.environ['HPCC_JOB_ID'])\n"
        "    print('err', n, file=sys.stderr)\n"
        "time.sleep(0.5)\nprint(sorted(os.sched_getaffinity(0)))\n"
    )
    mark = f"HPCC_JOB_DIR={engine.state}"
    with sampled(mark) as looks:
        jobs = [
            doors[n % 2].submit(
                {
                    "image": images[n % 2].reference, "runtime": images[n % 2].runtime,
                    "workdir": str(engine.workdir), "script": script, "memory": "100m",
                }
            )
            for n in range(20)
        ]  # fmt: skip
        done = [engine.wait(job, 120) for job in jobs]
    doors[1].close()
    assert max(len(look) for look in looks) <= 2
    assert any(len(look) == 2 for look in looks), "both cores were used"
    for look in looks:
        cores = [core for mine in look.values() for core in mine]
        assert len(cores) == len(set(cores)), f"a core held twice: {look}"
    assert {job.result for job in done} == {Result.COMPLETED}
    for job in done:
        assert job.allocation is not None
        out = "".join(f"out {n} {job.id}\n" for n in range(50))
        assert engine.output(job, "stdout").decode() == f"{out}{sorted(job.allocation.cores)}\n"
        assert engine.output(job, "stderr").decode() == "".join(f"err {n}\n" for n in range(50))


def test_running_out_of_memory_is_named(engine: IsolatedEngine, run_image: RunImage) -> None:
    script = "x = bytearray(200 * 2**20); print(len(x))"
    done = engine.wait(engine.submit(run_image, script=script, memory="64m"))
    assert done.enforcement is not None
    if done.enforcement.memory == "enforced":
        assert (done.result, done.exit_code) == (Result.OUT_OF_MEMORY, 137)
    else:
        assert done.enforcement.memory == "not enforced"


def test_a_child_killed_for_memory_is_a_warning(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    script = (
        "import os, sys\npid = os.fork()\nif pid == 0:\n    x = bytearray(200 * 2**20)\n"
        "    x[::4096] = x[::4096]\n    os._exit(0)\nos.waitpid(pid, 0)\nsys.exit(3)\n"
    )
    done = engine.wait(engine.submit(run_image, script=script, memory="64m"))
    assert (done.result, done.exit_code) == (Result.FAILED, 3)
    assert done.enforcement is not None
    if done.enforcement.memory == "enforced":
        assert any("memory" in warning for warning in done.warnings)


def test_gpus_are_given_to_one_job_at_a_time(
    make_engine: Callable[..., IsolatedEngine], sif_image: str, apptainer: str
) -> None:
    engine = make_engine(gpus=4, runtimes=["apptainer"], cores=[0, 1])
    image = RunImage(sif_image, "apptainer")
    script = "import os, time; print(os.environ['CUDA_VISIBLE_DEVICES']); time.sleep(0.4)"
    jobs = [engine.submit(image, script=script, gpus=2, memory="64m") for _ in range(6)]
    for job in jobs:
        done = engine.wait(job)
        assert done.allocation is not None
        seen = engine.output(job, "stdout").decode().strip()
        assert seen == ",".join(map(str, done.allocation.gpus))
        assert len(set(done.allocation.gpus)) == 2


def test_the_time_limit_ends_a_job(engine: IsolatedEngine, run_image: RunImage) -> None:
    job = engine.submit(run_image, command=["sleep", "60"], time_limit="1s")
    done = engine.wait(job, 15)
    assert done.result is Result.TIMEOUT
    assert done.reason is not None
    assert done.reason.code is ReasonCode.TIME_LIMIT


def test_the_time_limit_of_a_running_job_can_be_changed(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    job = engine.submit(run_image, command=["sleep", "60"], time_limit="1h")
    engine.until(job, "RUNNING")
    assert engine.client.change(job.id, time_limit="1s").spec.time_limit_s == 1
    assert engine.wait(job, 15).result is Result.TIMEOUT
    with pytest.raises(StateConflict):
        engine.client.change(job.id, time_limit="1h")


def test_a_waiting_job_says_why_and_where(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, tiny_image: str
) -> None:
    engine = make_engine(docker_host=f"unix://{docker_socket}", cores=[0], memory="1g", grace=0.5)
    running = engine.submit(tiny_image, command=["sleep", "60"], memory="100m")
    engine.until(running, "RUNNING")
    first = engine.submit(tiny_image, command=["true"], memory="100m")
    second = engine.submit(tiny_image, command=["true"], memory="100m")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        reason = engine.client.job(second.id).reason
        if reason is not None and reason.code is not ReasonCode.IMAGE:
            break
    one, two = engine.client.job(first.id), engine.client.job(second.id)
    assert (one.position, two.position) == (1, 2)
    assert one.reason is not None
    assert one.reason.code is ReasonCode.RESOURCES
    assert "core" in engine.client.explain(first.id).sentence
    assert engine.client.explain(second.id).ahead == (first.id,)
    used = engine.client.machine()
    assert used.used.cores == 1
    assert used.used.memory_bytes == 100 * 2**20
    engine.client.cancel(running.id)
    assert engine.wait(second).result is Result.COMPLETED
    assert engine.client.machine().used.cores == 0


def test_many_runs_always_get_their_own_cores(
    engine: IsolatedEngine, run_image: RunImage, tmp_path: Path
) -> None:
    rounds = 50
    script = "import os; print(sorted(os.sched_getaffinity(0)), os.environ['OMP_NUM_THREADS'])"
    jobs = [engine.submit(run_image, script=script, memory="50m") for _ in range(rounds)]
    for job in jobs:
        done = engine.wait(job, 120)
        assert done.allocation is not None
        assert engine.output(job).decode().strip() == f"{sorted(done.allocation.cores)} 1"
