"""The disk under a folder: room, whether it is a network file system, where state may go."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..model.errors import StoreFull
from .host import Host

#: File systems on which locks and SQLite's log are not to be trusted, or that wait for a server.
_NETWORK = re.compile(
    r"9p|afs|beegfs|ceph|cifs|coda|cvmfs2|gfs2|gpfs|lustre|ncpfs|nfs4?|ocfs2|orangefs|panfs|pvfs2"
    r"|smb3|smbfs|wekafs|fuse\.(?:ceph|glusterfs|gcsfuse|juicefs|rclone|s3fs|sshfs)"
)
_POINTER = "STATE_IS_AT"


@dataclass(frozen=True, slots=True)
class StatePlace:
    """Where the state goes; ``why`` says so where that is not where it was wanted."""

    path: Path
    wanted: Path
    why: str = ""


def free_bytes(folder: Path) -> int:
    """Return what an ordinary process may still write there (statvfs(3), ``f_bavail``)."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def file_system(folder: Path, host: Host | None = None) -> str:
    """Return the type of the file system a path lies, or would be made, on (``ext4``, ``nfs4``).

    From proc_pid_mountinfo(5): the longest mount point above it, the latest where several are
    mounted on one. Empty where that cannot be read.
    """
    host = host or Host()
    best, found = -1, ""
    real = os.path.realpath(folder)
    for line in host.text("/proc/self/mountinfo").splitlines():
        fields = line.split()
        point = _unescaped(fields[4])
        if os.path.commonpath([point, real]) == point and len(point) >= best:
            best, found = len(point), fields[fields.index("-") + 1]
    return found


def on_network(folder: Path, host: Host | None = None) -> bool:
    """Whether a path lies on a network file system."""
    return _NETWORK.fullmatch(file_system(folder, host)) is not None


def state_place(wanted: Path, local: Path, host: Host | None = None) -> StatePlace:
    """Return where state goes: ``wanted``, or ``local`` where that is on a network.

    SQLite's log and flock(2) need a local disk (https://www.sqlite.org/wal.html).
    """
    if not on_network(wanted, host):
        return StatePlace(wanted, wanted)
    kind = file_system(wanted, host)
    return StatePlace(local, wanted, f"{wanted} is on a network file system ({kind})")


def make_state(place: StatePlace, uid: int) -> Path:
    """Make the state folder (0700) and return it, with a pointer at the wanted place if need be.

    Raises StoreFull where it cannot be made or is not this user's own.
    """
    try:
        place.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = place.path.lstat()
    except OSError as error:
        raise StoreFull(
            f"the state folder {place.path} cannot be made: {error.strerror}",
            cure="make its parent writable, or set another state folder",
        ) from error
    if found.st_uid != uid or place.path.is_symlink():
        raise StoreFull(
            f"the state folder {place.path} belongs to user {found.st_uid} or is a link",
            cure="remove it, or set another state folder",
        )
    if place.path != place.wanted:
        with suppress(OSError):  # the pointer is for people; a read-only home must not stop us
            place.wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
            (place.wanted / _POINTER).write_text(f"{place.path}\n", encoding="utf-8")
    return place.path


def _unescaped(text: str) -> str:
    """Mount points write space, tab, newline and backslash as ``\\040`` and so on."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
