"""The machine, images, configuration and the engine itself over HTTP."""

from __future__ import annotations

from typing import Any

from ...model.errors import InvalidSpec
from ...model.wire import encode
from .base import Handler


def health(handler: Handler) -> dict[str, Any]:
    """Return the Health object."""
    backend = handler.backend
    return handler.lifetime.health(*backend.counts(), drained=backend.drained())


class Health(Handler):
    """``/v1/health``: the one route that is no sign of life."""

    def prepare(self) -> None:
        """Let a health check not keep an idle engine alive."""

    async def get(self) -> None:
        """Say who this is and whether it is busy."""
        self.answer(health(self))


class MachineUse(Handler):
    """``/v1/machine``."""

    async def get(self) -> None:
        """Show what is there, given and used by others."""
        self.answer(await self.backend.resources())


class Config(Handler):
    """``/v1/config``."""

    async def get(self) -> None:
        """Show what a form may offer."""
        self.answer(await self.backend.config())


class Doctor(Handler):
    """``/v1/doctor``."""

    async def get(self) -> None:
        """Check everything and name the cures."""
        checks = [*self.lifetime.checks(), *await self.backend.doctor()]
        self.answer({"checks": checks})


class Images(Handler):
    """``/v1/images``."""

    async def get(self) -> None:
        """List local images."""
        images = await self.backend.images(self.get_query_argument("search", ""))
        self.answer({"images": encode(images)})


class Stop(Handler):
    """``/v1/engine/stop``."""

    async def post(self) -> None:
        """End the engine after this answer; running jobs go on."""
        self.answer(health(self))
        self.lifetime.stop("asked to stop")


class Drain(Handler):
    """``/v1/engine/drain``."""

    async def put(self) -> None:
        """Let nothing new start, or let it again."""
        drained = self.body().get("drained")
        if not isinstance(drained, bool):
            raise InvalidSpec(
                "drained is not true or false", cure="give true or false", field="drained"
            )
        await self.backend.drain(drained)
        self.answer(health(self))


class Backup(Handler):
    """``/v1/engine/backup``."""

    async def post(self) -> None:
        """Copy the database."""
        path = self.body().get("path")
        if not isinstance(path, str) or not path.startswith("/") or "\0" in path:
            raise InvalidSpec("no absolute path is given", cure="name a new file", field="path")
        self.answer({"path": await self.backend.backup(path)})
