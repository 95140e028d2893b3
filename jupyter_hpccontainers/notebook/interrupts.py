"""Ctrl-C and the stop button while a cell waits: counted, so that nothing is cut in half."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

#: From this one on an interrupt is raised where it comes: the way out when all else hangs.
_RAISED = 3


class Interrupts:
    """Counts SIGINT inside a ``with`` block; in another thread than the main one it counts none."""

    def __init__(self) -> None:
        self.count = 0
        self._before: object = None
        self._installed = False

    def __enter__(self) -> Interrupts:
        """Begin to count."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
            self._installed = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give SIGINT back to whoever had it."""
        if self._installed:
            signal.signal(signal.SIGINT, self._before or signal.default_int_handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count >= _RAISED:
            raise KeyboardInterrupt
