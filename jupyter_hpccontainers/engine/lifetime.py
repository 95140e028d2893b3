"""When the engine ends: on request, on a signal, or idle for long; and what it says of itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..client.engine import API
from ..model.version import __version__

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this engine is: uuid, user name, log file, and what would end it with Jupyter."""

    engine: str
    user: str
    log_file: str
    survives: str


class Lifetime:
    """Counts clients and signs of life; ``stopped`` is set once the engine should end."""

    def __init__(
        self, identity: Identity, idle_exit_s: float, accepting: Callable[[], bool]
    ) -> None:
        self._identity = identity
        self._idle_exit_s = idle_exit_s
        self._accepting = accepting
        self._started = self._touched = time.monotonic()
        self._clients = 0
        self.stopped = asyncio.Event()

    def touch(self) -> None:
        """Note a sign of life."""
        self._touched = time.monotonic()

    @contextlib.contextmanager
    def client(self) -> Iterator[None]:
        """Hold the engine alive while a stream is open."""
        self._clients += 1
        try:
            yield
        finally:
            self._clients -= 1
            self.touch()

    def stop(self, why: str) -> None:
        """End the engine; jobs that run go on under their supervisors."""
        _log.info("engine ends: %s", why)
        self.stopped.set()

    def health(self, running: int, pending: int, drained: bool = False) -> dict[str, Any]:
        """Return the Health object."""
        return {
            "version": __version__,
            "api": API,
            "engine": self._identity.engine,
            "pid": os.getpid(),
            "user": self._identity.user,
            "uptime_s": round(time.monotonic() - self._started, 3),
            "running": running,
            "pending": pending,
            "busy": bool(running or pending),
            "accepting": self._accepting(),
            "drained": drained,
            "survives": self._identity.survives,
        }

    def checks(self) -> list[dict[str, Any]]:
        """Return what the doctor says of the engine process itself."""
        survives = self._identity.survives
        return [
            {
                "name": "engine",
                "ok": True,
                "found": f"version {__version__}, pid {os.getpid()}, log {self._identity.log_file}",
                "cure": "",
            },
            {
                "name": "survival",
                "ok": not survives,
                "found": survives or "jobs and queue live on when Jupyter ends",
                "cure": "start Jupyter outside of it, or expect jobs to end with it"
                if survives
                else "",
            },
        ]

    async def watch_idleness(self, busy: Callable[[], bool]) -> None:
        """Stop the engine when nothing ran, waited or asked for ``idle_exit_s``."""
        while not self.stopped.is_set():
            if busy() or self._clients:
                self.touch()
            left_s = self._touched + self._idle_exit_s - time.monotonic()
            if left_s <= 0:
                self.stop(f"idle for {self._idle_exit_s:.0f} s")
                return
            # A timer of seconds would wake the machine for nothing; half the rest is soon enough.
            await asyncio.sleep(max(left_s / 2, min(1.0, self._idle_exit_s)))
