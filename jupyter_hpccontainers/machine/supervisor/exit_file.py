"""What the supervisor leaves for the engine: ``started`` and ``exit``, each whole or not there."""

from __future__ import annotations

import errno
import os
import time

from .. import folder as names
from ..light import signal, to_json

#: Enough for every exit file; reserved at the beginning so that a full disk cannot lose it.
_RESERVED_BYTES = 8192
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MESSAGE_CHARACTERS = 2000
_WARNINGS = 8


class Failure(Exception):
    """The program never ran to an end we can vouch for; ``code`` is a ReasonCode's value.

    ``exit_code`` is one that somebody reports, to be shown and not believed.
    """

    def __init__(self, code: str, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.exit_code = exit_code


class Ending:
    """How it ended: an exit code, or a failure (with the code shown beside it, if there is one)."""

    def __init__(self, exit_code: int | None, failure: Failure | None = None) -> None:
        self.exit_code = exit_code
        self.failure = failure
        self.oom_killed = False
        self.oom_seen = False
        self.warnings: list[str] = []

    @property
    def signal(self) -> int | None:
        """The signal that 128 + n stands for, as shells, Docker and Apptainer report it."""
        number = (self.exit_code or 0) - 128
        return number if 0 < number < signal.NSIG else None


class Report:
    """Writes the two files of one attempt."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._new = f"{folder}/{names.EXIT}.new"
        self._handle = os.open(self._new, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.started_at: float | None = None

    def reserve(self) -> None:
        """Reserve the exit file's room; raises Failure when the disk is full before the start."""
        try:
            os.posix_fallocate(self._handle, 0, _RESERVED_BYTES)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise Failure("StartFailed", f"the state folder has no room: {error}") from None

    def started(self, container: str, pid: int, at: float | None = None) -> None:
        """Say that the user's program runs; the first call counts."""
        if self.started_at is not None:
            return
        self.started_at = time.time() if at is None else at
        data = {"at": self.started_at, "container": container, "pid": pid}
        new = f"{self._folder}/{names.STARTED}.new"
        try:
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            os.write(handle, to_json(data))
            os.close(handle)
            os.rename(new, f"{self._folder}/{names.STARTED}")
        except OSError:
            # A full disk: the exit file, whose room is reserved, says the same later.
            return

    def ended(self, ending: Ending) -> None:
        """Write the exit file: bytes on disk first, then the name, then the folder."""
        data = to_json(self._data(ending))
        os.pwrite(self._handle, data, 0)
        os.ftruncate(self._handle, len(data))
        os.fsync(self._handle)
        os.rename(self._new, f"{self._folder}/{names.EXIT}")
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        os.fsync(folder)
        os.close(folder)

    def _data(self, ending: Ending) -> dict[str, object]:
        failure = ending.failure
        return {
            "exit_code": ending.exit_code,
            "signal": ending.signal,
            "oom_killed": ending.oom_killed,
            "oom_seen": ending.oom_seen,
            "started_at": self.started_at,
            "ended_at": time.time(),
            "error": failure
            and {"code": failure.code, "message": failure.message[:_MESSAGE_CHARACTERS]},
            "warnings": [text[:300] for text in ending.warnings[:_WARNINGS]],
        }
