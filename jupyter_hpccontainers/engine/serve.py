"""The engine's life: take the locks, open the backend, listen, serve until stopped, let go."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket

from ..backends.local.backend import LocalBackend
from ..backends.local.config import LocalConfig
from ..backends.local.people import person_of
from ..machine.survival import what_ends_it
from .api.routes import application
from .lifetime import Identity, Lifetime
from .singleton import Singleton, machine_folder

_log = logging.getLogger(__name__)

#: What tornado reads at most; the API's own, smaller limit answers in words.
_MAX_BODY_BYTES = 64 * 2**20


async def serve(config: LocalConfig, folder: Path, idle_exit_s: float) -> None:
    """Run the engine in this folder until it is told to stop; raises HpccError at start."""
    singleton = Singleton(folder, machine_folder(dict(os.environ)))
    singleton.take()
    try:
        backend = await LocalBackend.open(config)
        try:
            await _listen(backend, folder, idle_exit_s)
        finally:
            await backend.close()
    finally:
        singleton.release()


async def _listen(backend: LocalBackend, folder: Path, idle_exit_s: float) -> None:
    user = person_of(os.geteuid()).name
    identity = Identity(
        engine=backend.engine,
        user=user,
        log_file=str(folder / "engine.log"),
        survives=what_ends_it(user=user),
    )
    lifetime = Lifetime(identity, idle_exit_s, backend.accepting)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        loop.add_signal_handler(number, lifetime.stop, signal.Signals(number).name)
    server = HTTPServer(application(backend, lifetime), max_body_size=_MAX_BODY_BYTES)
    # Bound under another name and renamed when it listens: a door never meets a dead socket.
    path, fresh = folder / "engine.sock", folder / "engine.sock.new"
    server.add_socket(bind_unix_socket(str(fresh), mode=0o600))
    fresh.rename(path)
    _log.info("engine %s listens at %s", identity.engine, path)
    idleness = asyncio.create_task(lifetime.watch_idleness(lambda: any(backend.counts())))
    try:
        await lifetime.stopped.wait()
    finally:
        idleness.cancel()
        server.stop()
        path.unlink(missing_ok=True)
        await server.close_all_connections()
