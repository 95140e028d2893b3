"""Walk a path with one person's rights only; standard library, also run as a program of its own.

As a program (an engine of root for a person): one JSON object on standard input
``{"uid", "gid", "groups", "wishes": [[path, writable], …]}``, one list of answers on output.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from collections.abc import Iterable
from typing import Any

_MOST_LINKS = 40  # as path_resolution(7)


def walk(path: str, writable: bool) -> dict[str, Any]:
    """Return ``{"real", "kind", "device"}`` of a path, or ``{"errno", "real"}`` why it is refused.

    ``kind`` is ``folder``, ``file`` or ``other``. What may be looked at is what the calling
    process may: reading (and entering) it, and writing to it where ``writable``.
    """
    try:
        fd = _open_by_component(path)
    except OSError as error:
        return {"errno": error.errno, "real": path}
    try:
        return _answer(fd, writable)
    finally:
        os.close(fd)


def _answer(fd: int, writable: bool) -> dict[str, Any]:
    status = os.fstat(fd)
    folder = stat.S_ISDIR(status.st_mode)
    rights = os.R_OK | (os.X_OK if folder else 0) | (os.W_OK if writable else 0)
    handle = f"/proc/self/fd/{fd}"
    real = os.readlink(handle)
    if not os.access(handle, rights, effective_ids=True):
        return {"errno": errno.EACCES, "real": real}
    kind = "folder" if folder else "file" if stat.S_ISREG(status.st_mode) else "other"
    return {"real": real, "kind": kind, "device": status.st_dev}


def _open_by_component(path: str) -> int:
    """Open a path one component at a time, reading symbolic links as text.

    So no component can be swapped between the look and the step, and the kernel never jumps by
    a magic link of /proc (``/proc/self/root``); such a link is refused, as by openat2(2) with
    RESOLVE_NO_MAGICLINKS.
    """
    here = os.open("/", os.O_PATH | os.O_DIRECTORY)
    ahead = path.split("/")[::-1]
    links = 0
    try:
        while ahead:
            name = ahead.pop()
            if name in {"", "."}:
                continue
            found = _step(here, name)
            if isinstance(found, str):
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, "too many symbolic links", path)
                ahead.extend(found.split("/")[::-1])
                if not found.startswith("/"):
                    continue
                found = os.open("/", os.O_PATH | os.O_DIRECTORY)
            os.close(here)
            here = found
    except BaseException:
        os.close(here)
        raise
    return here


def _step(here: int, name: str) -> int | str:
    """Return what lies one name further: a handle, or a symbolic link's text."""
    found = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=here)
    status = os.fstat(found)
    if stat.S_ISLNK(status.st_mode):
        try:
            if status.st_dev == os.stat("/proc").st_dev:
                raise OSError(errno.ELOOP, "a link of /proc", name)
            return os.readlink("", dir_fd=found)
        finally:
            os.close(found)
    if stat.S_ISDIR(status.st_mode):
        # Asked for as a folder, an automounted one (autofs(5)) is mounted first.
        os.close(found)
        return os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY, dir_fd=here)
    return found


def become(uid: int, gid: int, groups: Iterable[int]) -> None:
    """Give up this process's rights for a person's, for good (credentials(7))."""
    os.setgroups(list(groups))
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def main() -> None:
    """Answer the wishes on standard input with the rights of the person named there."""
    asked = json.load(sys.stdin)
    become(asked["uid"], asked["gid"], asked["groups"])
    json.dump([walk(path, writable) for path, writable in asked["wishes"]], sys.stdout)


if __name__ == "__main__":
    main()
