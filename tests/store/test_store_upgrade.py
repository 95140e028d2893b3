"""Upgrades in one transaction, refusal of what a newer release wrote, backups, the SQL files."""

from __future__ import annotations

import re
import sqlite3
import stat
from pathlib import Path

import pytest
from store_builders import filled, opened, submission

from jupyter_hpccontainers.model.errors import EngineError, StateConflict, StoreFull
from jupyter_hpccontainers.store import statements
from jupyter_hpccontainers.store.statements import migrate, read_queries, read_steps


def version_and_tables(path: Path) -> tuple[int, set[str]]:
    connection = sqlite3.connect(path)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    return version, tables


def test_an_older_file_is_brought_up_to_date_with_its_rows(tmp_path: Path) -> None:
    store = opened(tmp_path)
    filled(store, 3)
    store.close()
    step = "ALTER TABLE jobs ADD COLUMN node TEXT NOT NULL DEFAULT 'here';\nCREATE TABLE nodes (n);"
    connection = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    migrate(connection, [*read_steps(), step])
    assert connection.execute("SELECT DISTINCT node FROM jobs").fetchall() == [("here",)]
    assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (3,)
    connection.close()
    version, tables = version_and_tables(tmp_path / "state.db")
    assert version == len(read_steps()) + 1
    assert "nodes" in tables


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    store = opened(tmp_path)
    filled(store, 3)
    store.close()
    before = version_and_tables(tmp_path / "state.db")
    connection = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        migrate(connection, [*read_steps(), "CREATE TABLE nodes (n);\nDROP TABLE never_there;"])
    connection.close()
    assert version_and_tables(tmp_path / "state.db") == before
    assert len(opened(tmp_path).active()) == 3


def test_a_newer_file_is_refused_and_not_touched(tmp_path: Path) -> None:
    store = opened(tmp_path)
    filled(store, 1)
    store.close()
    connection = sqlite3.connect(tmp_path / "state.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = (tmp_path / "state.db").read_bytes()
    with pytest.raises(EngineError, match="version 99") as refused:
        opened(tmp_path)
    assert "start the release that wrote it" in refused.value.cure
    assert (tmp_path / "state.db").read_bytes() == before


def test_a_backup_opens_as_the_store_it_was(tmp_path: Path) -> None:
    store = opened(tmp_path / "live")
    filled(store, 5)
    (tmp_path / "saved").mkdir()
    copy = store.backup(tmp_path / "saved" / "state.db")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    filled(store, 1)
    again = opened(tmp_path / "saved")
    assert again.engine_id() == store.engine_id()
    assert [stored.job for stored in again.active()] == [store.job(n) for n in range(1, 6)]


def test_a_backup_overwrites_nothing_and_leaves_nothing_half(tmp_path: Path) -> None:
    store = opened(tmp_path / "live")
    (tmp_path / "there").write_text("mine")
    with pytest.raises(StateConflict, match="exists"):
        store.backup(tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"
    with pytest.raises(StoreFull, match="cannot be written"):
        store.backup(tmp_path / "no folder" / "copy")
    assert store.accept(submission(), at=0.0).created


def test_every_statement_has_a_name_and_a_sentence_and_is_used() -> None:
    folder = Path(statements.__file__).parent
    text = (folder / "queries.sql").read_text()
    heads = re.findall(r"^-- (\w+): (.+)$", text, re.MULTILINE)
    assert len(heads) == len(read_queries()) == len({name for name, _ in heads})
    code = "".join(path.read_text() for path in folder.glob("*.py"))
    unused = [name for name, _ in heads if f'"{name}"' not in code]
    assert unused == []
    assert all(sentence.endswith(".") for _, sentence in heads)


def test_sql_stands_in_the_sql_files_only() -> None:
    folder = Path(statements.__file__).parent
    for path in folder.glob("*.py"):
        assert not re.search(r'"(SELECT|INSERT|UPDATE|DELETE|CREATE) ', path.read_text()), path.name
