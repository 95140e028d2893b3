"""Suspend and resume: a real job stands still, its time limit with it, and then it goes on."""

from __future__ import annotations

import re
import select
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from engine_fixture import IsolatedEngine, RunImage

from jupyter_hpccontainers.machine.processes import all_processes
from jupyter_hpccontainers.model.errors import StateConflict
from jupyter_hpccontainers.model.job import Job
from jupyter_hpccontainers.model.states import ReasonCode, Result, State

#: Counts into its log until it is told to end.
COUNTS = """
import time
n = 0
while True:
    n += 1
    print(n, flush=True)
    time.sleep(0.02)
"""
LIMIT_S = 4
_DRIVER = re.compile(rb'"CgroupDriver":"(cgroupfs|systemd)"')


@pytest.fixture
def small(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, apptainer: str
) -> IsolatedEngine:
    """An engine with one core, so that a second job waits; its grace is never used up."""
    return make_engine(docker_host=f"unix://{docker_socket}", cores=[0], memory="1g", grace=60.0)


def counting(engine: IsolatedEngine, image: RunImage, **asked: object) -> Job:
    """Submit a job that counts, and wait until it does."""
    job = engine.submit(image, script=COUNTS, memory="50m", **asked)
    engine.written(job, b"3\n")
    return job


def suspended(engine: IsolatedEngine, job: Job) -> int:
    """Suspend a job and wait until its log has not grown for a second; return the log's size."""
    told = engine.client.suspend(job.id)
    assert told.state is State.SUSPENDED
    assert told.suspended_at is not None
    assert told.allocation is not None
    log = engine.job_folder(job) / "output"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        size = log.stat().st_size
        time.sleep(1.0)
        if log.stat().st_size == size:
            return size
    raise AssertionError(f"it goes on: {engine.log()}")


def grows(engine: IsolatedEngine, job: Job, size: int) -> None:
    """Wait until a job's log is longer."""
    log = engine.job_folder(job) / "output"
    deadline = time.monotonic() + 30
    while log.stat().st_size <= size:
        assert time.monotonic() < deadline, engine.log()
        time.sleep(0.02)


def processes_of(engine: IsolatedEngine, job: Job) -> list[int]:
    """Return the processes that were started with something of the job's folder."""
    mark, found = str(engine.job_folder(job)).encode(), []
    for one in all_processes():
        with suppress(OSError):
            if mark in Path(f"/proc/{one.pid}/cmdline").read_bytes() and not one.dead:
                found.append(one.pid)
    return found


def test_a_job_stands_still_and_its_time_limit_with_it(
    small: IsolatedEngine, run_image: RunImage
) -> None:
    job = counting(small, run_image, time_limit=f"{LIMIT_S}s")
    size = suspended(small, job)
    time.sleep(LIMIT_S)
    assert small.client.job(job.id).state is State.SUSPENDED
    assert (small.job_folder(job) / "output").stat().st_size == size
    again = small.client.resume(job.id)
    assert (again.state, again.suspended_at) == (State.RUNNING, None)
    assert again.paused_s > LIMIT_S
    grows(small, job, size)
    done = small.wait(job)
    assert (done.result, done.paused_s) == (Result.TIMEOUT, again.paused_s)
    assert done.ran_s is not None
    assert done.ran_s >= LIMIT_S
    numbers = [int(line) for line in small.output(done).split()]
    assert numbers == [*range(1, len(numbers) + 1)], "it is the same program that went on"


@pytest.mark.parametrize("kill", [False, True])
def test_a_cancel_ends_a_suspended_job_and_leaves_nothing(
    small: IsolatedEngine, run_image: RunImage, kill: bool
) -> None:
    job = counting(small, run_image)
    suspended(small, job)
    assert processes_of(small, job)
    small.client.cancel(job.id, kill=kill)
    done = small.wait(job, timeout_s=50)
    assert done.result is Result.CANCELLED
    assert done.exit_code == (137 if kill else 143)
    deadline = time.monotonic() + 20
    while (left := processes_of(small, job) or small.supervisors()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []
    assert small.client.machine().used.cores == 0


def test_an_engine_killed_meanwhile_knows_it_as_suspended_and_resumes_it(
    small: IsolatedEngine, run_image: RunImage
) -> None:
    job = counting(small, run_image, time_limit=f"{LIMIT_S}s")
    size = suspended(small, job)
    small.kill()
    time.sleep(LIMIT_S)
    small.start()
    found = small.client.job(job.id)
    assert (found.state, found.result) == (State.SUSPENDED, None)
    waiting = small.submit(run_image, command=["true"], memory="50m")
    assert small.until(waiting, "PENDING").predicted_start is None
    time.sleep(1.0)
    assert (small.job_folder(job) / "output").stat().st_size == size
    assert small.client.resume(job.id).paused_s > LIMIT_S
    small.kill()
    small.start()
    grows(small, job, size)
    done = small.wait(job)
    assert done.result is Result.TIMEOUT
    assert done.ran_s is not None
    assert done.ran_s >= LIMIT_S
    assert small.wait(waiting).result is Result.COMPLETED


def test_a_suspended_job_makes_way(small: IsolatedEngine, run_image: RunImage) -> None:
    low = counting(small, run_image, priority="best-effort", requeue=False)
    suspended(small, low)
    normal = small.submit(run_image, command=["true"], memory="50m")
    done = small.wait(low, timeout_s=50)
    assert (done.result, done.exit_code) == (Result.PREEMPTED, 143)
    assert small.wait(normal).result is Result.COMPLETED


def test_what_does_not_run_can_not_be_suspended(small: IsolatedEngine, run_image: RunImage) -> None:
    job = counting(small, run_image)
    waiting = small.submit(run_image, command=["true"], memory="50m")
    for ask, word in ((small.client.suspend, "suspended"), (small.client.resume, "resumed")):
        with pytest.raises(StateConflict, match=f"is PENDING and can't be {word}"):
            ask(waiting.id)
    assert small.client.resume(job.id).state is State.RUNNING, "it runs already"
    first, again = small.client.suspend(job.id), small.client.suspend(job.id)
    assert (again.state, again.suspended_at) == (State.SUSPENDED, first.suspended_at)
    small.client.cancel(job.id)
    small.wait(job)
    with pytest.raises(StateConflict, match=f"job {job.id} is DONE"):
        small.client.suspend(job.id)


def test_the_running_tasks_of_an_array_are_suspended_and_resumed(
    make_engine: Callable[..., IsolatedEngine],
    docker_socket: str,
    apptainer: str,
    run_image: RunImage,
) -> None:
    engine = make_engine(docker_host=f"unix://{docker_socket}", cores=[0, 1], memory="1g")
    whole = engine.submit(run_image, script=COUNTS, memory="50m", array="1-2")
    deadline = time.monotonic() + 30
    while (counts := engine.client.job(whole.id).tasks) is None or counts.running < 2:
        assert time.monotonic() < deadline, counts
        time.sleep(0.02)
    tasks = [engine.client.job(whole.id + n) for n in (1, 2)]
    for task in tasks:
        engine.written(task, b"3\n")
    engine.client.suspend(whole.id)
    assert [engine.client.job(one.id).state for one in tasks] == [State.SUSPENDED] * 2
    engine.client.resume(whole.id)
    assert [engine.client.job(one.id).state for one in tasks] == [State.RUNNING] * 2
    engine.client.cancel(whole.id, kill=True)
    assert engine.wait(whole).result is Result.CANCELLED


class _NoCgroups(socketserver.BaseRequestHandler):
    """Passes bytes on between a client and the real Docker Engine, and has it deny its cgroups."""

    def handle(self) -> None:
        """Serve one connection to its end."""
        assert isinstance(self.server, _Proxy)
        with socket.socket(socket.AF_UNIX) as docker, suppress(OSError):
            docker.connect(self.server.target)
            other = {self.request: docker, docker: self.request}
            while True:
                for one in select.select(list(other), [], [])[0]:
                    data = one.recv(1 << 20)
                    if not data:
                        return
                    other[one].sendall(_DRIVER.sub(_none, data))


class _Proxy(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    target = ""


@pytest.fixture
def no_freezer(docker_socket: str, tmp_path: Path) -> Iterator[str]:
    """The real Docker Engine, which says that it has no cgroups, as a rootless one may."""
    path = tmp_path / "docker.sock"
    with _Proxy(str(path), _NoCgroups) as proxy:
        proxy.target = docker_socket
        path.chmod(0o666)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield str(path)
        proxy.shutdown()


def _none(said: re.Match[bytes]) -> bytes:
    """As long as what it replaces: the length was told before."""
    return b'"CgroupDriver":"none"'.ljust(len(said[0]))


def test_a_runtime_that_can_not_freeze_says_so(
    make_engine: Callable[..., IsolatedEngine], no_freezer: str, docker_image: str
) -> None:
    engine = make_engine(docker_host=f"unix://{no_freezer}", cores=[0], memory="1g", grace=60.0)
    (docker,) = [one for one in engine.client.config().runtimes if one["name"] == "docker"]
    assert docker["suspends"] is False
    job = counting(engine, RunImage(docker_image, "docker"))
    with pytest.raises(StateConflict, match="can freeze nothing") as refused:
        engine.client.suspend(job.id)
    assert refused.value.status == 409
    assert "Apptainer" in refused.value.cure
    assert engine.client.job(job.id).state is State.RUNNING
    engine.client.cancel(job.id)
    done = engine.wait(job)
    assert done.reason is not None
    assert done.reason.code is ReasonCode.USER_CANCEL
