"""The engine's side of an attempt's folder: prepare it, start its supervisor, read what it left."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any

from ..model.errors import StateConflict
from . import folder as names
from .processes import Process, boot_id, process, send

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from jupyter_hpccontainers.machine.supervisor.main import main; "
    "sys.exit(main(sys.argv[2], int(sys.argv[3])))"
)
#: Everything the job folder has from the start (HPCC_JOB_DIR).
_JOB_FOLDERS = ("home", "tmp", "outputs")


class Ask(IntEnum):
    """What a supervisor does on which signal."""

    STOP = signal.SIGTERM
    KILL = signal.SIGQUIT
    SUSPEND = signal.SIGUSR1
    RESUME = signal.SIGUSR2
    #: Give the job the signal that its order names; only the first one is heard.
    SIGNAL = signal.SIGALRM


class Standing(Enum):
    """Where an attempt stands, by the one rule of adoption (see ``Attempt.standing``)."""

    NEVER_SPAWNED = "never spawned"
    ALIVE = "alive"
    ENDED = "ended"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Started:
    """When the user's program really began; ``pid`` is its init's number here, 0 unknown."""

    at: float
    container: str
    pid: int


@dataclass(frozen=True, slots=True)
class Exit:
    """How an attempt ended, from the supervisor's own wait.

    ``error_code`` (a ReasonCode's value, '' for none) means that the program never ran to an end
    anyone can vouch for; ``exit_code`` is then only shown. ``oom_killed``: the main process was
    killed for memory; ``oom_seen``: something in the job was. ``signal`` is told from an exit
    code of 128 + n, as shells and container runtimes report it. Times: seconds since the epoch.
    """

    exit_code: int | None
    signal: int | None
    oom_killed: bool
    oom_seen: bool
    started_at: float | None
    ended_at: float
    error_code: str
    error_message: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt's folder; all that is known about it is read from there."""

    folder: Path

    @property
    def number(self) -> int:
        """Which of the job's attempts it is, from 1."""
        return int(self.folder.name)

    @property
    def job_dir(self) -> Path:
        """HPCC_JOB_DIR: the job's own part."""
        return self.folder / names.JOB_DIR

    @property
    def output(self) -> Path:
        """Raw bytes of both streams in order of arrival."""
        return self.folder / names.OUTPUT

    def standing(self) -> Standing:
        """Flock held → alive; exit file → ended; neither → abandoned; nobody named → never began.

        The flock is taken by the engine and inherited by the supervisor, so that there is no
        moment between the two in which nobody holds it. A supervisor writes its name into the
        lock file before anything else: where there is none, an engine died on the way to it.
        """
        try:
            held = os.open(self.folder / names.LOCK, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return Standing.NEVER_SPAWNED
        try:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return Standing.ALIVE
        else:
            named = os.fstat(held).st_size > 0
        finally:
            os.close(held)
        if (self.folder / names.EXIT).exists():
            return Standing.ENDED
        return Standing.ABANDONED if named else Standing.NEVER_SPAWNED

    def alive(self) -> bool:
        """Whether a supervisor holds the attempt."""
        return self.standing() is Standing.ALIVE

    def started(self) -> Started | None:
        """Return when the program began, or None when it has not (yet)."""
        data = _read_json(self.folder / names.STARTED)
        if data is None:
            return None
        return Started(float(data["at"]), str(data["container"]), int(data["pid"]))

    def exit(self) -> Exit | None:
        """Return how the attempt ended, or None when it has not."""
        data = _read_json(self.folder / names.EXIT)
        if data is None:
            return None
        error = data["error"] or {"code": "", "message": ""}
        return Exit(
            exit_code=data["exit_code"],
            signal=data["signal"],
            oom_killed=data["oom_killed"],
            oom_seen=data["oom_seen"],
            started_at=data["started_at"],
            ended_at=data["ended_at"],
            error_code=error["code"],
            error_message=error["message"],
            warnings=tuple(data["warnings"]),
        )

    def supervisor(self) -> Process | None:
        """Return the living supervisor's process, or None."""
        holder = _read_json(self.folder / names.LOCK)
        if holder is None or holder["boot_id"] != boot_id():
            return None
        found = process(int(holder["pid"]))
        if found is None or found.dead or found.start_ticks != holder["start_ticks"]:
            return None
        return found

    def pidfd(self) -> int | None:
        """Return a file descriptor that is readable when the supervisor is gone, or None.

        Usable with ``loop.add_reader``; the caller closes it. None also where the kernel has no
        pidfd_open(2): watch the folder instead, the lock's closing is an event there.
        """
        found = self.supervisor()
        if found is None:
            return None
        try:
            handle = os.pidfd_open(found.pid)
        except OSError:
            return None
        now = process(found.pid)
        if now is None or now.start_ticks != found.start_ticks:
            os.close(handle)
            return None
        return handle

    def ask(self, what: Ask) -> bool:
        """Signal the supervisor; False when there is none (any more). Repeating is harmless.

        Of two signals that wait the kernel delivers the lesser first, whichever was sent first. So
        SUSPEND and RESUME only say that a wish has changed, and a file says which it is now.
        Raises OSError where that can't be written.
        """
        wish = self.folder / names.SUSPENDED
        if what is Ask.SUSPEND:
            wish.touch(mode=0o600)
        elif what is Ask.RESUME:
            wish.unlink(missing_ok=True)
        found = self.supervisor()
        return found is not None and send(found, what)


def prepare(
    jobs: Path,
    job_id: int,
    attempt: int,
    *,
    uid: int,
    gid: int,
    script: bytes | None = None,
    identity: Mapping[str, str] | None = None,
    folders: Iterable[str] = (),
) -> Attempt:
    """Make the folder of an attempt, its job folder owned by the person, and return it.

    ``identity`` maps paths inside the job folder to texts (passwd and group lines), ``folders``
    are further folders in it, outer ones first. Raises
    FileExistsError when the attempt was prepared before, OSError when the disk is full.
    """
    # Apptainer opens the job folder as the person, who must pass through, never list.
    passable = 0o711 if uid != os.geteuid() else 0o700
    parent = jobs / str(job_id)
    parent.mkdir(parents=True, exist_ok=True)
    parent.chmod(passable)
    made = Attempt(parent / str(attempt))
    made.folder.mkdir()
    made.folder.chmod(passable)
    made.job_dir.mkdir(mode=0o700)
    for name in _JOB_FOLDERS:
        (made.job_dir / name).mkdir(mode=0o700)
    # Shown as /tmp too, where programs look for the sticky bit; nobody else gets this far.
    (made.job_dir / "tmp").chmod(0o1777)
    for further in folders:
        Path(further).mkdir(mode=0o700, exist_ok=True)
    for path, text in (identity or {}).items():
        _write(Path(path), text.encode(), 0o644)
    if script is not None:
        _write(made.job_dir / "script", script, 0o755)
    _give(made.job_dir, uid, gid)
    return made


def write_order(attempt: Attempt, order: Mapping[str, Any]) -> None:
    """Write ``supervisor.json``; only the engine's user may read it, it holds env's values."""
    _write(attempt.folder / names.ORDER, json.dumps(order).encode(), 0o600)


Starter = Callable[[Attempt, int], "subprocess.Popen[bytes] | None"]
"""Gives an attempt and the descriptor of its lock to a supervisor; None when it could not."""


def spawn(attempt: Attempt, starter: Starter | None = None) -> subprocess.Popen[bytes]:
    """Start the supervisor of a prepared attempt; the caller reaps it some time after its end.

    ``starter`` may have one at hand. Raises StateConflict when one was spawned before: an attempt
    is never started twice.
    """
    try:
        lock = os.open(
            attempt.folder / names.LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
        )
    except FileExistsError:
        raise StateConflict(f"the attempt in {attempt.folder} was started before") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started = starter(attempt, lock) if starter is not None else None
        started = started or _popen(attempt, lock)
        os.pwrite(lock, json.dumps(_holder(started.pid)).encode(), 0)
        return started
    finally:
        os.close(lock)


def interpreter(program: str, *arguments: str) -> list[str]:
    """Return the argv of a supervisor: this Python without site, environment or user's folder."""
    return [sys.executable, "-I", "-S", "-c", program, str(_PACKAGE_ROOT), *arguments]


@contextmanager
def signals_held() -> Iterator[None]:
    """Block our asks around a start: one sent before the handlers stand waits for them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [int(ask) for ask in Ask])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def open_own_words(attempt: Attempt) -> int:
    """Return a descriptor of the file for what the supervisor itself prints."""
    return os.open(
        attempt.folder / names.SUPERVISOR_LOG,
        os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC,
        0o600,
    )


def _holder(pid: int) -> dict[str, Any]:
    """What the lock says of who holds it; the supervisor writes the same as its first act."""
    found = process(pid)
    ticks = found.start_ticks if found is not None else 0
    return {"pid": pid, "start_ticks": ticks, "boot_id": boot_id()}


def _popen(attempt: Attempt, lock: int) -> subprocess.Popen[bytes]:
    own_words = open_own_words(attempt)
    try:
        with signals_held():
            return subprocess.Popen(
                interpreter(_PROGRAM, str(attempt.folder), str(lock)),
                stdin=subprocess.DEVNULL,
                stdout=own_words,
                stderr=own_words,
                pass_fds=(lock,),
                start_new_session=True,
                cwd="/",
            )
    finally:
        os.close(own_words)


def _read_json(path: Path) -> dict[str, Any] | None:
    """Return the object of a file that appears by rename; None when absent or still empty."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        data: dict[str, Any] = json.loads(text)
    except ValueError:
        return None
    return data


def _write(path: Path, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), mode)


def _give(job_dir: Path, uid: int, gid: int) -> None:
    """Make the person owner of the job folder; nobody else was in it yet, so names are safe."""
    if (uid, gid) == (os.geteuid(), os.getegid()):
        return
    for here, folders, files in os.walk(job_dir):
        for name in (*folders, *files):
            os.chown(os.path.join(here, name), uid, gid, follow_symlinks=False)
    os.chown(job_dir, uid, gid)
