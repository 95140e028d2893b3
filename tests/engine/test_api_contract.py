"""The API is what openapi.yaml says, no more and no less."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from engine_fixture import IsolatedEngine
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters

from jupyter_hpccontainers import engine as engine_package
from jupyter_hpccontainers.engine.api.routes import ROUTES

SPEC = Path(engine_package.__file__).with_name("openapi.yaml")


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    return dict(yaml.safe_load(SPEC.read_text()))


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self._path)


class _Request:
    """The request as openapi-core wants to see it."""

    def __init__(self, method: str, path: str, body: bytes | None) -> None:
        self.host_url = "http://localhost"
        self.method = method.lower()
        self.path = path.partition("?")[0]
        query = dict(pair.split("=") for pair in path.partition("?")[2].split("&") if pair)
        self.parameters = RequestParameters(query=query)
        self.content_type = "application/json"
        self.body = body


class _Response:
    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status_code = answer.status
        self.content_type = (answer.headers["Content-Type"] or "").partition(";")[0]
        self.headers = dict(answer.headers)
        self.data = answer.read()


def _ask(engine: IsolatedEngine, method: str, path: str, body: Any = None) -> _Response:
    connection = _Connection(engine.socket)
    raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    connection.request(method, path, raw)
    answer = _Response(connection.getresponse())
    connection.close()
    return answer


def test_every_route_is_described_and_every_description_routed(spec: dict[str, Any]) -> None:
    described = {re.sub(r"\{\w+\}", "*", path) for path in spec["paths"]}
    routed = {re.sub(r"\([^)]*\)", "*", pattern) for pattern, _ in ROUTES}
    assert routed == described


def test_every_described_method_is_answered_and_no_other(spec: dict[str, Any]) -> None:
    handlers = {re.sub(r"\([^)]*\)", "*", pattern): handler for pattern, handler in ROUTES}
    for path, operations in spec["paths"].items():
        handler = handlers[re.sub(r"\{\w+\}", "*", path)]
        for method in ("get", "post", "put", "patch", "delete"):
            own = method in vars(handler)
            assert own == (method in operations), f"{method} {path}"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/health", None, 200),
        ("GET", "/v1/machine", None, 200),
        ("GET", "/v1/config", None, 200),
        ("GET", "/v1/doctor", None, 200),
        ("GET", "/v1/images", None, 200),
        ("GET", "/v1/jobs", None, 200),
        ("GET", "/v1/jobs?state=active&limit=3", None, 200),
        ("GET", "/v1/jobs?state=nonsense", None, 422),
        ("GET", "/v1/jobs/1", None, 404),
        ("GET", "/v1/jobs/1/log", None, 404),
        ("GET", "/v1/jobs/1/files", None, 404),
        ("GET", "/v1/jobs/1/explain", None, 404),
        ("POST", "/v1/jobs/1/cancel", {}, 404),
        ("PATCH", "/v1/jobs/1", {"time_limit": "1h"}, 404),
        ("PATCH", "/v1/jobs/1", {"time_limit": "soon"}, 422),
        ("PATCH", "/v1/jobs/1", {"priority": "urgent", "cores": 2, "begin": "+1h"}, 404),
        ("PATCH", "/v1/jobs/1", {}, 422),
        ("POST", "/v1/jobs/1/hold", None, 404),
        ("POST", "/v1/jobs/1/release", None, 404),
        ("POST", "/v1/jobs/1/suspend", None, 404),
        ("POST", "/v1/jobs/1/resume", None, 404),
        ("POST", "/v1/jobs", {"image": "--privileged"}, 422),
        ("POST", "/v1/jobs", {"image": "python:3.12", "memory": "500"}, 422),
        ("POST", "/v1/workflows", {}, 422),
        ("POST", "/v1/workflows", {"jobs": {"a": {"image": "--privileged"}}}, 422),
        ("POST", "/v1/workflows", {"jobs": {"a": {"image": "i", "after": "a"}}}, 422),
        ("POST", "/v1/jobs/cancel", {"ids": []}, 200),
        ("POST", "/v1/jobs/cancel", {"ids": "all"}, 422),
        ("POST", "/v1/jobs/dry-run", {"image": "--privileged"}, 422),
        ("POST", "/v1/jobs/dry-run", {"image": "python:3.12", "cores": 0}, 422),
        ("GET", "/v1/follow?jobs=99", None, 404),
        ("GET", "/v1/follow?jobs=x", None, 422),
    ],
)
def test_answers_are_as_described(
    shared_engine: IsolatedEngine, method: str, path: str, body: Any, status: int
) -> None:
    answer = _ask(shared_engine, method, path, body)
    assert answer.status_code == status, answer.data
    raw = None if body is None else json.dumps(body).encode()
    api = OpenAPI.from_file_path(str(SPEC))
    api.validate_response(_Request(method, path, raw), answer)  # type: ignore[arg-type]


def test_a_job_s_whole_life_is_as_described(engine: IsolatedEngine, docker_image: str) -> None:
    api = OpenAPI.from_file_path(str(SPEC))
    body = {
        "image": docker_image, "command": ["echo", "hi"], "workdir": str(engine.workdir),
        "runtime": "docker",
    }  # fmt: skip
    created = _ask(engine, "POST", "/v1/jobs", body)
    assert created.status_code == 201, created.data
    job_id = json.loads(created.data)["id"]
    trying = _Request("POST", "/v1/jobs/dry-run", json.dumps(body).encode())
    told = _ask(engine, "POST", "/v1/jobs/dry-run", body)
    api.validate_response(trying, told)  # type: ignore[arg-type]
    engine.wait(job_id)
    request = _Request("POST", "/v1/jobs", json.dumps(body).encode())
    api.validate_request(request)  # type: ignore[arg-type]
    api.validate_response(request, created)  # type: ignore[arg-type]
    for path in ("", "/explain", "/log", "/files", "/files/outputs"):
        answer = _ask(engine, "GET", f"/v1/jobs/{job_id}{path}")
        api.validate_response(  # type: ignore[arg-type]
            _Request("GET", f"/v1/jobs/{job_id}{path}", None), answer
        )
    assert _ask(engine, "GET", f"/v1/jobs/{job_id}/log").data == b"hi\n"


def test_a_workflow_is_as_described(engine: IsolatedEngine, docker_image: str) -> None:
    api = OpenAPI.from_file_path(str(SPEC))
    job = {"image": docker_image, "command": ["true"], "workdir": str(engine.workdir)}
    body = {
        "jobs": {
            "b": {**job, "after": ["a_1", "afterany:a"]},
            "a": {**job, "array": "0-1"},
            "c": {**job, "dependencies": [{"kind": "afternotok", "job": "b"}]},
        }
    }
    created = _ask(engine, "POST", "/v1/workflows", body)
    assert created.status_code == 201, created.data
    request = _Request("POST", "/v1/workflows", json.dumps(body).encode())
    api.validate_response(request, created)  # type: ignore[arg-type]
    told = json.loads(created.data)
    assert list(told["jobs"]) == ["a", "b", "c"]
    assert told["workflow"] == told["jobs"]["a"]["id"]
    assert told["jobs"]["b"]["part"] == {"workflow": told["workflow"], "name": "b", "jobs": 3}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/jobs", 404),
        ("DELETE", "/v1/jobs", 405),
        ("GET", "/v1/jobs/../../etc/passwd", 404),
        ("GET", "/v1/jobs/1e9", 404),
    ],
)
def test_what_is_not_described_is_refused_in_the_same_form(
    shared_engine: IsolatedEngine, method: str, path: str, status: int
) -> None:
    answer = _ask(shared_engine, method, path)
    assert answer.status_code == status
    assert set(json.loads(answer.data)["error"]) >= {"code", "message", "cure"}


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"image":' + b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(
    shared_engine: IsolatedEngine, body: bytes
) -> None:
    answer = _ask(shared_engine, "POST", "/v1/jobs", body)
    assert answer.status_code == 422
    assert json.loads(answer.data)["error"]["code"] == "InvalidSpec"


@pytest.fixture(scope="module")
def shared_engine(
    make_module_engine: Callable[..., IsolatedEngine], docker_socket: str
) -> IsolatedEngine:
    """One engine for requests that change nothing."""
    return make_module_engine(docker_host=f"unix://{docker_socket}")
