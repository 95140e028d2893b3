"""One WebSocket per page: states of jobs as JSON text, bytes of their logs as binary frames."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlparse

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.web import HTTPError
from tornado.websocket import WebSocketHandler

from .handlers import AUTH_RESOURCE
from .link import EngineLink
from .relay import Relay

#: A page that takes nothing for so long is closed; it comes back with its offsets.
WRITE_TIMEOUT_S = 20.0
_MAX_SUBSCRIPTIONS = 500
_MAX_MESSAGE_BYTES = 2**16


class StreamHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """``{"subscribe": job, "offset": n}``, ``{"unsubscribe": job}``, ``{"subscribe": "all"}``.

    A frame is written only after the page's socket took the one before, so what a slow page costs
    is one frame for each subscription, whatever the jobs print.
    """

    auth_resource = AUTH_RESOURCE

    def initialize(self, link: EngineLink) -> None:
        """Take the link to the engine."""
        self.link = link
        self.relays: dict[int | str, Relay] = {}
        self.turn = asyncio.Lock()

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Refuse before the handshake: no right, or a page of another origin."""
        user = self.current_user
        if not await ensure_async(
            self.authorizer.is_authorized(self, user, "execute", AUTH_RESOURCE)
        ):
            raise HTTPError(403, "not authorized to execute on hpccontainers")
        if not self._origin_is_ours():
            raise HTTPError(403, "a browser's cookie is accepted from this server's pages only")
        await super().get(*args, **kwargs)

    @property
    def max_message_size(self) -> int:
        """Bytes of a message from the page: a subscription is short."""
        return _MAX_MESSAGE_BYTES

    def _origin_is_ours(self) -> bool:
        """Whether a request that a browser vouched for by a cookie comes from our own page.

        Jupyter lets a request without Origin pass; a cookie makes that a hole, a token does not.
        """
        if self.identity_provider.is_token_authenticated(self):
            return bool(self.check_origin())
        origin = self.get_origin()
        if origin is None:
            return False
        if urlparse(origin.lower()).netloc == self.request.headers.get("Host", "").lower():
            return True
        return self.allow_origin != "*" and bool(self.check_origin(origin))

    async def on_message(self, message: str | bytes) -> None:
        """Subscribe or unsubscribe; what is not understood is answered with an error."""
        try:
            asked = json.loads(message)
            job = asked.get("subscribe", asked.get("unsubscribe"))
            offset = int(asked.get("offset", 0))
        except (ValueError, TypeError, AttributeError, RecursionError):
            await self.tell({"type": "error", "error": {"message": "not a subscription"}})
            return
        known = job == "all" or (isinstance(job, int) and 0 < job < 2**32)
        if not known or len(self.relays) >= _MAX_SUBSCRIPTIONS:
            await self.tell({"type": "error", "error": {"message": "no such subscription"}})
            return
        self._end_relay(job)
        if "subscribe" in asked:
            self.relays[job] = Relay(self.link, job, max(0, offset), self)

    async def tell(self, message: dict[str, Any]) -> None:
        """Send a text frame."""
        await self._send(json.dumps(message), binary=False)

    async def send_log(self, frame: bytes) -> None:
        """Send a binary frame."""
        await self._send(frame, binary=True)

    async def _send(self, data: str | bytes, binary: bool) -> None:
        async with self.turn:
            written = self.write_message(data, binary=binary)
            # The write is never cancelled: on a timeout the connection goes, and the write with it.
            done, _ = await asyncio.wait({written}, timeout=WRITE_TIMEOUT_S)
            if not done:
                self.log.warning("a page took nothing for %.0f s: closed", WRITE_TIMEOUT_S)
                self._abort()
            await written

    def _abort(self) -> None:
        connection = self.ws_connection
        if connection is not None and connection.stream is not None:
            connection.stream.close()

    def on_close(self) -> None:
        """End what this page followed."""
        for job in list(self.relays):
            self._end_relay(job)

    def _end_relay(self, job: int | str) -> None:
        relay = self.relays.pop(job, None)
        if relay is not None:
            relay.close()
