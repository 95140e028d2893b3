"""Processes by (pid, start time): who descends from whom, and signals that reach only them."""

from __future__ import annotations

import os

from .light import signal

TYPE_CHECKING = False  # typing costs a supervisor 1.5 MB; type checkers read this as True
if TYPE_CHECKING:
    from collections.abc import Iterable


_PROC_BYTES = 2**16


class Process:
    """One process as /proc/pid/stat shows it (proc(5)); ``start_ticks`` since boot.

    A plain class: the supervisor, which has one per job, must not pay for dataclasses.
    """

    __slots__ = ("parent", "pid", "session", "start_ticks", "state")

    def __init__(self, pid: int, state: str, parent: int, session: int, start_ticks: int) -> None:
        self.pid = pid
        self.state = state
        self.parent = parent
        self.session = session
        self.start_ticks = start_ticks

    @property
    def dead(self) -> bool:
        """Whether only its exit status is left."""
        return self.state in "ZX"


def boot_id() -> str:
    """Return the kernel's name of this boot (random(4)): start ticks compare only within one."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def read_proc(name: str) -> bytes:
    """Return the text of a small file in /proc, b"" when its process is gone.

    Plain system calls: a supervisor reads hundreds of them, and a file object costs three times
    as much.
    """
    try:
        handle = os.open(f"/proc/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(handle, _PROC_BYTES)
    except OSError:
        return b""
    finally:
        os.close(handle)


def process(pid: int) -> Process | None:
    """Return the process of that number, or None when there is none."""
    text = read_proc(f"{pid}/stat")
    if not text:
        return None
    # The command's name is in brackets and may itself hold brackets and spaces.
    fields = text[text.rindex(b")") + 2 :].split()
    return Process(pid, fields[0].decode("ascii"), int(fields[1]), int(fields[3]), int(fields[19]))


def all_processes() -> list[Process]:
    """Return every process this one can see."""
    found = (process(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [one for one in found if one is not None]


def descendants(pid: int, among: Iterable[Process] | None = None) -> list[Process]:
    """Return the children of ``pid``, their children and so on, parents before children."""
    children: dict[int, list[Process]] = {}
    for one in all_processes() if among is None else among:
        children.setdefault(one.parent, []).append(one)
    found = list(children.get(pid, ()))
    for one in found:
        found.extend(children.get(one.pid, ()))
    return found


def session_members(session: int) -> list[Process]:
    """Return the living processes of a session (setsid(2))."""
    return [one for one in all_processes() if one.session == session and not one.dead]


def send(target: Process, number: int) -> bool:
    """Signal exactly this process, never a later one of the same number; False when it is gone.

    Raises PermissionError when it belongs to someone else.
    """
    if target.pid <= 1:
        return False
    try:
        handle = os.pidfd_open(target.pid)
    except ProcessLookupError:
        return False
    except OSError:
        handle = -1  # a kernel before 5.3: the check below leaves a gap of microseconds
    try:
        now = process(target.pid)
        if now is None or now.start_ticks != target.start_ticks:
            return False
        if handle >= 0:
            signal.pidfd_send_signal(handle, number)
        else:
            os.kill(target.pid, number)
    except ProcessLookupError:
        return False
    finally:
        if handle >= 0:
            os.close(handle)
    return True


def signal_main(init: int, name: str) -> bool:
    """Give a signal (``USR1``) to the program that a container's init was started for.

    That is init's first child; later ones lost their parent. True also when it has ended. Raises
    PermissionError when it belongs to someone else.
    """
    children = [one for one in all_processes() if one.parent == init and not one.dead]
    main = min(children, key=lambda one: (one.start_ticks, one.pid), default=None)
    if main is not None:
        send(main, int(getattr(signal, f"SIG{name}")))
    return True
