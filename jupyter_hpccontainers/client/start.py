"""Starting the engine on demand, in a session of its own, and agreeing with it on a version."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ..model.errors import EngineError
from ..model.version import __version__
from .answers import Health
from .engine import API, EngineClient
from .locate import Place, interpreter, locate, make_folder, older

#: Told what is waited for, e.g. to show it; called a few times a second at most.
Progress = Callable[[str], None]

_ANSWER_WITHIN_S = 30.0
_STOP_WITHIN_S = 15.0
_LOOK_EVERY_S = 0.02
_LOG_LINES = 4


def open_engine(
    environ: Mapping[str, str] | None = None, *, progress: Progress | None = None
) -> EngineClient:
    """Return a client of the engine, started if need be and of a version this door speaks.

    Raises EngineError, with the last lines of the engine's log when it did not come up.
    """
    place = locate(os.environ if environ is None else environ)
    starter = Starter(place, progress or _quiet)
    client = EngineClient(place.socket, revive=starter.revive)
    health = starter.ensure()
    if _agree(health):
        return client
    starter.replace(health)
    return client


def running_engine(environ: Mapping[str, str] | None = None) -> EngineClient | None:
    """Return a client of the engine if one answers now; never starts one."""
    place = locate(os.environ if environ is None else environ)
    client = EngineClient(place.socket, timeout_s=5.0)
    return client if _health(client) else None


class Starter:
    """Starts the engine of one place, one door at a time."""

    def __init__(self, place: Place, progress: Progress) -> None:
        self._place = place
        self._progress = progress
        self._client = EngineClient(place.socket, timeout_s=5.0)

    def ensure(self) -> Health:
        """Return the health of the engine that answers, started if need be."""
        found = _health(self._client)
        return found if found is not None else self._start()

    def revive(self) -> bool:
        """Start the engine where a door may do so; True when one answers now."""
        if self._place.folder is None:
            return _health(self._client) is not None
        self.ensure()
        return True

    def replace(self, health: Health) -> None:
        """Put an engine of this version in the place of one that is older or speaks otherwise.

        One with jobs is left alone: used where it speaks the same API, else EngineError.
        """
        may_end = not health.busy and self._place.folder is not None
        if may_end and older(health.version, __version__):
            self._end(health)
            self._start()
        elif health.api != API:
            raise EngineError(
                f"the engine that runs is version {health.version}, this door is {__version__}",
                cure="wait for its jobs, then `jupyter hpccontainers engine stop`"
                if older(health.version, __version__)
                else "pip install --upgrade jupyter_hpccontainers in this environment",
            )

    def _end(self, health: Health) -> None:
        self._progress(f"replacing the idle engine of version {health.version}")
        with contextlib.suppress(EngineError):
            self._client.stop()
        deadline = time.monotonic() + _STOP_WITHIN_S
        while _alive(health.pid) and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)

    def _start(self) -> Health:
        folder = self._place.folder
        if folder is None:
            raise EngineError(
                f"no engine answers at {self._place.socket}",
                cure="start it, or unset HPCCONTAINERS_SOCKET to use an engine of your own",
            )
        make_folder(folder)
        self._progress("starting the engine")
        with _turn(folder):
            found = _health(self._client)
            return found if found is not None else self._launch(folder)

    def _launch(self, folder: Path) -> Health:
        log = folder / "engine.log"
        begins = log.stat().st_size if log.exists() else 0
        program = [interpreter(folder), "-m", "jupyter_hpccontainers.engine"]
        for prefix in _prefixes():
            process = _spawn([*prefix, *program], folder, log)
            health = self._await(process)
            if health is not None:
                return health
        raise EngineError(
            f"the engine did not start: {_last_lines(log, begins) or 'it said nothing'}",
            cure=f"its log is {log}",
        )

    def _await(self, process: subprocess.Popen[bytes]) -> Health | None:
        """Return the engine's health, or None when its process ended before it answered."""
        began = shown = time.monotonic()
        while (now := time.monotonic()) - began < _ANSWER_WITHIN_S:
            health = _health(self._client)
            if health is not None:
                return health
            if process.poll() is not None:
                return _health(self._client)
            if now - shown > 1.0:
                shown = now
                self._progress(f"starting the engine ({now - began:.0f} s)")
            time.sleep(_LOOK_EVERY_S)
        process.terminate()
        return None


def _agree(health: Health) -> bool:
    return health.api == API and not older(health.version, __version__)


def _health(client: EngineClient) -> Health | None:
    try:
        return client.health()
    except EngineError:
        return None


def _prefixes() -> Iterator[list[str]]:
    """Yield how to start a process that outlives this session, best first.

    A scope of its own keeps the engine out of the cgroup of a Jupyter service, which systemd
    ends as a whole (systemd.kill(5)); it needs the person's own systemd.
    """
    bus = Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent")) / "systemd" / "private"
    program = shutil.which("systemd-run")
    if program and bus.exists():
        yield [program, "--user", "--scope", "--quiet", "--collect"]
    yield []


def _spawn(argv: list[str], folder: Path, log: Path) -> subprocess.Popen[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(log, flags, 0o600)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd="/",
            env=_environment(argv, folder),
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    # Somebody must wait for it, or an engine that ended stays a zombie as long as this kernel.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def _environment(argv: list[str], folder: Path) -> dict[str, str]:
    """Return the engine's environment: this process's own, and where this package is."""
    environ = {**os.environ, "HPCCONTAINERS_RUNTIME_DIR": str(folder)}
    root = str(Path(__file__).parents[2])
    installed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    if sys.executable in argv and root not in installed:
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environ.get("PYTHONPATH")]))
    return environ


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Let one door at a time start an engine; the others find it running."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder / "start.lock", flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _last_lines(log: Path, begins: int) -> str:
    try:
        with log.open("rb") as file:
            file.seek(begins)
            text = file.read()[-8192:].decode(errors="replace")
    except OSError:
        return ""
    return " / ".join(line.strip() for line in text.splitlines()[-_LOG_LINES:] if line.strip())


def _quiet(_: str) -> None:
    """Show nothing."""
