"""The person's wish that nothing new starts, kept in the state folder so that it outlives us."""

from __future__ import annotations

import os
from pathlib import Path

from ...model.errors import StoreFull


class Drain:
    """A file that is there exactly while the engine is drained."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def on(self) -> bool:
        """Whether nothing new is to start."""
        return self._path.exists()

    def set(self, drained: bool) -> None:
        """Write the wish down; it is on disk when this returns. Raises StoreFull."""
        try:
            if drained:
                self._path.touch(mode=0o600)
            else:
                self._path.unlink(missing_ok=True)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise StoreFull(
                f"{self._path} cannot be written: {error.strerror}", cure="free some space there"
            ) from error
