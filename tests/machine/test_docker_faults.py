"""Docker Engine killed, ended and brought back under a running job: one of the test's own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from supervisor_lab import Lab, running_with, until

from jupyter_hpccontainers.machine.attempt import Ask
from jupyter_hpccontainers.machine.supervisor.docker_api import Docker, DockerGone

pytestmark = [pytest.mark.as_root, pytest.mark.timeout(300)]

TREE = Path(__file__).resolve().parents[2]
PATH = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}
CONTAINERD = 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'

COUNTING = """
import os, sys, time
n = 0
while not os.path.exists("go"):
    n += 1
    os.write(1, b"%d\\n" % n)
    time.sleep(0.02)
os.write(1, b"over\\n")
sys.exit(7)
"""


class OwnEngine:
    """dockerd with a containerd of its own, as distributions package it: the one dockerd starts
    for itself often fails to come back after a kill -9."""

    def __init__(self, folder: Path, *, live_restore: bool) -> None:
        self.socket = f"{folder}/docker.sock"
        self._folder = folder
        self._live_restore = live_restore
        (folder / "containerd.toml").write_text(CONTAINERD)
        self._containerd = self._run(
            *("containerd", "--config", f"{folder}/containerd.toml", "--root", f"{folder}/c/root"),
            *("--state", f"{folder}/c/state", "--address", f"{folder}/containerd.sock"),
        )
        until((folder / "containerd.sock").exists, "containerd")
        self.start()

    def start(self) -> None:
        """Start dockerd and wait until it answers."""
        (self._folder / "docker.pid").unlink(missing_ok=True)
        self._dockerd = self._run(
            *("dockerd", "--containerd", f"{self._folder}/containerd.sock"),
            *("--data-root", f"{self._folder}/data", "--exec-root", f"{self._folder}/exec"),
            *("-p", f"{self._folder}/docker.pid", "-H", f"unix://{self.socket}"),
            *(["--live-restore"] if self._live_restore else []),
        )
        until(self._answers, "dockerd")

    def end(self, number: signal.Signals) -> None:
        """End dockerd alone."""
        self._dockerd.send_signal(number)
        self._dockerd.wait(60)

    def close(self) -> None:
        """End everything that was started here."""
        self.end(signal.SIGTERM)
        self._containerd.terminate()
        self._containerd.wait(30)
        for line in Path("/proc/self/mounts").read_text().splitlines():
            if line.split()[1].startswith(str(self._folder)):
                subprocess.run(["umount", line.split()[1]], check=False, env=PATH)

    def _answers(self) -> bool:
        with contextlib.suppress(DockerGone):
            return Docker(self.socket).call("GET", "/_ping", timeout_s=2).ok
        return False

    def _run(self, *argv: str) -> subprocess.Popen[bytes]:
        with open(self._folder / f"{argv[0]}.log", "ab") as log:
            return subprocess.Popen(argv, stdout=log, stderr=log, env=PATH, start_new_session=True)


def load_python(socket: str) -> str:
    """Put the Python image into an engine and return its name."""
    script = [sys.executable, str(TREE / "scripts/images.py"), "load", "python", socket]
    return subprocess.run(script, check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def own_lab(folder: Path, *, live_restore: bool) -> Iterator[tuple[OwnEngine, Lab]]:
    """An engine that may be killed, and jobs in it."""
    with tempfile.TemporaryDirectory(prefix="hpcc-engine-", ignore_cleanup_errors=True) as home:
        engine = OwnEngine(Path(home), live_restore=live_restore)
        lab = Lab(folder, engine.socket, load_python(engine.socket))
        try:
            yield engine, lab
        finally:
            lab.close()
            engine.close()


def go(lab: Lab) -> None:
    """Let the counting job come to its end."""
    (lab.folder / "work" / "go").touch()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_with_live_restore_a_job_outlives_its_engine_and_its_code_is_believed(
    open_folder: Path, number: signal.Signals
) -> None:
    with own_lab(open_folder, live_restore=True) as (engine, lab):
        job = lab.run(COUNTING).says(b"5\n")
        engine.end(number)
        engine.start()
        size = job.log.size()
        until(lambda: job.log.size() > size, "output after the restart")
        go(lab)
        end = job.ended()
        assert (end.exit_code, end.error_code) == (7, "")
        assert any("Docker was restarted" in warning for warning in end.warnings)
        assert job.out.startswith(b"1\n2\n3\n4\n5\n")
        assert job.out.endswith(b"over\n")


def test_an_end_that_docker_did_not_see_is_shown_and_not_believed(open_folder: Path) -> None:
    with own_lab(open_folder, live_restore=True) as (engine, lab):
        job = lab.run(COUNTING).says(b"5\n")
        engine.end(signal.SIGKILL)
        go(lab)
        until(lambda: not running_with(f"{job.attempt.job_dir}/script"), "the job's own end")
        engine.start()
        end = job.ended()
        assert end.error_code == "RuntimeRestarted"
        assert str(end.exit_code) in end.error_message


def test_without_live_restore_the_job_that_docker_kills_is_not_called_its_own_failure(
    open_folder: Path,
) -> None:
    with own_lab(open_folder, live_restore=False) as (engine, lab):
        job = lab.run(COUNTING).says(b"5\n")
        engine.end(signal.SIGKILL)
        engine.start()
        end = job.ended()
        assert end.error_code == "RuntimeRestarted"
        assert not running_with(f"{job.attempt.job_dir}/script")


def test_a_kill_is_obeyed_while_docker_is_away(open_folder: Path) -> None:
    with own_lab(open_folder, live_restore=True) as (engine, lab):
        job = lab.run(COUNTING).says(b"5\n")
        engine.end(signal.SIGKILL)
        job.ask(Ask.KILL)
        until(lambda: not running_with(f"{job.attempt.job_dir}/script"), "the end of the job")
        engine.start()
        assert job.ended().exit_code == 137


def test_an_engine_that_is_not_there_is_a_start_that_timed_out(
    open_folder: Path, docker_image: str
) -> None:
    lab = Lab(open_folder, "/nonexistent/docker.sock", docker_image)
    end = lab.run(COUNTING, start_timeout_s=0.5).ended()
    assert end.error_code == "StartTimeout"
    assert "/nonexistent/docker.sock" in end.error_message
    assert os.listdir(open_folder / "jobs" / "1" / "1" / "dir" / "outputs") == []
