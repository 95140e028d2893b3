"""One engine per user; another user's engine refuses by name; doors race for one start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_fixture import PERSON, IsolatedEngine

from jupyter_hpccontainers.machine.processes import all_processes

DOOR = (
    "from jupyter_hpccontainers.client.start import open_engine; print(open_engine().health().pid)"
)

#: The interpreter may lie where only root can read: everything is imported before the change.
AS_PERSON = (
    "import os, sys; from jupyter_hpccontainers.engine.app import Engine; sys.argv[1:] = []\n"
    "''.encode('ascii')\n"
    f"os.setgroups([]); os.setgid({PERSON}); os.setuid({PERSON}); Engine.launch_instance()"
)


def _doors(engine: IsolatedEngine, count: int) -> set[str]:
    doors = [
        subprocess.Popen([sys.executable, "-c", DOOR], env=engine.env, stdout=subprocess.PIPE)
        for _ in range(count)
    ]
    return {door.communicate(timeout=60)[0].decode().strip() for door in doors}


def test_doors_that_race_start_one_engine(make_engine: Callable[..., IsolatedEngine]) -> None:
    engine = make_engine(start=False)
    pids = _doors(engine, 4)
    assert len(pids) == 1
    pid = int(pids.pop())
    assert os.getsid(pid) == pid, "the engine has a session of its own"
    status = os.stat(engine.socket)
    assert status.st_mode & 0o777 == 0o600


def test_after_kill_9_the_next_door_starts_a_new_one(
    make_engine: Callable[..., IsolatedEngine],
) -> None:
    engine = make_engine()
    assert engine.process is not None
    first = engine.process.pid
    engine.kill()
    (second,) = _doors(engine, 1)
    assert int(second) != first


def test_a_second_engine_of_the_same_user_refuses(
    make_engine: Callable[..., IsolatedEngine],
) -> None:
    engine = make_engine()
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_hpccontainers.engine"],
        env=engine.env, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "already runs" in done.stderr


@pytest.mark.as_root
def test_another_user_s_engine_refuses_by_name(
    make_engine: Callable[..., IsolatedEngine], tmp_path: Path
) -> None:
    engine = make_engine()
    machine = Path(engine.env["HPCCONTAINERS_MACHINE_DIR"])
    machine.chmod(0o1777)
    own = Path(f"{engine.folder}/other")
    own.mkdir()
    os.chown(own, PERSON, PERSON)
    env = {
        **engine.env,
        "HOME": str(own),
        "HPCCONTAINERS_RUNTIME_DIR": f"{own}/run",
        "HPCCONTAINERS_STATE_DIR": f"{own}/state",
        "JUPYTER_CONFIG_DIR": f"{own}/config",
        "JUPYTER_DATA_DIR": f"{own}/data",
        "JUPYTER_RUNTIME_DIR": f"{own}/jupyter",
    }
    done = subprocess.run(
        [sys.executable, "-c", AS_PERSON],
        env=env, cwd="/", capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "root's engine schedules this machine" in done.stderr


def test_an_idle_engine_ends_by_itself(make_engine: Callable[..., IsolatedEngine]) -> None:
    engine = make_engine(idle_exit=1.0)
    assert engine.process is not None
    assert engine.process.wait(20) == 0
    assert not Path(engine.socket).exists()


def test_an_older_idle_engine_is_replaced(
    make_engine: Callable[..., IsolatedEngine], tmp_path: Path
) -> None:
    engine = make_engine()
    assert engine.process is not None
    newer = (
        "import jupyter_hpccontainers as package; package.__version__ = '99.0.0'\n"
        "from jupyter_hpccontainers.client import start\nstart.__version__ = '99.0.0'\n"
        "print(start.open_engine().health().pid)"
    )
    done = subprocess.run(
        [sys.executable, "-c", newer], env=engine.env, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) != engine.process.pid
    assert engine.process.wait(20) == 0


def test_the_engine_opens_no_port(make_engine: Callable[..., IsolatedEngine]) -> None:
    engine = make_engine()
    assert engine.process is not None
    inodes = {
        os.readlink(f"/proc/{engine.process.pid}/fd/{name}")
        for name in os.listdir(f"/proc/{engine.process.pid}/fd")
        if os.path.lexists(f"/proc/{engine.process.pid}/fd/{name}")
    }
    tables = ("tcp", "tcp6", "udp", "udp6")
    lines = [ln for t in tables for ln in Path(f"/proc/net/{t}").read_text().splitlines()[1:]]
    listening = {f"socket:[{line.split()[9]}]" for line in lines}
    assert not inodes & listening


def test_a_stopped_engine_leaves_its_lock_free(make_engine: Callable[..., IsolatedEngine]) -> None:
    engine = make_engine()
    assert engine.stop() == 0
    engine.start()
    note = json.loads((engine.folder / "run/engine.lock").read_text())
    assert engine.process is not None
    assert note["pid"] == engine.process.pid
    assert any(one.pid == note["pid"] for one in all_processes())
