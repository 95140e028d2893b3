"""What the engine asks by signals, kept as flags that outlive the moment they arrived in."""

from __future__ import annotations

import os
import time

from .. import folder as names
from ..light import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Target(Protocol):
        """What can be stopped; each verb says whether there was something to do it to."""

        def terminate(self) -> bool:
            """TERM to the job's processes."""

        def kill(self) -> bool:
            """KILL to all of it."""

        def suspend(self) -> bool:
            """Stop it from running."""

        def resume(self) -> bool:
            """Let it run again."""

        def signal(self, name: str) -> bool:
            """Give its main process a signal (``USR1``)."""


_ASKS = (signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)
#: How long until an ask that found nothing to act on (a job being started) is tried again.
_RETRY_S = 0.05


class Requests:
    """SIGTERM stop, SIGQUIT kill, SIGUSR1 suspend, SIGUSR2 resume, SIGALRM the order's signal.

    Each is a durable flag and a wake-up. Whether to suspend or to resume says a file in the
    attempt's ``folder``, since signals may overtake one another.
    """

    def __init__(self, folder: str) -> None:
        self._wish = f"{folder}/{names.SUSPENDED}"
        self.stop = False
        self.kill = False
        self.signal = False
        self.suspend: bool | None = None
        self._wake, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (*_ASKS, signal.SIGCHLD):
            signal.signal(number, self._note)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # The engine started us with the asks blocked; one that came meanwhile is delivered now.
        signal.pthread_sigmask(signal.SIG_SETMASK, [])

    def fileno(self) -> int:
        """Readable after any signal, a child's end included."""
        return self._wake

    def drain(self) -> None:
        """Forget the wake-ups; the flags stay."""
        try:
            while os.read(self._wake, 512):
                pass
        except BlockingIOError:
            return

    def _note(self, number: int, _frame: object) -> None:
        if number == signal.SIGTERM:
            self.stop = True
        elif number == signal.SIGQUIT:
            self.kill = True
        elif number == signal.SIGALRM:
            self.signal = True
        elif number != signal.SIGCHLD:
            self.suspend = os.path.exists(self._wish)


class Stopping:
    """TERM, the grace period, KILL: asked again until there was something to do it to.

    ``signal`` is what the job is given, once, when the engine says that its time is nearly over.
    """

    def __init__(self, requests: Requests, grace_s: float, signal: str | None = None) -> None:
        self._requests = requests
        self._grace_s = grace_s
        self._signal = signal
        self._kill_at: float | None = None
        self._terminated = False
        self._suspended = False
        self.killed = False

    @property
    def asked(self) -> bool:
        """Whether the engine wants an end."""
        return self._requests.stop or self._requests.kill

    def kill_now(self) -> None:
        """Ask for a KILL ourselves (a start that took too long)."""
        self._requests.kill = True

    def step(self, target: Target) -> float | None:
        """Do what is due; returns the seconds until it must be called again, None for never."""
        now = time.monotonic()
        if self._requests.stop and self._kill_at is None:
            self._kill_at = now + self._grace_s
        due = self._kill_at is not None and now >= self._kill_at
        if self._requests.kill or due:
            return self._kill(target)
        if self._kill_at is not None:
            return self._terminate(target, self._kill_at - now)
        waits = [w for w in (self._warn(target), self._pause(target)) if w is not None]
        return min(waits, default=None)

    def _warn(self, target: Target) -> float | None:
        if not self._requests.signal or self._signal is None:
            return None
        if not target.signal(self._signal):
            return _RETRY_S
        # Whoever asks again does not know that it was given.
        self._signal = None
        return None

    def _kill(self, target: Target) -> float | None:
        if not self.killed:
            self.killed = target.kill()
        return None if self.killed else _RETRY_S

    def _terminate(self, target: Target, left_s: float) -> float:
        if not self._terminated:
            self._terminated = target.terminate()
        if self._terminated and self._suspended:
            # A suspended program could not act on its TERM.
            self._suspended = not target.resume()
        done = self._terminated and not self._suspended
        return left_s if done else min(left_s, _RETRY_S)

    def _pause(self, target: Target) -> float | None:
        wanted = self._requests.suspend
        if wanted is None:
            return None
        # Who asks again, after a restart, does not know how it stands.
        done = wanted == self._suspended or (target.suspend() if wanted else target.resume())
        if not done:
            return _RETRY_S
        self._suspended = wanted
        if self._requests.suspend == wanted:
            self._requests.suspend = None
        return None
