"""A Jupyter server with our extension under a hub's prefix, in front of a real engine."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError, HTTPResponse


@pytest.fixture
def jp_base_url() -> str:
    """As behind a JupyterHub."""
    return "/user/x/"


@pytest.fixture
def jp_root_dir(tmp_path: Path) -> Path:
    """A folder with a name that breaks what is quoted badly."""
    folder = tmp_path / "it's a bé folder"
    folder.mkdir()
    return folder


@pytest.fixture
def engine_here(make_engine: Any, docker_socket: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An engine that the Jupyter server finds; this process's environment leads to it."""
    engine = make_engine(docker_host=f"unix://{docker_socket}", grace=1.0, runtimes=["docker"])
    for name, value in engine.env.items():
        if name.startswith("HPCCONTAINERS_"):
            monkeypatch.setenv(name, value)
    return engine


@pytest.fixture
def jp_server_config(engine_here: Any) -> dict[str, Any]:
    """Our extension; a handler that forgot to ask who is there fails."""
    return {
        "ServerApp": {
            "jpserver_extensions": {"jupyter_hpccontainers": True},
            "allow_unauthenticated_access": False,
        }
    }


Ask = Callable[..., Awaitable[HTTPResponse]]


@pytest.fixture
def ask(jp_fetch: Any) -> Ask:
    """Ask a route below ``hpccontainers/`` as the person; refusals are answers too."""

    async def fetch(path: str, method: str = "GET", body: Any = None, **more: Any) -> HTTPResponse:
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        try:
            answer = await jp_fetch("hpccontainers", path, method=method, body=data, **more)
        except HTTPClientError as error:
            assert error.response is not None
            return error.response
        else:
            return answer

    return fetch


@pytest.fixture
def finished_job(engine_here: Any, tiny_image: str) -> int:
    """A job that printed a thousand lines and ended."""
    script = "#!/bin/sh\ni=1; while [ $i -le 1000 ]; do echo line $i; i=$((i+1)); done\n"
    return int(engine_here.wait(engine_here.submit(tiny_image, script=script)).id)
