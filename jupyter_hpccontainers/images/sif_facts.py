"""Digests and labels of SIF files, read once per content and remembered in a file."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from . import spython_labels
from .sif_cache import sif_digest

_log = logging.getLogger(__name__)
_INSPECT_TIMEOUT_S = 60.0


class SifFacts:
    """What was read of each SIF; a file that changed (size, time or inode) is read again."""

    def __init__(self, store: Path, program: str, scratch: str | None = None) -> None:
        """``scratch``: a folder for files of moments, by default the machine's."""
        self._store = store
        self._scratch = scratch
        self._program = program
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, Any]] | None = None

    def digest(self, path: str) -> str:
        """Return ``sha256:…`` of a SIF, '' for an unpacked folder (about 1 s a GB, once)."""
        if not os.path.isfile(path):
            return ""
        with self._lock:
            found = self._entry(path).get("digest")
        if found is None:
            found = sif_digest(Path(path))
            with self._lock:
                self._entry(path)["digest"] = found
                self._save()
        return str(found)

    def known_digest(self, path: str) -> str:
        """Return the digest if it was ever read, without reading."""
        with self._lock:
            return str(self._entry(path).get("digest") or "")

    def labels(self, paths: Iterable[str]) -> dict[str, Mapping[str, str]]:
        """Return each file's labels; those not yet known are read by one process."""
        paths = list(paths)
        with self._lock:
            unknown = [path for path in paths if "labels" not in self._entry(path)]
        read = self._inspect(unknown) if unknown and self._program else {}
        with self._lock:
            for path, labels in read.items():
                self._entry(path)["labels"] = labels
            if read:
                self._save()
            return {path: self._entry(path).get("labels") or {} for path in paths}

    def _inspect(self, paths: list[str]) -> dict[str, dict[str, str]]:
        with tempfile.TemporaryDirectory(prefix="spython-", dir=self._scratch) as shim:
            os.symlink(self._program, f"{shim}/singularity")
            path = f"{shim}:{os.environ.get('PATH', os.defpath)}"
            try:
                done = subprocess.run(
                    [sys.executable, "-I", spython_labels.__file__],
                    input=json.dumps(paths),
                    env={**os.environ, "PATH": path},
                    capture_output=True,
                    text=True,
                    timeout=_INSPECT_TIMEOUT_S,
                    check=True,
                )
                return dict(json.loads(done.stdout.splitlines()[-1]))
            except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
                _log.warning("the labels of %d SIF files could not be read: %s", len(paths), error)
                return {}

    def _entry(self, path: str) -> dict[str, Any]:
        """Return the remembered entry of a file as it is now, a new one if it changed."""
        if self._known is None:
            self._known = self._load()
        try:
            status = os.stat(path)
        except OSError:
            return {}
        stamp = [status.st_size, status.st_mtime_ns, status.st_ino]
        entry = self._known.get(path)
        if entry is None or entry.get("stamp") != stamp:
            entry = self._known[path] = {"stamp": stamp}
        return entry

    def _load(self) -> dict[str, dict[str, Any]]:
        try:
            return dict(json.loads(self._store.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def _save(self) -> None:
        """Write the file whole, without what is gone; losing it only costs reading again."""
        known = {path: entry for path, entry in (self._known or {}).items() if os.path.exists(path)}
        try:
            self._store.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", dir=self._store.parent, delete=False, encoding="utf-8"
            ) as file:
                json.dump(known, file)
            os.replace(file.name, self._store)
        except OSError as error:
            _log.warning("%s could not be written: %s", self._store, error)
