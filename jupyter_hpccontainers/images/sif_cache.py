"""SIF files converted or pulled once, kept by the digest of what they were made from."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

_MODE_FOLDER = 0o755  # jobs of other people read what root's engine converted
_MODE_FILE = 0o644


@dataclass(frozen=True, slots=True)
class CachedSif:
    """A SIF in the cache; ``digest`` is its source's: a manifest's or an image id, else its own."""

    reference: str
    digest: str
    path: str
    size_bytes: int


class SifCache:
    """A folder of ``<hex>.sif``, of notes which name means which, and of builds under way.

    Several engines may share it: each digest has a lock (flock(2)), files appear by rename.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names = folder / "names"

    def find(self, canonical: str) -> CachedSif | None:
        """Return what a name stood for when it was last fetched, None when it is not here."""
        try:
            found = CachedSif(**json.loads(self._note(canonical).read_text(encoding="utf-8")))
            os.utime(found.path)  # when it was last wanted: what ``trim`` goes by
        except (OSError, ValueError, TypeError):
            return None
        return found

    def find_digest(self, digest: str) -> str:
        """Return the path of the SIF made from this digest, '' when there is none."""
        path = self._path(digest)
        return str(path) if path.is_file() else ""

    @contextmanager
    def building(self, key: str) -> Iterator[tuple[Path, int]]:
        """Hold the lock of one digest or name, with an empty folder to build in.

        Yields the folder and the descriptor of its own lock, which the builder's process
        inherits: a folder whose lock is free was left behind, and ``sweep`` removes it.
        """
        self._make()
        with _locked(self.folder / f"{_hex(key)}.lock"):
            partial = Path(tempfile.mkdtemp(prefix="partial-", dir=self.folder))
            try:
                with _locked(partial / "lock") as descriptor:
                    yield partial, descriptor
            finally:
                shutil.rmtree(partial, ignore_errors=True)

    def keep(self, built: Path, canonical: str, digest: str = "") -> CachedSif:
        """Move a finished SIF into place under its source's digest, else its own; note the name."""
        digest = digest or sif_digest(built)
        built.chmod(_MODE_FILE)
        with built.open("rb") as file:
            os.fsync(file.fileno())
        built.rename(self._path(digest))
        return self.name(canonical, digest)

    def name(self, canonical: str, digest: str) -> CachedSif:
        """Note that a name now means this digest, whose SIF is here."""
        path = self._path(digest)
        found = CachedSif(canonical, digest, str(path), path.stat().st_size)
        with tempfile.NamedTemporaryFile(
            "w", dir=self._names, delete=False, encoding="utf-8"
        ) as file:
            json.dump(asdict(found), file)
        os.chmod(file.name, _MODE_FILE)
        Path(file.name).rename(self._note(canonical))
        return found

    def entries(self) -> list[CachedSif]:
        """Return every name whose SIF is here."""
        found = []
        for note in sorted(self._names.glob("*.json")):
            with suppress(OSError, ValueError, TypeError):
                entry = CachedSif(**json.loads(note.read_text(encoding="utf-8")))
                if Path(entry.path).is_file():
                    found.append(entry)
        return found

    def trim(self, keep_bytes: int, in_use: Collection[str] = ()) -> list[str]:
        """Remove the SIFs wanted longest ago until the rest fits; those ``in_use`` never.

        A job that runs from a removed file goes on: its mount holds the file (unlink(2)).
        """
        files = sorted(self.folder.glob("*.sif"), key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in files)
        removed = []
        for path in files:
            if total <= keep_bytes:
                break
            if str(path) not in in_use:
                total -= path.stat().st_size
                path.unlink()
                removed.append(str(path))
        return removed

    def sweep(self) -> list[str]:
        """Remove the folders of builds whose processes are gone."""
        removed = []
        for partial in self.folder.glob("partial-*"):
            with suppress(OSError), (partial / "lock").open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(partial, ignore_errors=True)
                removed.append(partial.name)
        return removed

    def _make(self) -> None:
        for folder in (self.folder, self._names):
            folder.mkdir(mode=_MODE_FOLDER, parents=True, exist_ok=True)

    def _path(self, digest: str) -> Path:
        return self.folder / f"{_hex(digest)}.sif"

    def _note(self, canonical: str) -> Path:
        return self._names / f"{_hex(canonical)}.json"


def sif_digest(path: Path) -> str:
    """Return ``sha256:…`` of a file's bytes (about 1 s a GB)."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _hex(key: str) -> str:
    """A file name for a digest (its own figures) or for any other text (their SHA-256)."""
    figures = key.removeprefix("sha256:")
    if len(figures) == 64 and not set(figures) - set("0123456789abcdef"):
        return figures
    return hashlib.sha256(key.encode()).hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()
