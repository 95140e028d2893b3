"""The Apptainer or Singularity of this machine: where it is, its version, what it can do here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from ..model.errors import ImageError, ImageNotFound, RuntimeUnavailable
from .apptainer_command import ApptainerFlavour
from .apptainer_look import LOOK_COMMAND, LOOK_SCRIPT, LOOK_TARGET, read_look
from .order import ImageFacts, Person

_PROGRAMS = ("apptainer", "singularity")
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TIMEOUT_S = 60
#: spython asks the literal command ``singularity``, prints as it goes and ends the process on some
#: mistakes: it gets a process and a PATH of its own.
_ASK_VERSION = "from spython.utils import get_singularity_version as v; print(v())"
_FATAL = re.compile(r"^(?:\x1b\[\d+m)?(?:FATAL|ERROR)\s*:(?:\x1b\[0m)?\s+(.*)$", re.MULTILINE)

#: Ways to start a container, best first: with the rights of an installation by root, or with a
#: user namespace alone (as root the first fails on a capability).
_WAYS: tuple[tuple[str, ...], ...] = ((), ("--userns",))


class Apptainer:
    """One installation. What it can do is tried once per person, with the first image they use."""

    def __init__(self, program: str, version: str, scratch: str | None = None) -> None:
        self.program = program
        self.version = version
        self._scratch = scratch
        self._lock = threading.Lock()
        self._flavours: dict[int, ApptainerFlavour] = {}
        self._facts: dict[tuple[object, ...], ImageFacts] = {}

    def flavour(self, person: Person, image: str) -> ApptainerFlavour:
        """Return what works for this person; raises ImageError when nothing starts ``image``."""
        self.image_facts(image, person)
        with self._lock:
            known = self._flavours.get(person.uid)
            if known is None:
                known = self._probe(person, image)
                self._flavours[person.uid] = known
        return known

    def image_facts(self, image: str, person: Person) -> ImageFacts:
        """Return what a SIF file or unpacked folder says of itself, read as the person.

        Raises ImageNotFound, or ImageError with Apptainer's own words.
        """
        try:
            found = os.stat(image)
        except OSError as error:
            raise ImageNotFound(
                f"the image {image} cannot be read: {error.strerror}",
                cure="correct its path, or its permissions",
                field="image",
            ) from None
        key = _key(image, found, person)
        with self._lock:
            if key not in self._facts:
                self._facts[key] = self._look(person, image)
            return self._facts[key]

    def known_facts(self, image: str, person: Person) -> ImageFacts | None:
        """Return what was read of an image before, None when it was not, or it has changed."""
        try:
            return self._facts.get(_key(image, os.stat(image), person))
        except OSError:
            return None

    def _look(self, person: Person, image: str) -> ImageFacts:
        """Start a container that executes nothing, in the first way that works."""
        known = self._flavours.get(person.uid)
        ways = _WAYS if known is None else (_WAYS[known.user_namespace],)
        said = ""
        for way in ways:
            told, said = self._try(person, image, way)
            facts = read_look(told, image)
            if facts is not None:
                return facts
        raise ImageError(
            f"Apptainer cannot start the image {image}: {said}",
            cure="look at it with: apptainer exec " + image + " true",
            field="image",
        )

    def _probe(self, person: Person, image: str) -> ApptainerFlavour:
        plain = read_look(self._try(person, image, _WAYS[0])[0], image) is not None
        way = _WAYS[not plain]
        apart = self._try(person, image, (*way, "--net", "--network", "none"))[0]
        return ApptainerFlavour(
            program=self.program,
            version=self.version,
            user_namespace=not plain,
            network_none=read_look(apart, image) is not None,
        )

    def _try(self, person: Person, image: str, way: tuple[str, ...]) -> tuple[str, str]:
        """Return what the look told, and Apptainer's last words."""
        with tempfile.TemporaryDirectory(prefix="hpcc-look-", dir=self._scratch) as folder:
            script = Path(folder) / "look.sh"
            script.write_text(LOOK_SCRIPT)
            script.chmod(0o644)
            os.chmod(folder, 0o711)  # noqa: S103 -- the person must reach the script, not list
            bind = f"type=bind,source={script},destination={LOOK_TARGET},ro"
            done = _run_as(
                person,
                [
                    *(self.program, "--silent", "exec", *way, "--pid", "--containall"),
                    *("--no-eval", "--no-home", "--mount", bind, image, LOOK_COMMAND),
                ],
            )
        words = _FATAL.findall(done.stderr) or done.stderr.strip().splitlines()
        return done.stdout, words[-1] if words else f"exit code {done.returncode}"


def _key(image: str, status: os.stat_result, person: Person) -> tuple[object, ...]:
    return (image, status.st_ino, status.st_mtime_ns, status.st_size, person.uid)


def find_apptainer(
    explicit: str = "", environ: Mapping[str, str] = os.environ, scratch: str | None = None
) -> Apptainer:
    """Return the installation named, else the first in PATH; raises RuntimeUnavailable.

    ``scratch`` is a folder for files of moments that every person can pass through, by default
    the machine's; its owner empties it after a kill.
    """
    names = (explicit,) if explicit else _PROGRAMS
    path = environ.get("PATH", _SYSTEM_PATH)
    found = next(filter(None, (shutil.which(name, path=path) for name in names)), None)
    if found is None:
        raise RuntimeUnavailable(
            f"neither {' nor '.join(names)} is here" if not explicit else f"no {explicit} is here",
            cure="install Apptainer (apptainer.org), or use Docker",
        )
    program = os.path.abspath(found)
    return Apptainer(program, _version(program, scratch), scratch)


def _version(program: str, scratch: str | None) -> str:
    """Return ``apptainer version 1.4.5``, by spython; raises RuntimeUnavailable when broken."""
    with tempfile.TemporaryDirectory(prefix="spython-", dir=scratch) as folder:
        os.symlink(program, f"{folder}/singularity")
        done = subprocess.run(
            [sys.executable, "-c", _ASK_VERSION],
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
            env={"PATH": f"{folder}:{_SYSTEM_PATH}", "HOME": folder},
        )
    lines = done.stdout.strip().splitlines()
    if not lines or not re.search(r"\d", lines[-1]):
        raise RuntimeUnavailable(
            f"{program} does not tell its version", cure=f"look at: {program} --version"
        )
    return lines[-1]


def _run_as(person: Person, argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Run as the person, with nothing of our environment; raises ImageError when it hangs."""
    environ = {"PATH": _SYSTEM_PATH, "HOME": "/"}
    root = os.geteuid() == 0
    try:
        return subprocess.run(
            argv,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env=environ,
            timeout=_TIMEOUT_S,
            user=person.uid if root else None,
            group=person.gid if root else None,
            extra_groups=person.groups if root else None,
        )
    except subprocess.TimeoutExpired:
        raise ImageError(
            f"Apptainer did not start within {_TIMEOUT_S} s", cure="look at the image's file system"
        ) from None
