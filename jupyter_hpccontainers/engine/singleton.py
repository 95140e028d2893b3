"""One engine per user and machine: flocks, never pid files, and a name for who is in the way."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
from pathlib import Path

from ..model.errors import EngineElsewhere, EngineError

#: Where engines of all users see each other; a sticky folder every user may write to.
MACHINE_FOLDERS = (Path("/run/lock"), Path("/tmp"))  # noqa: S108 - sticky by design
_PREFIX = "hpccontainers-engine-"


def machine_folder(environ: dict[str, str]) -> Path:
    """Return the folder in which the engines of all users of this machine leave their locks."""
    named = environ.get("HPCCONTAINERS_MACHINE_DIR")
    folders = (Path(named),) if named else MACHINE_FOLDERS
    for folder in folders:
        if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise EngineError(
        f"no folder for machine-wide locks can be written (tried {', '.join(map(str, folders))})",
        cure="set HPCCONTAINERS_MACHINE_DIR to a folder every user of this machine may write to",
    )


class Singleton:
    """The locks of one engine, held until the process ends.

    ``take`` first locks the user's own runtime folder, then this user's name on the machine, and
    only then looks at the names of others: of two users' engines that start at once at least one
    sees the other.
    """

    def __init__(self, runtime_folder: Path, machine: Path) -> None:
        self._runtime_folder = runtime_folder
        self._machine = machine
        self._held: list[int] = []

    def take(self) -> None:
        """Hold the locks; raises EngineError (own engine lives) or EngineElsewhere."""
        self._lock_own(self._runtime_folder / "engine.lock", "an engine of yours already runs")
        own = self._machine / f"{_PREFIX}{os.geteuid()}.lock"
        self._lock_own(own, "an engine of yours with another runtime folder already runs")
        for other in sorted(self._machine.glob(f"{_PREFIX}*.lock")):
            if other != own:
                self._refuse_if_held(other)

    def release(self) -> None:
        """Let go of every lock."""
        while self._held:
            os.close(self._held.pop())

    def _lock_own(self, path: Path, message: str) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o644)
        except OSError as error:
            raise EngineError(
                f"{path} cannot be opened: {error.strerror}",
                cure="remove it if it is not yours, or ask its owner to",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise EngineError(message, cure="use it, or stop it first: engine stop") from None
        self._held.append(descriptor)
        # Other users must be able to see that it is held, whatever the umask.
        os.fchmod(descriptor, 0o644)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "user": _user_name()}).encode(), 0)

    def _refuse_if_held(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except OSError as error:
            raise EngineElsewhere(
                f"{path} cannot be looked at: {error.strerror}",
                cure="ask its owner to remove it, or to make it readable",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _owner(descriptor)
            raise EngineElsewhere(
                f"user {owner}'s engine schedules this machine",
                cure=f"ask {owner} to stop it, or wait: it ends 30 minutes after its last job",
                owner=owner,
            ) from None
        finally:
            os.close(descriptor)


def _owner(descriptor: int) -> str:
    uid = os.fstat(descriptor).st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"
