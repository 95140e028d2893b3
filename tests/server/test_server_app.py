"""The extension's life: load, what kernels are told, activity, stop, and no engine at all."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyter_hpccontainers.client.locate import Place
from jupyter_hpccontainers.server.app import HPCContainersApp
from jupyter_hpccontainers.server.kernels import exported, leave_interpreter


def extension(serverapp: Any) -> HPCContainersApp:
    """Return our extension of a server."""
    (app,) = serverapp.extension_manager.extension_apps["jupyter_hpccontainers"]
    assert isinstance(app, HPCContainersApp)
    return app


def test_importing_the_package_loads_no_server() -> None:
    program = (
        "import sys, jupyter_hpccontainers as p; p._jupyter_labextension_paths();"
        "print([m for m in ('tornado', 'jupyter_server', 'traitlets') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


async def test_kernels_inherit_where_the_engine_is(jp_serverapp: Any, engine_here: Any) -> None:
    folder = engine_here.folder / "run"
    assert os.environ["HPCCONTAINERS_RUNTIME_DIR"] == str(folder)
    note = json.loads((folder / "interpreter.json").read_text())
    assert note == {"python": sys.executable, "version": "0.1.0"}
    assert stat.S_IMODE((folder / "interpreter.json").stat().st_mode) == 0o600


def test_the_environment_is_as_before_after_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPCCONTAINERS_RUNTIME_DIR", raising=False)
    with exported(Place("/x/engine.sock", Path("/x"))):
        assert os.environ["HPCCONTAINERS_RUNTIME_DIR"] == "/x"
    assert "HPCCONTAINERS_RUNTIME_DIR" not in os.environ
    monkeypatch.setenv("HPCCONTAINERS_SOCKET", "/given")
    with exported(Place("/run/machine.sock")):
        assert os.environ["HPCCONTAINERS_SOCKET"] == "/run/machine.sock"
    assert os.environ["HPCCONTAINERS_SOCKET"] == "/given"


def test_the_note_is_never_half_written(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    leave_interpreter(folder)
    leave_interpreter(folder)
    assert [path.name for path in folder.iterdir()] == ["interpreter.json"]


async def test_running_jobs_are_activity_and_ended_ones_are_not(
    jp_serverapp: Any, engine_here: Any, tiny_image: str, ask: Any
) -> None:
    app = extension(jp_serverapp)
    await ask("health")
    assert not app.current_activity()
    job = engine_here.submit(tiny_image, command=["sleep", "300"])
    before = jp_serverapp.web_app.last_activity()
    await app.activity.look()
    assert app.current_activity() == 1
    assert jp_serverapp.web_app.last_activity() > before
    app.keep_server_while_jobs_run = False
    assert app.current_activity() is None
    engine_here.client.cancel(job.id, kill=True)
    engine_here.wait(job)
    await app.activity.look()
    assert app.activity.running == 0


async def test_stopping_the_server_leaves_engine_and_jobs(
    jp_serverapp: Any, engine_here: Any, tiny_image: str, ask: Any
) -> None:
    await ask("health")
    job = engine_here.submit(tiny_image, command=["sleep", "300"])
    engine_here.until(job, "RUNNING")
    await extension(jp_serverapp).stop_extension()
    assert engine_here.client.job(job.id).state == "RUNNING"


class TestNoEngine:
    """A place where no engine can be."""

    @pytest.fixture
    def engine_here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put a file where the runtime folder would be."""
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("HPCCONTAINERS_RUNTIME_DIR", str(tmp_path / "file"))

    async def test_the_server_lives_and_health_says_why(self, ask: Any) -> None:
        answer = await ask("health")
        health = json.loads(answer.body)
        assert answer.code == 200
        assert health["engine"] is None
        assert health["error"]["code"] == "EngineError"
        assert health["error"]["cure"]

    async def test_other_routes_refuse_with_the_cure(self, ask: Any) -> None:
        answer = await ask("jobs")
        assert answer.code == 503
        assert json.loads(answer.body)["error"]["cure"]
