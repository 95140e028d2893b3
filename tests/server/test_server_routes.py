"""Every route asks who is there; none is forgotten."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from tornado.web import RequestHandler

import jupyter_hpccontainers.engine
from jupyter_hpccontainers.server.handlers import AUTH_RESOURCE

#: Every route and what it answers to: a new one fails here until it is tested and added.
ROUTES = {
    "health": {"GET"},
    "machine": {"GET"},
    "config": {"GET"},
    "doctor": {"GET"},
    "images": {"GET"},
    "jobs": {"GET", "POST"},
    "jobs/cancel": {"POST"},
    "jobs/dry-run": {"POST"},
    "workflows": {"POST"},
    "jobs/1": {"GET", "PATCH"},
    "jobs/1/cancel": {"POST"},
    "jobs/1/hold": {"POST"},
    "jobs/1/release": {"POST"},
    "jobs/1/suspend": {"POST"},
    "jobs/1/resume": {"POST"},
    "jobs/1/explain": {"GET"},
    "jobs/1/log": {"GET"},
    "jobs/1/files": {"GET"},
    "jobs/1/files/1": {"GET"},
    "stream": {"GET"},
}
#: What a page may not do: end, drain or copy the engine. It follows through ``stream``.
NOT_FOR_PAGES = {"engine/stop", "engine/drain", "engine/backup", "follow"}


def our_handlers(app: Any) -> dict[str, type[RequestHandler]]:
    """Return the handlers below ``hpccontainers/``, by a path that reaches them."""
    found = {}
    for rule in all_rules(app.default_router):
        pattern = getattr(getattr(rule.matcher, "regex", None), "pattern", "")
        if "/hpccontainers/" in pattern:
            path = pattern.split("/hpccontainers/")[1].rstrip("$")
            found[path.replace(r"(\d{1,18})", "1").replace("(.+)", "1")] = rule.target
    return found


def all_rules(router: Any) -> Iterator[Any]:
    """Yield the rules of a router and of those within it."""
    for rule in router.rules:
        yield rule
        if hasattr(rule.target, "rules"):
            yield from all_rules(rule.target)


def methods_of(handler: type[RequestHandler]) -> set[str]:
    """Return the HTTP methods a handler answers."""
    return {
        name
        for name in RequestHandler.SUPPORTED_METHODS
        if name not in {"HEAD", "OPTIONS"}
        and getattr(handler, name.lower()) is not getattr(RequestHandler, name.lower())
    }


async def test_the_routes_are_those_tested(jp_serverapp: Any) -> None:
    handlers = our_handlers(jp_serverapp.web_app)
    assert {path: methods_of(handler) for path, handler in handlers.items()} == ROUTES


async def test_the_routes_are_the_engines(jp_serverapp: Any) -> None:
    api = Path(inspect.getfile(jupyter_hpccontainers.engine)).parent / "openapi.yaml"
    paths = yaml.safe_load(api.read_text())["paths"]
    engine = {
        path.removeprefix("/v1/").replace("{id}", "1").replace("{path}", "1"): {
            method.upper() for method in item if method in {"get", "post", "patch", "delete"}
        }
        for path, item in paths.items()
    }
    ours = {path: methods for path, methods in ROUTES.items() if path != "stream"}
    assert ours == {path: m for path, m in engine.items() if path not in NOT_FOR_PAGES}


async def test_no_route_answers_a_stranger(jp_serverapp: Any, http_server_client: Any) -> None:
    for path, methods in ROUTES.items():
        # OPTIONS is Jupyter's own and public: it names methods for cross-origin requests.
        for method in [*methods, "GET", "HEAD", "POST", "PUT", "DELETE"]:
            answer = await http_server_client.fetch(
                f"/user/x/hpccontainers/{path}",
                method=method,
                body="{}" if method in {"POST", "PATCH", "PUT"} else None,
                follow_redirects=False,
                raise_error=False,
                allow_nonstandard_methods=True,
            )
            assert answer.code == 403, (path, method)
            assert b"engine" not in answer.body


async def test_every_handler_names_what_authorizers_are_asked(jp_serverapp: Any) -> None:
    for path, handler in our_handlers(jp_serverapp.web_app).items():
        assert handler.auth_resource == AUTH_RESOURCE, path


async def test_the_engine_is_not_ended_or_copied_by_a_page(ask: Any) -> None:
    for path in NOT_FOR_PAGES:
        for method in ("GET", "POST"):
            answer = await ask(path, method, None if method == "GET" else {})
            assert answer.code in {404, 405}
