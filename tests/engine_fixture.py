"""A real engine of its own for each test that asks: own folders, own locks, nothing left behind."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_hpccontainers.client.engine import EngineClient
from jupyter_hpccontainers.machine.processes import all_processes, process, send, session_members
from jupyter_hpccontainers.model.errors import EngineError
from jupyter_hpccontainers.model.job import Job

#: Whose jobs a root engine's are in tests; need not be an account of the machine.
PERSON = 1234
CLI = (sys.executable, "-m", "jupyter_hpccontainers.cli")
#: Names that break what is quoted badly.
FOLDER_NAME = "it's a bé folder"


@dataclass(frozen=True)
class RunImage:
    """An image with Python under one runtime."""

    reference: str
    runtime: str


class IsolatedEngine:
    """An engine process with folders of its own; ``env`` makes any door use it."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        self.workdir = folder / FOLDER_NAME
        self.state = folder / "state"
        self.env = {**env, **_variables(folder)}
        self.socket = str(folder / "run/engine.sock")
        self.client = EngineClient(self.socket)
        self.process: subprocess.Popen[bytes] | None = None
        for name in ("run", "machine", "config", "state"):
            (folder / name).mkdir(mode=0o711)
        (folder / "run").chmod(0o700)
        self.workdir.mkdir()
        if os.geteuid() == 0:
            os.chown(self.workdir, PERSON, PERSON)

    def give_to_an_account(self) -> None:
        """Make somebody the machine knows the jobs' person: Apptainer runs as nobody else's."""
        if os.geteuid() == 0:
            account = pwd.getpwnam("nobody")
            os.chown(self.workdir, account.pw_uid, account.pw_gid)

    def configure(self, *, policy: Mapping[str, Any] | None = None, **traits: Any) -> None:
        """Write traits of ``Engine`` and its ``SchedulingPolicy``; read at the next start."""
        path = self.folder / "config/jupyter_hpccontainers_config.json"
        path.write_text(json.dumps({"Engine": traits, "SchedulingPolicy": dict(policy or {})}))

    def start(self, under: Sequence[str] = ()) -> None:
        """Start it, by the command ``under`` where there is one, and wait until it answers."""
        with (self.folder / "run/engine.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*under, sys.executable, "-m", "jupyter_hpccontainers.engine"],
                env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(EngineError):
                self.client.health()
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"the engine did not start: {self.log()}")

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it properly; running jobs go on."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(20)

    def log(self) -> str:
        """Return what it logged."""
        return (self.folder / "run/engine.log").read_text(errors="replace")

    def submit(self, image: RunImage | str, **fields: Any) -> Job:
        """Submit with the test's working folder as default."""
        where = (
            {"image": image.reference, "runtime": image.runtime}
            if isinstance(image, RunImage)
            else {"image": image}
        )
        return self.client.submit({"workdir": str(self.workdir), **where, **fields})

    def wait(self, job: Job | int, timeout_s: float = 60) -> Job:
        """Wait until a job is DONE, by its follow stream."""
        job_id = job if isinstance(job, int) else job.id
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = self.client.job(job_id)
            if found.done:
                return found
            time.sleep(0.05)
        raise AssertionError(f"job {job_id} is still {found.state} ({found.reason}): {self.log()}")

    def until(self, job: Job, *states: str, timeout_s: float = 30) -> Job:
        """Wait until a job is in one of these states."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = self.client.job(job.id)
            if found.state in states:
                return found
            time.sleep(0.01)
        raise AssertionError(f"job {job.id} is {found.state} ({found.result}, {found.reason})")

    def output(self, job: Job, stream: str = "both") -> bytes:
        """Return a whole log."""
        return self.client.whole_log(job.id, stream=stream)

    def written(self, job: Job, text: bytes) -> None:
        """Wait until a job has written this."""
        deadline = time.monotonic() + 30
        while text not in self.output(job) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert text in self.output(job), self.log()

    def cli(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run the command line in the working folder."""
        return subprocess.run(
            [*CLI, *words],
            env=self.env, cwd=self.workdir, input=stdin,
            capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip

    def job_folder(self, job: Job) -> Path:
        """Return the folder of a job's attempt."""
        return self.state / "jobs" / str(job.id) / str(job.attempt)

    def supervisors(self) -> list[int]:
        """Return the pids of supervisors of this engine's jobs."""
        mark = os.fsencode(str(self.state / "jobs"))
        lines = {one.pid: _cmdline(one.pid) for one in all_processes()}
        ours = [pid for pid, line in lines.items() if mark in line and b".supervisor." in line]
        # A spare one takes that name with its first attempt, and has another or none before.
        return [
            pid
            for pid in ours
            if b"supervisor.spare" not in lines[pid] or _name(pid) == b"hpcc-supervisor"
        ]

    def clear(self) -> None:
        """End everything of this engine."""
        with suppress(EngineError):
            for job in self.client.jobs(state="active"):
                self.client.cancel(job.id, kill=True)
            deadline = time.monotonic() + 15
            while self.client.jobs(state="active") and time.monotonic() < deadline:
                time.sleep(0.05)
        if self.process is not None and self.process.poll() is None:
            self.stop()
        self.client.close()
        _end_engines(self.folder)
        for pid in self.supervisors():
            _end(pid)
        shutil.rmtree(self.folder, ignore_errors=True)


def _variables(folder: Path) -> dict[str, str]:
    return {
        "HPCCONTAINERS_RUNTIME_DIR": str(folder / "run"),
        "HPCCONTAINERS_STATE_DIR": str(folder / "state"),
        "HPCCONTAINERS_MACHINE_DIR": str(folder / "machine"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "jupyter"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_NO_CONFIG_PATH": "",
    }


def _cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _name(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/comm").read_bytes().strip()
    except OSError:
        return b""


def _end_engines(folder: Path) -> None:
    """End engines that doors started on their own in these folders."""
    mark = f"HPCCONTAINERS_RUNTIME_DIR={folder / 'run'}\0".encode()
    for one in all_processes():
        try:
            environ = Path(f"/proc/{one.pid}/environ").read_bytes() + b"\0"
        except OSError:
            continue
        if mark in environ and b"jupyter_hpccontainers.engine" in _cmdline(one.pid):
            send(one, signal.SIGTERM)
            deadline = time.monotonic() + 5
            while process(one.pid) == one and time.monotonic() < deadline:
                time.sleep(0.02)


def _end(supervisor: int) -> None:
    found = process(supervisor)
    if found is not None:
        send(found, signal.SIGQUIT)
    deadline = time.monotonic() + 10
    while process(supervisor) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    for member in session_members(supervisor):
        send(member, signal.SIGKILL)


def _environment(tools: Mapping[str, str]) -> dict[str, str]:
    """The test's environment without what would lead to another engine or daemon."""
    dropped = ("HPCCONTAINERS_", "JUPYTER", "DOCKER_HOST", "CPU_LIMIT", "MEM_LIMIT")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    return {**kept, **tools}


def _making() -> Iterator[Callable[..., IsolatedEngine]]:
    made: list[IsolatedEngine] = []

    def make(*, start: bool = True, env: Mapping[str, str] | None = None, **traits: Any) -> Any:
        # Short and below /tmp: a socket's path has 107 bytes.
        folder = Path(tempfile.mkdtemp(prefix="hpcc-test-", dir="/tmp"))
        folder.chmod(0o711)
        engine = IsolatedEngine(folder, _environment(env or {}))
        made.append(engine)
        engine.configure(**traits)
        if start:
            engine.start()
        return engine

    yield make
    for engine in made:
        engine.clear()


@pytest.fixture
def make_engine() -> Iterator[Callable[..., IsolatedEngine]]:
    """Make engines with given traits; ``start=False`` leaves them to a door to start."""
    yield from _making()


@pytest.fixture
def engine(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, apptainer: str
) -> IsolatedEngine:
    """An isolated engine with real Docker and real Apptainer."""
    return make_engine(docker_host=f"unix://{docker_socket}", grace=5.0)


@pytest.fixture(params=["docker", "apptainer"])
def run_image(request: pytest.FixtureRequest) -> RunImage:
    """An image with a shell and Python, under each runtime."""
    name = "docker_image" if request.param == "docker" else "sif_image"
    return RunImage(request.getfixturevalue(name), request.param)


@pytest.fixture(params=["docker", "apptainer"])
def shell_less_image(request: pytest.FixtureRequest) -> RunImage:
    """An image with Python and no shell, under each runtime that has one."""
    name = "bare_image" if request.param == "docker" else "bare_sif"
    return RunImage(request.getfixturevalue(name), request.param)


@pytest.fixture(scope="module")
def make_module_engine() -> Iterator[Callable[..., IsolatedEngine]]:
    """The same as ``make_engine``, for engines that a whole file shares."""
    yield from _making()
