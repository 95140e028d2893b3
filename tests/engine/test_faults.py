"""kill -9 of kernel, client and engine at random moments while three jobs run.

A short profile here; the campaign is ``HPCC_FAULT_ROUNDS=30 pytest tests/engine/test_faults.py``.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from engine_fixture import IsolatedEngine, RunImage
from jupyter_client.manager import KernelManager
from test_nothing_is_lost import WORK, check_work

ROUNDS = int(os.environ.get("HPCC_FAULT_ROUNDS", "2"))
JOBS = 3

CLIENT = """
import json, sys
from jupyter_hpccontainers.client.start import open_engine
client = open_engine()
jobs = [client.submit(body) for body in json.loads(sys.argv[1])]
for event in client.follow({job.id: 0 for job in jobs}):
    pass
"""
CELL = """
import json
from jupyter_hpccontainers import submit
jobs = [submit(**body) for body in json.loads({bodies!r})]
for job in jobs:
    job.wait()
"""


@pytest.fixture
def bodies(engine: IsolatedEngine, docker_image: str, sif_image: str) -> list[dict[str, str]]:
    """Three jobs, both runtimes mixed."""
    images = [RunImage(docker_image, "docker"), RunImage(sif_image, "apptainer")]
    return [
        {
            "image": images[n % 2].reference,
            "runtime": images[n % 2].runtime,
            "script": WORK,
            "workdir": str(engine.workdir),
            "memory": "200m",
        }
        for n in range(JOBS)
    ]


def kernel(engine: IsolatedEngine, bodies: list[dict[str, str]]) -> Callable[[], None]:
    """Submit from a kernel; return what kills it."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=engine.env, cwd="/")
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    client.execute(CELL.format(bodies=json.dumps(bodies)))

    def kill() -> None:
        provisioner = manager.provisioner
        assert provisioner is not None
        os.kill(provisioner.pid, signal.SIGKILL)  # type: ignore[attr-defined]
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()

    return kill


def client(engine: IsolatedEngine, bodies: list[dict[str, str]]) -> Callable[[], None]:
    """Submit from a plain process that follows; return what kills it."""
    process = subprocess.Popen([sys.executable, "-c", CLIENT, json.dumps(bodies)], env=engine.env)

    def kill() -> None:
        process.kill()
        process.wait()

    return kill


def engine_itself(engine: IsolatedEngine, bodies: list[dict[str, str]]) -> Callable[[], None]:
    """Submit from here; what is killed is the engine, and a new one started."""
    for body in bodies:
        engine.client.submit(body)

    def kill() -> None:
        engine.kill()
        engine.start()

    return kill


@pytest.mark.timeout(120 * max(ROUNDS, 1))
@pytest.mark.parametrize("victim", [kernel, client, engine_itself])
def test_a_kill_at_a_random_moment_loses_nothing(
    engine: IsolatedEngine,
    bodies: list[dict[str, str]],
    victim: Callable[[IsolatedEngine, list[dict[str, str]]], Callable[[], None]],
) -> None:
    chance = random.Random(victim.__name__)
    for _ in range(ROUNDS):
        before = len(engine.client.jobs(limit=1000))
        kill = victim(engine, bodies)
        deadline = time.monotonic() + 60
        while len(engine.client.jobs(limit=1000)) == before and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 3.0))
        kill()
        accepted = engine.client.jobs(limit=1000)
        assert len(accepted) > before, "nothing was accepted before the kill"
        check_work(engine, list(accepted))
