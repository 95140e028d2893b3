"""The Jupyter server extension: settings, routes, and the engine started at load."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool

from ..client.locate import Place, locate
from ..client.start import open_engine
from ..model.errors import HpccError
from .activity import Activity
from .kernels import exported, leave_interpreter
from .link import EngineLink
from .routes import routes


class HPCContainersApp(ExtensionApp):
    """Container jobs for the pages and kernels of this server."""

    name = "jupyter_hpccontainers"
    extension_url = "/lab"
    load_other_extensions = True

    start_engine = Bool(
        True, config=True, help="Start the engine with the server, not with the first request."
    )
    keep_server_while_jobs_run = Bool(
        True,
        config=True,
        help="Count running and waiting jobs as activity: no culler stops the server then.",
    )

    link: EngineLink
    activity: Activity

    def initialize_settings(self) -> None:
        """Find the engine's place and tell kernels; nothing here waits for the engine."""
        environ = dict(os.environ)
        self.link = EngineLink(lambda: _socket_of_engine(environ))
        self.activity = Activity(self.link, self._count_as_activity)
        self.place_exported = contextlib.ExitStack()
        self.tasks: list[asyncio.Task[None]] = []
        try:
            self._tell_kernels(locate(environ))
        except (HpccError, OSError) as error:
            self.log.warning("kernels are not told where the engine is: %s", error)

    def initialize_handlers(self) -> None:
        """Add the routes; the base URL is put before them."""
        self.handlers.extend(routes(self.link))

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Begin the work that needs the running loop."""
        if self.start_engine:
            self._begin(self._start_engine())
        self._begin(self.activity.watch())

    def current_activity(self) -> int | None:
        """Return the number of jobs for which the server must stay; None lets it stop."""
        return self.activity.running or None if self.keep_server_while_jobs_run else None

    async def stop_extension(self) -> None:
        """Leave engine and jobs running; end what this server did for them."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.link.close()
        self.place_exported.close()

    def _tell_kernels(self, place: Place) -> None:
        self.place_exported.enter_context(exported(place))
        if place.folder is not None:
            leave_interpreter(place.folder)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.get_running_loop().create_task(work))

    async def _start_engine(self) -> None:
        try:
            await self.link.socket()
        except HpccError as error:
            # The health route says it to the page; the server itself is well.
            self.log.warning("no engine: %s", error)

    def _count_as_activity(self) -> None:
        if self.keep_server_while_jobs_run and self.serverapp is not None:
            self.serverapp.web_app.settings["last_activity_times"][self.name] = datetime.now(UTC)


def _socket_of_engine(environ: Mapping[str, str]) -> str:
    client = open_engine(environ)
    client.close()
    return client.socket
