"""Starting Apptainer: a child in its own session, as the person, on its cores, in its group."""

from __future__ import annotations

import fcntl
import os
import struct
import termios

from .. import folder as names
from ..light import signal, to_json
from ..processes import boot_id, process
from .exit_file import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..cgroups import JobCgroup

_PIPE_BYTES = 2**20
_ROWS, _COLUMNS = 24, 80


class Streams:
    """The reading ends of the child's output (descriptor → stream) and the ends it inherits."""

    def __init__(self, *, tty: bool, merge_stderr: bool) -> None:
        self.readers: dict[int, int] = {}
        self.tty = tty
        self.out = self._terminal() if tty else self._pipe(1)
        self.err = self.out if tty or merge_stderr else self._pipe(2)

    def close_writers(self) -> None:
        """Close our copies of the child's ends, or the end of its output would never be seen."""
        for handle in {self.out, self.err}:
            os.close(handle)

    def _pipe(self, stream: int) -> int:
        reader, writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(reader, False)
        _widen(writer)
        self.readers[reader] = stream
        return writer

    def _terminal(self) -> int:
        reader, writer = os.openpty()
        os.set_blocking(reader, False)
        fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        self.readers[reader] = 1
        return writer


def _widen(pipe: int) -> None:
    """Make a pipe wide; over the person's limit (pipe(7)) the default width is only slower."""
    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except OSError:
        return


def launch(order: dict[str, Any], folder: str, streams: Streams, cgroup: JobCgroup | None) -> int:
    """Start the order's argv and return its pid; raises Failure when it could not be executed."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        _become(order, folder, streams, cgroup, writer)
    os.close(writer)
    streams.close_writers()
    with open(reader, "rb") as pipe:
        trouble = pipe.read()
    if trouble:
        os.waitpid(pid, 0)
        raise Failure("StartFailed", trouble.decode(errors="replace"))
    return pid


def _become(
    order: dict[str, Any], folder: str, streams: Streams, cgroup: JobCgroup | None, trouble: int
) -> None:
    """Turn this forked child into Apptainer; never returns."""
    step = "open a session"
    try:
        os.setsid()
        _write_session(folder, cgroup)
        step = "take its standard streams"
        _take_streams(streams)
        if cgroup is not None:
            step = "enter the job's control group"
            cgroup.join()
        step = "pin it to its cores"
        os.sched_setaffinity(0, order["cores"])
        step = f"become uid {order['uid']}"
        _become_person(order)
        step = f"execute {order['argv'][0]}"
        os.umask(0o022)
        os.chdir(order["cwd"])
        _default_signals()
        os.execve(order["argv"][0], order["argv"], order["environment"])  # noqa: S606 -- no shell
    except BaseException as error:
        os.write(trouble, f"cannot {step}: {error}".encode())
    finally:
        os._exit(127)


def _write_session(folder: str, cgroup: JobCgroup | None) -> None:
    """Say which session is the job's before there is a job: what an adopter has to end."""
    pid = os.getpid()
    own = process(pid)
    data = {
        "session": pid,
        "start_ticks": own.start_ticks if own is not None else 0,
        "boot_id": boot_id(),
        "cgroup": cgroup.folders if cgroup is not None else {},
    }
    new = f"{folder}/{names.SESSION}.new"
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    os.write(handle, to_json(data))
    os.rename(new, f"{folder}/{names.SESSION}")


def _take_streams(streams: Streams) -> None:
    if streams.tty:
        fcntl.ioctl(streams.out, termios.TIOCSCTTY, 0)
        os.dup2(streams.out, 0)
    else:
        os.dup2(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC), 0)
    os.dup2(streams.out, 1)
    os.dup2(streams.err, 2)


def _become_person(order: dict[str, Any]) -> None:
    if os.geteuid() != 0:
        return
    # The person's program may open /dev/stdout anew: it must own what is behind it.
    for handle in (1, 2):
        os.fchown(handle, order["uid"], order["gid"])
    os.setgroups(order["groups"])
    os.setgid(order["gid"])
    os.setuid(order["uid"])


def _default_signals() -> None:
    """Undo what Python and we changed: an ignored signal stays ignored through execve(2)."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGPIPE, signal.SIGHUP, signal.SIGINT, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
