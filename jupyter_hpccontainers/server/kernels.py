"""What kernels of any environment need to reach the engine, or to start one."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ..client.locate import Place, make_folder
from ..model.version import __version__


def leave_interpreter(folder: Path) -> None:
    """Note this Python in the runtime folder, for kernels that cannot run an engine themselves.

    Raises EngineError when the folder is not the person's own, OSError when it cannot be written.
    """
    make_folder(folder)
    note = json.dumps({"python": sys.executable, "version": __version__})
    unfinished = folder / f"interpreter.json.{os.getpid()}"
    unfinished.write_text(note)
    unfinished.chmod(0o600)
    unfinished.replace(folder / "interpreter.json")


@contextlib.contextmanager
def exported(place: Place) -> Iterator[None]:
    """Name the engine's place in the environment, which kernels inherit, until the server stops."""
    if place.folder is None:
        name, value = "HPCCONTAINERS_SOCKET", place.socket
    else:
        name, value = "HPCCONTAINERS_RUNTIME_DIR", str(place.folder)
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
