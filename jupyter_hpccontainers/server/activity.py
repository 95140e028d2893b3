"""Whether jobs run, looked up now and then for whoever stops idle servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from .link import EngineLink

#: Cullers look every few minutes; the engine's health costs it nothing.
LOOK_EVERY_S = 60.0


class Activity:
    """Keeps the number of running jobs of an engine that is alive; starts none."""

    def __init__(self, link: EngineLink, busy: Callable[[], None]) -> None:
        self._link = link
        self._busy = busy
        self.running = 0

    async def watch(self) -> None:
        """Look now and then, and call ``busy`` whenever jobs run or wait."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Look once."""
        answer = await self._link.ask_if_alive("/v1/health")
        if answer is None:
            self.running = 0
            return
        try:
            health = json.loads(await answer.read())
        finally:
            answer.close()
        self.running = int(health["running"]) + int(health["pending"])
        if self.running:
            self._busy()
