"""Folder changes handed to callbacks on the loop: several may watch one attempt's folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ...machine.watch import Change, Watch

Callback = Callable[[Change], None]


class Watching:
    """One inotify descriptor for the whole engine, read when the kernel says so."""

    def __init__(self) -> None:
        self._watch = Watch()
        self._callbacks: dict[Path, list[Callback]] = {}
        asyncio.get_running_loop().add_reader(self._watch.fileno(), self._read)

    def add(self, folder: Path, callback: Callback) -> Callable[[], None]:
        """Call back for every change in the folder; returns what ends it.

        Look at the folder once after this: earlier changes are not told.
        """
        if folder not in self._callbacks:
            self._watch.add(folder)
            self._callbacks[folder] = []
        self._callbacks[folder].append(callback)
        return lambda: self._remove(folder, callback)

    @contextmanager
    def during(self, folder: Path, callback: Callback) -> Iterator[None]:
        """The same for the length of a ``with`` block."""
        remove = self.add(folder, callback)
        try:
            yield
        finally:
            remove()

    def close(self) -> None:
        """Give the descriptor back."""
        asyncio.get_running_loop().remove_reader(self._watch.fileno())
        self._watch.close()

    def _remove(self, folder: Path, callback: Callback) -> None:
        callbacks = self._callbacks.get(folder, [])
        if callback in callbacks:
            callbacks.remove(callback)
        if not callbacks and folder in self._callbacks:
            del self._callbacks[folder]
            self._watch.remove(folder)

    def _read(self) -> None:
        for changed in self._watch.read():
            if changed.folder is None:
                told = [callback for some in self._callbacks.values() for callback in some]
            else:
                told = list(self._callbacks.get(changed.folder, ()))
            for callback in told:
                callback(changed.change)
