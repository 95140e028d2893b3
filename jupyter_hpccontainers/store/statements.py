"""Reads the SQL files: statements by name, schema steps by version."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..model.errors import EngineError

_NAMED = re.compile(r"^-- (\w+): .+$", re.MULTILINE)
_STEP = re.compile(r"^-- version (\d+): .+$", re.MULTILINE)


def read_queries() -> Mapping[str, str]:
    """Return every statement of queries.sql by its name."""
    return dict(_sections(_text("queries.sql"), _NAMED))


def read_steps() -> Sequence[str]:
    """Return the steps of schema.sql; the first leads to version 1."""
    return [body for _, body in _sections(_text("schema.sql"), _STEP)]


def migrate(connection: sqlite3.Connection, steps: Sequence[str]) -> None:
    """Bring the file to version ``len(steps)`` in one transaction, or leave it as it was.

    Raises EngineError when a newer release wrote the file: it is not touched.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(steps):
        raise EngineError(
            f"the job database has version {version}, this release knows {len(steps)}",
            cure="start the release that wrote it, or restore the backup made before the upgrade",
        )
    if version == len(steps):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in steps[version:]:
            for statement in _statements(step):
                connection.execute(statement)
        # A pragma takes no parameters; the number is our own.
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _sections(text: str, heading: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    heads = [*heading.finditer(text)]
    ends = [head.start() for head in heads[1:]] + [len(text)]
    for head, end in zip(heads, ends, strict=True):
        yield head[1], text[head.end() : end].strip()


def _statements(step: str) -> Iterator[str]:
    statement = ""
    for line in step.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
