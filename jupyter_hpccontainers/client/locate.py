"""Where the engine is: its socket, its runtime folder, and the interpreter that can start it."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..model.errors import EngineError
from ..model.version import __version__

#: The socket of a machine-wide engine, served by root to every user.
SYSTEM_SOCKET = Path("/run/hpccontainers/engine.sock")
#: sun_path of sockaddr_un holds 108 bytes with its NUL (unix(7)).
_MAX_SOCKET_PATH = 107
_OTHER_FOLDER = (
    "set HPCCONTAINERS_RUNTIME_DIR to a folder of yours, with a short path, on a local disk"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A socket, and the folder in which a door may start an engine; None where it may not."""

    socket: str
    folder: Path | None = None


def locate(environ: Mapping[str, str]) -> Place:
    """Return where to find the engine: named by variable, else the machine's, else one's own.

    Raises EngineError when the folder is somebody else's or the path is too long for a socket.
    """
    explicit = environ.get("HPCCONTAINERS_SOCKET")
    if explicit:
        return Place(_short_enough(explicit))
    if not environ.get("HPCCONTAINERS_RUNTIME_DIR") and SYSTEM_SOCKET.exists():
        return Place(str(SYSTEM_SOCKET))
    folder = runtime_folder(environ)
    return Place(_short_enough(str(folder / "engine.sock")), folder)


def runtime_folder(environ: Mapping[str, str]) -> Path:
    """Return the person's runtime folder (it need not exist yet)."""
    named = environ.get("HPCCONTAINERS_RUNTIME_DIR")
    if named:
        return Path(named).absolute()
    base = environ.get("XDG_RUNTIME_DIR")
    if base and os.path.isdir(base):
        return Path(base) / "hpccontainers"
    return Path("/tmp") / f"hpccontainers-{os.geteuid()}"  # noqa: S108 - its owner is checked


def make_folder(folder: Path) -> None:
    """Make the runtime folder, 0700; raises EngineError when it is not the person's own."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise EngineError(
            f"the runtime folder {folder} cannot be made: {error.strerror}", cure=_OTHER_FOLDER
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise EngineError(f"the runtime folder {folder} is not yours", cure=_OTHER_FOLDER)
    folder.chmod(0o700)


def interpreter(folder: Path) -> str:
    """Return the Python that can start an engine; raises EngineError when none is known.

    The Jupyter extension leaves the path of its own in ``interpreter.json`` (keys ``python`` and
    ``version``), so that kernels of other environments find it; one of a version before this
    door's is used only where this interpreter cannot do it itself.
    """
    noted, version = _noted_interpreter(folder)
    own = sys.executable if _can_run_engine() else ""
    chosen = (own or noted) if older(version, __version__) else (noted or own)
    if not chosen:
        raise EngineError(
            "no engine runs and this Python cannot start one (it lacks tornado or docker)",
            cure="pip install jupyter_hpccontainers here, or open JupyterLab where it is installed",
        )
    return chosen


def _noted_interpreter(folder: Path) -> tuple[str, str]:
    try:
        note = json.loads((folder / "interpreter.json").read_text())
        python, version = str(note["python"]), str(note.get("version", ""))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "", ""
    return (python, version) if os.access(python, os.X_OK) else ("", "")


def _can_run_engine() -> bool:
    return bool(sys.executable) and all(find_spec(name) for name in ("tornado", "docker"))


def older(version: str, than: str) -> bool:
    """Whether a version of this package comes before another."""
    return _numbers(version) < _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())


def _short_enough(path: str) -> str:
    if len(os.fsencode(path)) > _MAX_SOCKET_PATH:
        raise EngineError(
            f"the path of the engine's socket is longer than {_MAX_SOCKET_PATH} bytes: {path}",
            cure=_OTHER_FOLDER,
        )
    return path
