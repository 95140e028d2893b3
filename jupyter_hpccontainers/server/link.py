"""The way to the engine: found or started in a thread, once for all who ask at the same time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from ..model.errors import EngineError, HpccError
from .unix_http import Answer, EngineUnreached, ask

#: Blocks until an engine answers and returns its socket; raises HpccError.
Connect = Callable[[], str]


class EngineLink:
    """Asks the engine, starting it when nobody answers; never blocks the loop."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._socket: str | None = None
        self._starting: asyncio.Task[str] | None = None

    async def socket(self) -> str:
        """Return the engine's socket; raises HpccError when no engine can be started."""
        if self._socket is not None:
            return self._socket
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        return await asyncio.shield(self._starting)

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the engine's answer; an engine that is gone is started again, once.

        Nothing is sent twice: the second try follows a connection that was refused. Raises
        HpccError.
        """
        try:
            return await ask(await self.socket(), method, target, body, headers)
        except EngineUnreached:
            self._socket = None
            return await ask(await self.socket(), method, target, body, headers)

    async def ask_if_alive(self, target: str) -> Answer | None:
        """Like a GET by ``ask``, but nothing is started: None when no engine answers."""
        if self._socket is None:
            return None
        try:
            return await ask(self._socket, "GET", target)
        except EngineError:
            return None

    async def close(self) -> None:
        """Wait for a start that is under way: a thread cannot be called back."""
        if self._starting is not None:
            with contextlib.suppress(HpccError):
                await self._starting

    async def _start(self) -> str:
        try:
            self._socket = await asyncio.to_thread(self._connect)
        except OSError as error:
            raise EngineError(
                f"the engine cannot be started: {error}", cure="run `jupyter hpccontainers doctor`"
            ) from error
        finally:
            self._starting = None
        return self._socket
