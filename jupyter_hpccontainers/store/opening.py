"""Opening the database: made where missing, checked, migrated, and rebuilt where damaged."""

from __future__ import annotations

import os
import shutil
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..model.errors import StoreFull
from .records import StoreDamage
from .rows import JobRow
from .salvage import Salvage, read_damaged, write_salvage
from .space import Ballast, faults_told
from .statements import migrate, read_queries, read_steps

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}


@dataclass(frozen=True, slots=True)
class Opened:
    """An open database with its statements, the engine's uuid, and what was found wrong."""

    connection: sqlite3.Connection
    queries: Mapping[str, str]
    engine: str
    damage: StoreDamage | None


def open_store(path: Path, job_folders: Sequence[int], ballast: Ballast) -> Opened:
    """Open the database, giving up the ballast where the disk is full; raises as ``Store``."""
    opening = _Opening(path, job_folders)
    try:
        return opening.run()
    except StoreFull:
        if not ballast.release():
            raise
    return opening.run()


class _Opening:
    """One way through: look, connect, check; where damaged, rebuild and do it once more."""

    def __init__(self, path: Path, job_folders: Sequence[int]) -> None:
        self._path = path
        self._folders = job_folders
        self._queries = read_queries()
        self._steps = read_steps()
        self._identity = path.with_name(path.name + ".engine")

    def run(self) -> Opened:
        with faults_told(self._path):
            damage = self._vanished()
            make_private(self._path)
            connection, found = self._checked()
            if connection is None:
                damage = self._rebuild(found)
                connection, found = self._checked()
            if connection is None:
                raise sqlite3.DatabaseError(f"{found}, also after it was rebuilt")
            engine = self._name_engine(connection)
            return Opened(connection, self._queries, engine, damage)

    def _vanished(self) -> StoreDamage | None:
        """An engine was here, yet there is no database: never a silent empty queue."""
        size = self._path.stat().st_size if self._path.exists() else 0
        if size or not self._identity.exists():
            return None
        return StoreDamage(
            found="the file is missing or empty", moved_to="", lost=tuple(self._folders)
        )

    def _checked(self) -> tuple[sqlite3.Connection | None, str]:
        """Return the connection, or None and what is wrong with the file."""
        connection = connect(self._path)
        try:
            found = self._prepare(connection)
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", None)
            if code is not None and code & 0xFF not in _DAMAGED:
                connection.close()
                raise
            # The one without a code shows the text, and a job's script is no business of a log.
            found = str(error) if code is not None else "a text in it is not UTF-8"
        except BaseException:
            connection.close()
            raise
        if found:
            connection.close()
            return None, found
        return connection, ""

    def _prepare(self, connection: sqlite3.Connection) -> str:
        for pragma in ("busy", "alone", "wal", "durable", "references", "journal_size"):
            connection.execute(self._queries[pragma]).fetchall()
        (answer,) = connection.execute(self._queries["quick_check"]).fetchone()
        if answer != "ok":
            return str(answer)
        migrate(connection, self._steps)
        for columns in connection.execute(self._queries["every_job"]):
            row = JobRow(*columns)
            if not row.intact:
                return f"the record of job {row.id} does not match its checksum"
        return ""

    def _name_engine(self, connection: sqlite3.Connection) -> str:
        """Return the engine's uuid; a new one goes with numbers above every job folder's."""
        row = connection.execute(self._queries["engine_id"]).fetchone()
        engine = str(row[0]) if row else self._remembered() or str(uuid.uuid4())
        if not row:
            nothing = Salvage(engine, top=max(self._folders, default=0))
            write_salvage(connection, self._queries, nothing)
        if self._remembered() != engine:
            _write_private(self._identity, engine + "\n")
        return engine

    def _remembered(self) -> str:
        with suppress(OSError, ValueError):
            return str(uuid.UUID(self._identity.read_text(encoding="ascii").strip()))
        return ""

    def _rebuild(self, found: str) -> StoreDamage:
        """Keep the damaged file under another name and put what is whole into a new one.

        The old file stays in place until the new one is complete: a crash here begins again.
        """
        aside = _free_name(self._path)
        journal = _journal(self._path)
        for file, kept in ((self._path, aside), (journal, _journal(aside))):
            if file.exists():
                _keep(file, kept)
        scratch = _fresh_name(self._path, ".salvage")
        readable = read_damaged(aside, scratch, self._steps, self._queries)
        engine = readable.engine or self._remembered() or str(uuid.uuid4())
        salvage = readable.salvage(engine, self._folders)
        fresh = _fresh_name(self._path, ".new")
        make_private(fresh)
        connection = connect(fresh)
        migrate(connection, self._steps)
        write_salvage(connection, self._queries, salvage)
        connection.close()
        # A journal belongs to whatever file bears its name: gone before the new file takes it.
        journal.unlink(missing_ok=True)
        os.replace(fresh, self._path)
        return salvage.report(found, str(aside))


def connect(path: Path) -> sqlite3.Connection:
    """Connect with transactions under our own control."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def make_private(path: Path) -> None:
    """Make an empty file of mode 0600 in a folder of mode 0700, where they are missing."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    os.close(os.open(path, flags, 0o600))


def _write_private(path: Path, text: str) -> None:
    fresh = _fresh_name(path, ".new")
    make_private(fresh)
    with fresh.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


def _keep(file: Path, under: Path) -> None:
    """Give a file a second name, or a copy where the file system has no hard links."""
    try:
        os.link(file, under)
    except OSError:
        make_private(under)
        shutil.copyfile(file, under)


def _journal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _fresh_name(path: Path, ending: str) -> Path:
    """Return a name beside the file, free of what an earlier crash left under it."""
    fresh = path.with_name(path.name + ending)
    for left in (fresh, _journal(fresh)):
        left.unlink(missing_ok=True)
    return fresh


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return aside
