"""What may take long is done in one thread beside the kernel's, in the order it was asked for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import cache

Errand = Callable[[], None]


class Errands:
    """Runs errands one after the other; an errand tells by itself what goes wrong."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Errand] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, errand: Errand) -> None:
        """Have it done; returns at once."""
        self._waiting.put(errand)
        with self._starting:
            # Not alive either: after a fork the thread is the parent's only.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="hpcc-errands", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._waiting.get()()


@cache
def errands() -> Errands:
    """Return those of this process."""
    return Errands()
