"""What jobs left on disk: logs by offset and the files of the job folder, never outside it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...model.errors import NotFound
from ..protocol import LogPart
from .job_log import JobLog

_CHUNK_BYTES = 256 * 1024
#: Most files a listing names; a job folder with more is looked into by its own tools.
_MOST_FILES = 10_000


def read_log(log: JobLog, offset: int, length: int, stream: int) -> LogPart:
    """Return bytes of a log; a negative offset counts from the end."""
    size = log.size(stream)
    begin = max(0, size + offset) if offset < 0 else min(offset, size)
    return LogPart(begin, size, log.read(begin, length, stream))


def list_files(job_dir: Path) -> list[dict[str, Any]]:
    """Return the regular files of a job folder with path, size and time; links are not followed."""
    found: list[dict[str, Any]] = []
    for here, _, names in os.walk(job_dir):
        for name in sorted(names):
            path = Path(here) / name
            try:
                status = path.lstat()
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                found.append(
                    {
                        "path": str(path.relative_to(job_dir)),
                        "size_bytes": status.st_size,
                        "modified_at": status.st_mtime,
                    }
                )
            if len(found) >= _MOST_FILES:
                return found
    return found


def open_file(job_dir: Path, path: str) -> int:
    """Open a regular file of a job folder, component by component without following a link.

    Raises NotFound for anything else, whatever it is: a path that leaves the folder tells nothing.
    """
    parts = path.split("/")
    if not all(part and part not in {".", ".."} and "\0" not in part for part in parts):
        raise _missing(path)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        here = os.open(job_dir, flags | os.O_DIRECTORY)
    except OSError:
        raise _missing(path) from None
    try:
        for folder in parts[:-1]:
            below = os.open(folder, flags | os.O_DIRECTORY, dir_fd=here)
            os.close(here)
            here = below
        # Without O_NONBLOCK a job could hold the engine with a FIFO of this name.
        handle = os.open(parts[-1], flags | os.O_NONBLOCK, dir_fd=here)
    except (OSError, ValueError):
        raise _missing(path) from None
    finally:
        os.close(here)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _missing(path)
    return handle


def chunks(handle: int) -> Iterator[bytes]:
    """Yield a file's bytes and close it."""
    with os.fdopen(handle, "rb") as file:
        while data := file.read(_CHUNK_BYTES):
            yield data


def _missing(path: str) -> NotFound:
    return NotFound(f"the job has no file {path[:80]!r}", cure="list its files first")
