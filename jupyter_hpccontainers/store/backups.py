"""A consistent copy of the open database, by SQLite's own backup."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from ..model.errors import StateConflict
from .space import faults_told


def copy_to(connection: sqlite3.Connection, path: Path) -> Path:
    """Write a copy to a new file of mode 0600 (https://www.sqlite.org/backup.html); return it.

    Raises StateConflict where the file exists, StoreFull where it cannot be written; then
    nothing is left of it.
    """
    with faults_told(path):
        try:
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
            os.close(os.open(path, flags, 0o600))
        except FileExistsError:
            raise StateConflict(f"{path} exists", cure="name a file that does not") from None
        try:
            with closing(sqlite3.connect(path)) as target:
                connection.backup(target)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    return path
