"""Changes in attempts' folders as they happen, by inotify(7): one descriptor, no polling."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Flag, auto
from pathlib import Path

from . import folder as names

# <sys/inotify.h>
_IN_MODIFY = 0x002
_IN_CLOSE_WRITE = 0x008
_IN_MOVED_TO = 0x080
_IN_Q_OVERFLOW = 0x4000
_IN_IGNORED = 0x8000
_IN_ONLYDIR = 0x1000000
_EVENT = struct.Struct("iIII")
_BUFFER_BYTES = 64 * 1024


class Change(Flag):
    """What happened in an attempt's folder.

    ``RELEASED``: the supervisor let go of its lock, that is, it ended, however it did.
    ``MISSED``: the kernel dropped events; look at everything watched.
    """

    OUTPUT = auto()
    STARTED = auto()
    EXITED = auto()
    RELEASED = auto()
    MISSED = auto()


_RENAMED = {names.STARTED: Change.STARTED, names.EXIT: Change.EXITED}


@dataclass(frozen=True, slots=True)
class Changed:
    """A folder and what happened there since the last read; ``folder`` is None when MISSED."""

    folder: Path | None
    change: Change


class Watch:
    """One inotify instance: ``fileno()`` is readable when ``read()`` has something to tell."""

    def __init__(self) -> None:
        """Open the instance; raises OSError when the person's inotify limit is reached."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._handle = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._folders: dict[int, Path] = {}
        self._numbers: dict[Path, int] = {}

    def fileno(self) -> int:
        """Return the descriptor to wait on (``loop.add_reader``)."""
        return self._handle

    def add(self, folder: Path) -> None:
        """Watch an attempt's folder. Look at it once after this: earlier changes are not told."""
        mask = _IN_MODIFY | _IN_CLOSE_WRITE | _IN_MOVED_TO | _IN_ONLYDIR
        number = self._checked(
            self._libc.inotify_add_watch(self._handle, os.fsencode(folder), mask)
        )
        self._folders[number] = folder
        self._numbers[folder] = number

    def remove(self, folder: Path) -> None:
        """Stop watching; nothing happens when the folder was not watched or is gone."""
        number = self._numbers.pop(folder, None)
        if number is not None:
            self._folders.pop(number, None)
            self._libc.inotify_rm_watch(self._handle, number)

    def read(self) -> list[Changed]:
        """Return what changed since the last call, one entry a folder; never blocks."""
        found: dict[Path | None, Change] = {}
        for number, mask, name in self._events():
            if mask & _IN_Q_OVERFLOW:
                found[None] = Change.MISSED
            elif mask & _IN_IGNORED:
                self._forget(number)
            else:
                self._note(found, number, mask, name)
        return [Changed(folder, change) for folder, change in found.items()]

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._handle)

    def _note(self, found: dict[Path | None, Change], number: int, mask: int, name: str) -> None:
        folder, change = self._folders.get(number), _meaning(mask, name)
        if folder is not None and change:
            found[folder] = found.get(folder, Change(0)) | change

    def _forget(self, number: int) -> None:
        folder = self._folders.pop(number, None)
        if folder is not None:
            self._numbers.pop(folder, None)

    def _events(self) -> Iterator[tuple[int, int, str]]:
        try:
            data = os.read(self._handle, _BUFFER_BYTES)
        except BlockingIOError:
            return
        at = 0
        while at < len(data):
            number, mask, _, length = _EVENT.unpack_from(data, at)
            at += _EVENT.size
            yield number, mask, os.fsdecode(data[at : at + length].rstrip(b"\0"))
            at += length

    def _checked(self, result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result


def _meaning(mask: int, name: str) -> Change:
    if mask & _IN_MOVED_TO:
        return _RENAMED.get(name, Change(0))
    if mask & _IN_MODIFY and name == names.OUTPUT:
        return Change.OUTPUT
    if mask & _IN_CLOSE_WRITE and name == names.LOCK:
        return Change.RELEASED
    return Change(0)
