"""Ctrl-C and the stop button while a cell waits: counted, so that nothing is cut in half."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

#: From this one on an interrupt is raised where it comes: the way out when all else hangs.
_RAISED = 3
#: Jupyter interrupts a kernel that it shuts down or restarts, and tells it why right after.
_TOLD_WITHIN_S = 0.3
_LOOK_EVERY_S = 0.01


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


def kernel_ends(shell: InteractiveShell, interrupts: Interrupts) -> bool:
    """Whether the interrupt that just came is how a shutdown or a restart of the kernel begins.

    The kernel's control thread sets ``exit_now`` when it is asked to shut down; that is waited for
    a moment, during which another interrupt says that a person is at it. A terminal has no such
    thread: an interrupt there is a person's.
    """
    if getattr(shell, "kernel", None) is None:
        return False
    counted, until = interrupts.count, time.monotonic() + _TOLD_WITHIN_S
    while not shell.exit_now and interrupts.count == counted and time.monotonic() < until:
        time.sleep(_LOOK_EVERY_S)
    return bool(shell.exit_now)
