"""The scripts that start services: they answer with a socket and leave nothing behind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]


def script(name: str, verb: str, **env: str) -> subprocess.CompletedProcess[str]:
    # An engine of the developer's or of this test session must not be found in its stead.
    inherited = {
        k: v for k, v in os.environ.items() if k not in ("HPCC_TEST_DOCKER", "DOCKER_HOST")
    }
    command = [str(TREE / "scripts" / name), verb]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**inherited, **env}
    )


def processes_naming(text: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if text.encode() in command:
            found.append(command.replace(b"\0", b" ").decode())
    return found


@pytest.mark.as_root
@pytest.mark.parametrize(
    ("name", "variable"),
    [("docker_engine.sh", "HPCC_DOCKER_HOME"), ("podman.sh", "HPCC_PODMAN_HOME")],
)
def test_a_private_service_ends_without_a_trace(name: str, variable: str, tmp_path: Path) -> None:
    place = {variable: str(tmp_path)}
    started = script(name, "start", **place)
    assert started.returncode == 0, started.stderr
    socket = Path(started.stdout.strip())
    try:
        assert socket.is_socket()
        assert script(name, "start", **place).stdout == started.stdout
        assert processes_naming(str(socket.parent))
    finally:
        stopped = script(name, "stop", **place)
    assert stopped.returncode == 0, stopped.stderr
    assert not socket.parent.exists()
    assert not processes_naming(str(socket.parent))
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


def test_a_dead_socket_is_not_taken_for_an_engine(tmp_path: Path) -> None:
    answer = script("docker_engine.sh", "find", HPCC_TEST_DOCKER=f"unix://{tmp_path}/none.sock")
    assert str(tmp_path) not in answer.stdout


def test_stopping_what_was_never_started_is_no_error(tmp_path: Path) -> None:
    assert script("docker_engine.sh", "stop", HPCC_DOCKER_HOME=str(tmp_path)).returncode == 0
