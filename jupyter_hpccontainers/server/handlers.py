"""The HTTP routes: parse, ask the engine, write its answer; no logic of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

import tornado.web
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado.iostream import StreamClosedError

from ..model.errors import HpccError, TooLarge, error_to_json
from ..model.request import MAX_REQUEST_BYTES
from ..model.version import __version__
from .link import EngineLink
from .unix_http import Answer

#: What Jupyter's authorizers are asked about.
AUTH_RESOURCE = "hpccontainers"
_PASSED_ON = {"x-log-size": "X-Log-Size", "x-log-offset": "X-Log-Offset"}


@tornado.web.stream_request_body
class EngineHandler(APIHandler):
    """Forwards to one route of the engine; ``upstream`` has a ``{}`` for each group of the path."""

    auth_resource = AUTH_RESOURCE

    def initialize(self, link: EngineLink, upstream: str, query: Sequence[str] = ()) -> None:
        """Take the link and the engine's route; ``query`` names the arguments passed on."""
        self.link = link
        self.upstream = upstream
        self.query = query
        self.body = bytearray()

    async def prepare(self) -> None:  # type: ignore[override]
        """Refuse a body larger than the engine reads before it arrives."""
        if int(self.request.headers.get("Content-Length", 0)) > MAX_REQUEST_BYTES:
            self.refuse(
                TooLarge(
                    f"the request is larger than {MAX_REQUEST_BYTES} bytes",
                    cure="put a long script into a file and mount it",
                )
            )
            return
        if "Content-Length" not in self.request.headers:
            self.request.connection.set_max_body_size(MAX_REQUEST_BYTES)  # type: ignore[union-attr]
        await super().prepare()

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body."""
        self.body += chunk

    async def forward(self, method: str, parts: Sequence[str]) -> None:
        """Ask the engine and write what it answers, or the error and its cure."""
        try:
            answer = await self.link.ask(
                method, self._target(parts), self._body(), self._passed_headers()
            )
        except HpccError as error:
            self.refuse(error)
            return
        try:
            await self._pass_on(answer)
        except StreamClosedError:
            self.log.debug("the reader of %s left", self.request.path)
        except HpccError as error:
            self._break_off(error)
        finally:
            answer.close()

    def refuse(self, error: HpccError) -> None:
        """Write the error as the engine would."""
        self.set_status(error.status)
        self.finish({"error": error_to_json(error)})

    def _break_off(self, error: HpccError) -> None:
        """Refuse, or where the answer has begun cut it visibly: a part must not pass for all."""
        if not self._headers_written:
            self.refuse(error)
            return
        self.log.warning("%s broke off: %s", self.request.path, error)
        self.detach().close()

    def _target(self, parts: Sequence[str]) -> str:
        path = self.upstream.format(*(quote(part) for part in parts))
        given = {name: self.get_query_argument(name, None) for name in self.query}
        query = urlencode({name: value for name, value in given.items() if value is not None})
        return f"{path}?{query}" if query else path

    def _passed_headers(self) -> dict[str, str]:
        key = self.request.headers.get("Idempotency-Key")
        return {"Idempotency-Key": key} if key else {}

    def _body(self) -> bytes | None:
        if self.request.method == "GET":
            return None
        try:
            return json.dumps(json.loads(self.body or b"{}")).encode()
        except (ValueError, RecursionError):
            raise tornado.web.HTTPError(400, "the request's body is not JSON") from None

    async def _pass_on(self, answer: Answer) -> None:
        self.set_status(answer.status)
        kind = answer.headers.get("content-type", "application/octet-stream")
        if kind.startswith("application/json"):
            self.finish(await answer.read())
            return
        # A file or a log is what a job wrote: bytes to save, never a page of this origin.
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Disposition", "attachment")
        for name, shown in _PASSED_ON.items():
            if name in answer.headers:
                self.set_header(shown, answer.headers[name])
        if "content-length" in answer.headers:
            self.set_header("Content-Length", answer.headers["content-length"])
        async for chunk in answer.chunks():
            self.write(chunk)
            await self.flush()
        self.finish()


class ReadHandler(EngineHandler):
    """A route that only tells."""

    @tornado.web.authenticated
    @authorized
    async def get(self, *parts: str) -> None:
        """Answer with what the engine tells."""
        await self.forward("GET", parts)


class ActHandler(EngineHandler):
    """A route that only acts."""

    @tornado.web.authenticated
    @authorized
    async def post(self, *parts: str) -> None:
        """Tell the engine to act."""
        await self.forward("POST", parts)


class TryHandler(EngineHandler):
    """A route that only tells, of what is sent: who may read may ask."""

    @tornado.web.authenticated
    @authorized("read")  # type: ignore[untyped-decorator]
    async def post(self, *parts: str) -> None:
        """Answer with what the engine tells."""
        await self.forward("POST", parts)


class JobsHandler(ReadHandler):
    """All jobs: list and submit."""

    @tornado.web.authenticated
    @authorized
    async def post(self, *parts: str) -> None:
        """Submit a job."""
        await self.forward("POST", parts)


class JobHandler(ReadHandler):
    """One job: its record, and what may be changed of it."""

    @tornado.web.authenticated
    @authorized
    async def patch(self, *parts: str) -> None:
        """Change the job."""
        await self.forward("PATCH", parts)


class HealthHandler(EngineHandler):
    """Whether the door and the engine are there: always 200, so that a page can say what is not."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer with the door's version and the engine's health, or why there is none."""
        root = str(getattr(self.contents_manager, "root_dir", ""))
        health: dict[str, Any] = {"server": __version__, "root": root}
        health |= {"engine": None, "error": None}
        try:
            answer = await self.link.ask("GET", self.upstream)
            health["engine"] = json.loads(await answer.read())
            answer.close()
        except HpccError as error:
            health["error"] = error_to_json(error)
        self.finish(health)
