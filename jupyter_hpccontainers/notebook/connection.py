"""This kernel's connection to the engine, opened at first use and kept."""

from __future__ import annotations

import os

from ..client.engine import EngineClient
from ..client.locate import Place, locate
from ..client.start import Progress, open_engine

_open: dict[Place, EngineClient] = {}


def connect(progress: Progress | None = None) -> EngineClient:
    """Return the client of the engine, which is started if need be; raises EngineError."""
    place = locate(os.environ)
    client = _open.get(place)
    if client is None:
        client = _open[place] = open_engine(progress=progress)
    return client
