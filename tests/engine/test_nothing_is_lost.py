"""Nothing is lost: cancel, kill -9 of engine and supervisor, adoption, leftovers."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_fixture import IsolatedEngine, RunImage
from sampling import gone_within, marked

from jupyter_hpccontainers.machine.processes import process, send
from jupyter_hpccontainers.model.job import Job
from jupyter_hpccontainers.model.states import ReasonCode, Result

STUBBORN = """#!/bin/sh
trap '' TERM
(setsid sh -c 'trap "" TERM; sleep 300') &
(sh -c '(trap "" TERM; sleep 300) &') &
echo ready
sleep 300
"""
POLITE = """#!/bin/sh
trap 'echo stopped > "trapped $HPCC_JOB_ID"; exit 0' TERM
echo ready
while :; do sleep 0.1; done
"""
WORK = """
import hashlib, os, sys, time
with open("starts", "a") as starts:
    starts.write(os.environ["HPCC_JOB_ID"] + "\\n")
for n in range(30):
    sys.stdout.buffer.write(hashlib.sha256(str(n).encode()).digest() + b"progress\\r")
    sys.stdout.flush()
    time.sleep(0.05)
sys.exit(7)
"""
WORK_LOG = b"".join(hashlib.sha256(str(n).encode()).digest() + b"progress\r" for n in range(30))


def ready(engine: IsolatedEngine, job: Job) -> None:
    """Wait until the job has printed its first line."""
    deadline = time.monotonic() + 30
    while b"ready" not in engine.output(job):
        assert time.monotonic() < deadline, engine.client.job(job.id)
        time.sleep(0.05)


def mark_of(engine: IsolatedEngine) -> str:
    return f"HPCC_JOB_DIR={engine.state}"


def test_cancel_is_heard_by_the_job(engine: IsolatedEngine, run_image: RunImage) -> None:
    job = engine.submit(run_image, script=POLITE)
    ready(engine, job)
    engine.client.cancel(job.id)
    engine.client.cancel(job.id)
    assert engine.wait(job).result is Result.CANCELLED
    assert (engine.workdir / f"trapped {job.id}").read_text() == "stopped\n"


def test_cancel_ends_the_whole_tree(engine: IsolatedEngine, run_image: RunImage) -> None:
    job = engine.submit(run_image, script=STUBBORN)
    ready(engine, job)
    assert len(marked(mark_of(engine))) >= 3
    engine.client.cancel(job.id)
    assert engine.wait(job, 20).result is Result.CANCELLED
    assert not gone_within(mark_of(engine), 5)
    assert not engine.supervisors()


def test_a_second_cancel_with_kill_does_not_wait(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, run_image: RunImage
) -> None:
    engine = make_engine(docker_host=f"unix://{docker_socket}", grace=120.0)
    job = engine.submit(run_image, script=STUBBORN)
    ready(engine, job)
    engine.client.cancel(job.id)
    engine.client.cancel(job.id, kill=True)
    assert engine.wait(job, 20).result is Result.CANCELLED


def test_a_cancelled_waiting_job_never_starts(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, docker_image: str
) -> None:
    engine = make_engine(docker_host=f"unix://{docker_socket}", cores=[0], grace=0.5)
    image = RunImage(docker_image, "docker")
    running = engine.submit(image, command=["sleep", "60"])
    engine.until(running, "RUNNING")
    waiting = engine.submit(image, script=WORK)
    assert engine.client.cancel(waiting.id).result is Result.CANCELLED
    engine.client.cancel(running.id)
    engine.wait(running)
    time.sleep(1)
    assert not (engine.workdir / "starts").exists()


@pytest.mark.parametrize("delay_ms", [0, 5, 20, 60, 120, 180, 250])
def test_a_cancel_around_the_start_is_never_lost(
    engine: IsolatedEngine, run_image: RunImage, delay_ms: int
) -> None:
    job = engine.submit(run_image, command=["sleep", "300"])
    time.sleep(delay_ms / 1000)
    engine.client.cancel(job.id)
    assert engine.wait(job, 20).result is Result.CANCELLED
    assert not gone_within(mark_of(engine), 5)


def check_work(engine: IsolatedEngine, jobs: list[Job]) -> None:
    """The invariant after any fault: true exit code, whole log, started once."""
    for job in jobs:
        done = engine.wait(job)
        assert (done.result, done.exit_code) == (Result.FAILED, 7), done
        assert hashlib.sha256(engine.output(job)).digest() == hashlib.sha256(WORK_LOG).digest()
    starts = (engine.workdir / "starts").read_text().split()
    assert sorted(starts) == sorted(str(job.id) for job in jobs)
    assert not gone_within(mark_of(engine), 5)


@pytest.mark.parametrize("seed", range(4))
def test_kill_9_of_the_engine_costs_nothing(
    engine: IsolatedEngine, docker_image: str, sif_image: str, seed: int
) -> None:
    chance = random.Random(seed)
    images = [RunImage(docker_image, "docker"), RunImage(sif_image, "apptainer")]
    jobs = [engine.submit(images[n % 2], script=WORK) for n in range(3)]
    for _ in range(3):
        time.sleep(chance.uniform(0, 0.8))
        engine.kill()
        engine.start()
    check_work(engine, jobs)


def test_a_clean_stop_leaves_jobs_running(engine: IsolatedEngine, run_image: RunImage) -> None:
    job = engine.submit(run_image, script=WORK)
    engine.until(job, "RUNNING")
    assert engine.stop() == 0
    time.sleep(2.5)
    engine.start()
    check_work(engine, [job])


def test_a_killed_door_costs_nothing(engine: IsolatedEngine, run_image: RunImage) -> None:
    program = (
        "import json, sys\nfrom jupyter_hpccontainers.client.start import open_engine\n"
        "client = open_engine()\njob = client.submit(json.loads(sys.argv[1]))\n"
        "print(job.id, flush=True)\n"
        "for event in client.follow({job.id: 0}): pass\n"
    )
    body = {
        "image": run_image.reference, "runtime": run_image.runtime, "script": WORK,
        "workdir": str(engine.workdir),
    }  # fmt: skip
    door = subprocess.Popen(
        [sys.executable, "-c", program, json.dumps(body)], env=engine.env, stdout=subprocess.PIPE
    )
    assert door.stdout is not None
    job_id = int(door.stdout.readline())
    time.sleep(0.7)
    door.kill()
    door.communicate()
    check_work(engine, [engine.client.job(job_id)])


def test_a_killed_supervisor_is_found_and_its_job_ended(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    job = engine.submit(run_image, script=STUBBORN)
    ready(engine, job)
    (pid,) = engine.supervisors()
    supervisor = process(pid)
    assert supervisor is not None
    send(supervisor, signal.SIGKILL)
    done = engine.wait(job, 20)
    assert done.result is Result.LOST
    assert done.reason is not None
    assert done.reason.code is ReasonCode.SUPERVISOR_LOST
    assert not gone_within(mark_of(engine), 5)
    again = engine.submit(run_image, command=["true"])
    assert engine.wait(again).result is Result.COMPLETED


def test_nothing_is_left_after_many_jobs_and_others_are_untouched(
    engine: IsolatedEngine, docker_socket: str, docker_image: str
) -> None:
    from docker import APIClient  # noqa: PLC0415 - heavy, and for this test only

    client = APIClient(base_url=f"unix://{docker_socket}")
    foreign = client.create_container(docker_image, ["true"])["Id"]
    try:
        jobs = [
            engine.submit(RunImage(docker_image, "docker"), command=["true"], memory="50m")
            for _ in range(20)
        ]
        assert {engine.wait(job, 120).result for job in jobs} == {Result.COMPLETED}
        label = f"org.hpccontainers.engine={engine.client.health().engine}"
        assert client.containers(all=True, filters={"label": label}) == []
        assert client.inspect_container(foreign)["Id"] == foreign
    finally:
        client.remove_container(foreign)
        client.close()
    assert not engine.supervisors()


def test_retention_removes_old_folders_and_keeps_records(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, tiny_image: str
) -> None:
    engine = make_engine(docker_host=f"unix://{docker_socket}", grace=0.5)
    old = engine.submit(tiny_image, command=["echo", "old"])
    engine.wait(old)
    engine.stop()
    engine.configure(docker_host=f"unix://{docker_socket}", keep_days=0.0, grace=0.5)
    engine.start()
    folder: Path = engine.state / "jobs" / str(old.id)
    deadline = time.monotonic() + 15
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not folder.exists()
    assert engine.client.job(old.id).result is Result.COMPLETED
