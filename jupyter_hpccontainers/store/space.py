"""Room on the disk: when to stop accepting, and the ballast that keeps running jobs recorded."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..model.errors import EngineError, HpccError, StoreFull
from ..model.quantities import format_memory

#: Free bytes under which nothing more is accepted.
RESERVE_BYTES = 64 * 2**20
#: Size of the file that is given up when the disk is full, so that running jobs can be recorded.
BALLAST_BYTES = 8 * 2**20

_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
_READ_ONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def free_bytes(folder: Path) -> int:
    """Return what an ordinary process may still write there (statvfs(3), ``f_bavail``)."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class Ballast:
    """A file of nothing beside the database: a full SQLite cannot even delete rows without it."""

    def __init__(
        self, path: Path, size_bytes: int, reserve_bytes: int, free: Callable[[Path], int]
    ) -> None:
        self._path, self._size, self._reserve, self._free = path, size_bytes, reserve_bytes, free

    @property
    def free_bytes(self) -> int:
        """Free bytes of the disk the database lies on."""
        return self._free(self._path.parent)

    @property
    def roomy(self) -> bool:
        """Whether there is room to accept more."""
        return self.free_bytes >= self._reserve

    def tend(self) -> None:
        """Put the ballast (back) in place where that leaves room to accept."""
        if self._size and not self._path.exists() and self.free_bytes >= self._reserve + self._size:
            with suppress(OSError):
                self._lay()

    def release(self) -> bool:
        """Give the ballast up; False when there was none."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def _lay(self) -> None:
        descriptor = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._size)
        except OSError:
            self.release()
            raise
        finally:
            os.close(descriptor)

    def full(self) -> StoreFull:
        """Return the error for a submission that finds no room."""
        folder = self._path.parent
        return StoreFull(
            f"the disk of {folder} has {format_memory(self.free_bytes)} free: nothing was accepted",
            cure=f"free space there until {format_memory(self._reserve)} are free, "
            "or lower keep_days or keep_gb",
        )


@contextmanager
def faults_told(path: Path) -> Iterator[None]:
    """Turn what SQLite and the kernel say about the disk into errors a person can act on."""
    try:
        yield
    except sqlite3.Error as error:
        raise told(error, path) from error
    except OSError as error:
        raise _told_os(error, path) from error


def told(error: sqlite3.Error, path: Path) -> HpccError:
    """Return what an error of SQLite means (https://www.sqlite.org/rescode.html)."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary in _FULL:
        return StoreFull(
            f"the job database cannot be written: {error}",
            cure=f"free space on the disk of {path.parent}",
        )
    if primary in _READ_ONLY:
        return _read_only(path, str(error))
    if primary in _LOCKED:
        return EngineError(
            f"another program has {path} open",
            cure="end it; only the engine opens the database, and makes its backups",
        )
    return EngineError(
        f"the job database failed: {error}",
        cure="restart the engine: it checks the file and keeps every record that is whole",
    )


def _told_os(error: OSError, path: Path) -> HpccError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StoreFull(
            f"the disk of {path.parent} is full", cure="free space there, or ask for more quota"
        )
    return _read_only(path, error.strerror or str(error))


def _read_only(path: Path, why: str) -> StoreFull:
    return StoreFull(
        f"the state folder {path.parent} cannot be written: {why}",
        cure="make it writable for the engine's user, or set another state folder",
    )
