"""Spawning supervisors from a spare one, whose interpreter is up before it is needed."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from pathlib import Path

from .attempt import Attempt, interpreter, open_own_words, signals_held, spawn

_PROGRAM = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from jupyter_hpccontainers.machine.supervisor.spare import wait; "
    "sys.exit(wait(int(sys.argv[3])))"
)

_Waiting = tuple[subprocess.Popen[bytes], socket.socket]


class Spare:
    """At most one supervisor in waiting; safe to use from several threads.

    It has nothing to end: it goes with its engine, however that ends, at the end of its channel.
    """

    def __init__(self, jobs: Path) -> None:
        self._jobs = jobs
        self._guard = threading.Lock()
        self._waiting: _Waiting | None = None

    def restock(self) -> None:
        """Start one where none waits: 10 ms of a core; raises OSError when that cannot be."""
        with self._guard:
            if self._waiting is None:
                self._waiting = self._start()

    def spawn(self, attempt: Attempt) -> subprocess.Popen[bytes]:
        """See ``attempt.spawn``: the spare one takes the attempt, else one is started for it."""
        return spawn(attempt, self._hand_over)

    def close(self) -> None:
        """Let the one that waits go."""
        waiting = self._take()
        if waiting is not None:
            process, channel = waiting
            channel.close()
            process.kill()
            process.wait()

    def _take(self) -> _Waiting | None:
        with self._guard:
            waiting, self._waiting = self._waiting, None
        return waiting

    def _hand_over(self, attempt: Attempt, lock: int) -> subprocess.Popen[bytes] | None:
        waiting = self._take()
        if waiting is None:
            return None
        process, channel = waiting
        own_words = open_own_words(attempt)
        try:
            # In flight too the lock is held: a flock belongs to the open file.
            socket.send_fds(channel, [os.fsencode(attempt.folder)], [lock, own_words])
        except OSError:
            # It has died meanwhile.
            process.wait()
            return None
        else:
            return process
        finally:
            os.close(own_words)
            channel.close()

    def _start(self) -> _Waiting:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # The jobs' folder says in a list of processes whose it is.
        with its, signals_held():
            program = interpreter(_PROGRAM, str(self._jobs), str(its.fileno()))
            process = subprocess.Popen(
                program,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(its.fileno(),),
                start_new_session=True,
                cwd="/",
            )
        return process, ours
