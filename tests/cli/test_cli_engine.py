"""The engine from the command line: started on demand, replaced, stopped, examined."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_fixture import IsolatedEngine

PROGRAM = [sys.executable, "-m", "jupyter_hpccontainers.cli"]


def command(engine: IsolatedEngine, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with an engine's variables."""
    return subprocess.run(
        [*PROGRAM, *words], env={**engine.env, **env}, cwd=engine.workdir,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


def begin(engine: IsolatedEngine, *words: str) -> subprocess.Popen[str]:
    """Start a command that goes on."""
    return subprocess.Popen(
        [*PROGRAM, *words], env=engine.env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def place(make_engine: Callable[..., IsolatedEngine]) -> IsolatedEngine:
    """Folders of an engine that nobody started."""
    return make_engine(start=False)


def test_the_first_command_starts_one_engine_and_all_others_use_it(place: IsolatedEngine) -> None:
    first = [begin(place, "info", "--json") for _ in range(4)]
    answers = [process.communicate(timeout=90) for process in first]
    engines = {json.loads(out)["engine"]["pid"] for out, _ in answers}
    assert len(engines) == 1, answers
    assert place.client.health().pid in engines


def test_an_engine_that_a_command_started_lives_in_a_session_of_its_own(
    place: IsolatedEngine,
) -> None:
    pid = json.loads(command(place, "info", "--json").stdout)["engine"]["pid"]
    assert os.getsid(pid) != os.getsid(0)
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    folder = place.folder / "run"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "engine.log").stat().st_mode) == 0o600


def test_status_and_stop_never_start_an_engine(place: IsolatedEngine) -> None:
    status = command(place, "engine", "status")
    assert (status.returncode, status.stderr) == (1, "no engine runs\n")
    assert command(place, "engine", "stop").returncode == 0
    assert not os.path.exists(place.socket)


def test_stop_ends_it_and_status_tells_which_runs(place: IsolatedEngine) -> None:
    pid = json.loads(command(place, "info", "--json").stdout)["engine"]["pid"]
    assert f"pid {pid}" in command(place, "engine", "status").stdout
    assert json.loads(command(place, "engine", "status", "--json").stdout)["pid"] == pid
    assert command(place, "engine", "stop").returncode == 0
    assert command(place, "engine", "status").returncode == 1


def test_backup_names_the_copy(place: IsolatedEngine) -> None:
    command(place, "info")
    copy = place.folder / "copy.db"
    done = command(place, "engine", "backup", str(copy))
    assert (done.returncode, done.stdout) == (0, f"{copy}\n"), done.stderr
    assert copy.stat().st_size > 0


def test_engine_runs_in_the_foreground_until_told_to_stop(place: IsolatedEngine) -> None:
    running = begin(place, "engine")
    deadline = time.monotonic() + 30
    while not os.path.exists(place.socket) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert place.client.health().pid == running.pid
    command(place, "engine", "stop")
    running.communicate(timeout=30)
    assert running.returncode == 0


def test_doctor_shows_checks_with_their_cures(place: IsolatedEngine) -> None:
    checks = json.loads(command(place, "doctor", "--json").stdout)["checks"]
    assert {"engine", "survival"} <= {check["name"] for check in checks}
    assert all(check["ok"] or check["cure"] for check in checks)
    words = command(place, "doctor").stdout
    assert all(check["name"] in words for check in checks)


def test_doctor_speaks_when_no_engine_can_start(place: IsolatedEngine) -> None:
    place.configure(memory="a lot")
    done = command(place, "doctor")
    assert done.returncode == 1
    assert "BAD  engine: the engine did not start" in done.stdout
    assert "is not an amount" in done.stdout
    assert str(place.folder / "run/engine.log") in done.stdout


def test_a_folder_that_is_not_ones_own_is_refused(place: IsolatedEngine, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(place.folder / "run")
    done = command(place, "info", HPCCONTAINERS_RUNTIME_DIR=str(link))
    assert done.returncode == 2
    assert "is not yours" in done.stderr


def test_a_path_too_long_for_a_socket_is_named_with_its_cure(place: IsolatedEngine) -> None:
    done = command(place, "info", HPCCONTAINERS_RUNTIME_DIR="/tmp/" + "x" * 120)
    assert done.returncode == 2
    assert "longer than 107 bytes" in done.stderr
    assert "HPCCONTAINERS_RUNTIME_DIR" in done.stderr


def test_an_engine_named_by_its_socket_is_used_and_never_started(
    place: IsolatedEngine, tmp_path: Path
) -> None:
    done = command(place, "info", HPCCONTAINERS_SOCKET=str(tmp_path / "none.sock"))
    assert done.returncode == 2
    assert f"no engine answers at {tmp_path / 'none.sock'}" in done.stderr
    assert not os.path.exists(place.socket)
    command(place, "info")
    assert command(place, "info", HPCCONTAINERS_SOCKET=place.socket).returncode == 0
