"""Which files of this machine make up a small image: programs, their libraries, Python."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

#: What a shell script may expect; taken from busybox where a static one is installed.
COREUTILS = [
    *[
        "sh",
        "bash",
        "cat",
        "chmod",
        "cp",
        "cut",
        "date",
        "dd",
        "df",
        "echo",
        "env",
        "false",
        "find",
    ],
    *["grep", "head", "hostname", "id", "kill", "ln", "ls", "md5sum", "mkdir", "mount", "mv"],
    *["nproc", "printenv", "ps", "pwd", "rm", "sed", "seq", "sha256sum", "sleep", "sort", "stat"],
    *["stty", "tail", "taskset", "tee", "test", "timeout", "touch", "tr", "true", "tty", "uname"],
    *["wc", "whoami", "yes"],
]

_LEFT_OUT = {
    "test",
    "tests",
    "idlelib",
    "lib2to3",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "__pycache__",
    "site-packages",
    "dist-packages",
}

Files = dict[str, Path]
"""Path inside the image (absolute) → the file of this machine to put there."""


def static_busybox() -> Path | None:
    """Return a busybox that needs no library, if this machine has one."""
    found = shutil.which("busybox")
    return Path(found) if found and not _libraries([Path(found)]) else None


def shell_files() -> Files:
    """Return a shell and the usual small programs: busybox's, else the machine's own."""
    busybox = static_busybox()
    if busybox is not None:
        return {"/bin/busybox": busybox}
    return _programs(COREUTILS)


def python_files() -> Files:
    """Return the machine's Python (not this virtual environment) with its standard library."""
    python, library, _ = _interpreter()
    files: Files = {str(python): python}
    for folder, folders, names in os.walk(library):
        folders[:] = [f for f in folders if f not in _LEFT_OUT and not f.startswith("config-")]
        files.update(
            {f"{folder}/{n}": Path(folder, n) for n in names if not n.endswith((".pyc", ".a"))}
        )
    needed = [p for p in files.values() if p == python or ".so" in p.name]
    return files | {str(p): p for p in _libraries(needed)}


def python_path() -> str:
    """Return where python_files puts the interpreter."""
    return str(_interpreter()[0])


def python_version() -> str:
    """Return that interpreter's version as people write it in a tag, e.g. ``3.11``."""
    return _interpreter()[2]


@functools.cache
def _interpreter() -> tuple[Path, Path, str]:
    """Return (interpreter, standard library, version); the distribution's is tried first."""
    for candidate in ("/usr/bin/python3", sys.executable):
        asked = (
            "import sys, sysconfig; print(sys._base_executable, sysconfig.get_path('stdlib'), "
            "'%d.%d' % sys.version_info[:2])"
        )
        done = subprocess.run(
            [candidate, "-I", "-c", asked], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            executable, library, version = done.stdout.split()
            return Path(executable).resolve(), Path(library), version
    raise SystemExit("no Python to put into an image")  # unreachable: we run in one


def _programs(names: Iterable[str]) -> Files:
    found = [(name, shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")) for name in names]
    files = {f"/usr/bin/{name}": Path(path).resolve() for name, path in found if path}
    return files | {str(p): p for p in _libraries(files.values())}


def _libraries(binaries: Iterable[Path]) -> list[Path]:
    """Return every shared library the binaries load, by the path the loader uses (ldd(1))."""
    done = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False)
    return sorted(
        {Path(p) for p in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", done.stdout, re.MULTILINE)}
    )
