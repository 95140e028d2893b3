"""Authorizers, XSRF, origins: who may do what, from where."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any, ClassVar

import pytest
from jupyter_server.auth import Authorizer
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect


class ReadOnly(Authorizer):
    """Lets read; notes what it was asked."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        """Say yes to reading only."""
        self.asked.append((action, resource))
        return action == "read"


class TestReadOnly:
    """A server whose authorizer lets nobody write or execute."""

    @pytest.fixture
    def jp_server_config(self, engine_here: Any) -> dict[str, Any]:
        """Add the authorizer."""
        return {
            "ServerApp": {
                "jpserver_extensions": {"jupyter_hpccontainers": True},
                "authorizer_class": ReadOnly,
            }
        }

    async def test_reads_and_does_nothing_else(
        self, ask: Any, engine_here: Any, tiny_image: str
    ) -> None:
        job = engine_here.submit(tiny_image, command=["sleep", "300"])
        for path in ("health", "machine", "jobs", f"jobs/{job.id}", f"jobs/{job.id}/log"):
            assert (await ask(path)).code == 200, path
        asked = {"image": tiny_image, "workdir": str(engine_here.workdir)}
        assert (await ask("jobs/dry-run", "POST", asked)).code == 200
        for path, method in (
            ("jobs", "POST"),
            ("workflows", "POST"),
            (f"jobs/{job.id}/cancel", "POST"),
            ("jobs/cancel", "POST"),
            (f"jobs/{job.id}", "PATCH"),
        ):
            assert (await ask(path, method, {"ids": [job.id]})).code == 403, path
        assert len(engine_here.client.jobs()) == 1
        assert engine_here.client.job(job.id).state != "STOPPING"
        assert ("write", "hpccontainers") in ReadOnly.asked

    async def test_has_no_stream(self, jp_ws_fetch: Any) -> None:
        with pytest.raises(HTTPClientError) as refused:
            await jp_ws_fetch("hpccontainers", "stream")
        assert refused.value.code == 403


async def cookie_of(jp_serverapp: Any, http_server_client: Any) -> tuple[str, str]:
    """Log in as a browser does; return the cookies and the XSRF token among them."""
    answer = await http_server_client.fetch(
        f"/user/x/login?token={jp_serverapp.identity_provider.token}",
        follow_redirects=False,
        raise_error=False,
    )
    cookies = [header.split(";")[0] for header in answer.headers.get_list("Set-Cookie")]
    page = await http_server_client.fetch("/user/x/login", raise_error=False)
    cookies += [header.split(";")[0] for header in page.headers.get_list("Set-Cookie")]
    tokens = [c.split("=", 1)[1] for c in cookies if c.startswith("_xsrf=")]
    return "; ".join(cookies), tokens[-1]


async def test_a_cookie_alone_submits_nothing(
    jp_serverapp: Any, http_server_client: Any, engine_here: Any
) -> None:
    cookie, token = await cookie_of(jp_serverapp, http_server_client)
    here = f"http://127.0.0.1:{jp_serverapp.port}"

    def submit(**headers: str) -> Awaitable[Any]:
        return http_server_client.fetch(
            "/user/x/hpccontainers/jobs",
            method="POST",
            body=json.dumps({"image": "no/such", "workdir": str(engine_here.workdir)}),
            headers={"Cookie": cookie, **headers},
            raise_error=False,
        )

    for headers in (
        {},
        {"Origin": "http://evil.example", "Referer": "http://evil.example/"},
        {"X-XSRFToken": "guessed"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"X-XSRFToken": token, "Origin": "http://evil.example"},
    ):
        assert (await submit(**headers)).code in {403, 404}, headers
    assert engine_here.client.jobs() == ()
    # The page itself may: what refused it above is not that the cookie is bad.
    allowed = await submit(**{"X-XSRFToken": token, "Origin": here, "Host": here[7:]})
    assert allowed.code == 201
    assert [job.spec.image for job in engine_here.client.jobs()] == ["no/such"]


async def handshake(port: int, query: str = "", **headers: str) -> int:
    """Ask for the stream; return the status, 101 when it was granted."""
    request = HTTPRequest(f"ws://127.0.0.1:{port}/user/x/hpccontainers/stream{query}")
    request.headers.update(headers)
    try:
        socket = await websocket_connect(request)
    except HTTPClientError as error:
        return error.code
    socket.close()
    return 101


async def test_the_stream_is_for_our_own_pages_and_for_tokens(
    jp_serverapp: Any, http_server_client: Any, http_server_port: Any
) -> None:
    cookie, _ = await cookie_of(jp_serverapp, http_server_client)
    port = http_server_port[1]
    token = jp_serverapp.identity_provider.token
    here, evil = f"http://127.0.0.1:{port}", "http://evil.example"

    assert await handshake(port) == 403
    assert await handshake(port, Origin=here) == 403
    assert await handshake(port, "?token=wrong") == 403
    assert await handshake(port, Cookie=cookie) == 403
    assert await handshake(port, Cookie=cookie, Origin=evil) == 403
    assert await handshake(port, Cookie=cookie, Origin=f"{here}.evil.example") == 403
    assert await handshake(port, Cookie=cookie, Origin="null") == 403
    assert await handshake(port, Cookie=cookie, Origin=here) == 101
    assert await handshake(port, Authorization=f"token {token}") == 101
    assert await handshake(port, f"?token={token}") == 101
