"""Reads what is whole out of a damaged database, and puts jobs together from their history."""

from __future__ import annotations

import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..model.states import State
from .history import key_of, stored_from
from .records import Event, StoreDamage, StoredJob
from .rows import JobRow, event_columns, job_columns, spec_columns, to_event, to_stored
from .statements import migrate

#: Bytes of a page; what SQLite gives to a new file (https://www.sqlite.org/fileformat2.html).
_PAGE = 4096
_MAY_HAVE_RUN = (
    "its record was damaged and put together from its history: it may have run already; "
    "release it to run it, or cancel it"
)
#: After so many numbers in a row that cannot be read, a table is taken to be at its end.
_PATIENCE = 20_000


@dataclass(frozen=True, slots=True)
class Salvage:
    """What goes into a new database; ``top`` is the highest number ever given to a job."""

    engine: str
    top: int = 0
    jobs: Sequence[StoredJob] = ()
    keys: Mapping[tuple[int, str], int] = field(default_factory=dict)
    events: Sequence[Event] = ()
    rebuilt: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()

    def report(self, found: str, moved_to: str) -> StoreDamage:
        """Return what became of the damaged file."""
        kept = len(self.jobs) - len(self.rebuilt)
        return StoreDamage(
            found=found, moved_to=moved_to, kept=kept, rebuilt=self.rebuilt, lost=self.lost
        )


def write_salvage(
    connection: sqlite3.Connection, queries: Mapping[str, str], salvage: Salvage
) -> None:
    """Put everything into an empty database, in one transaction."""
    connection.execute(queries["begin"])
    connection.execute(queries["set_engine_id"], {"uuid": salvage.engine})
    for stored in salvage.jobs:
        number, spec = stored.job.id, stored.job.spec
        connection.execute(queries["insert_job"], job_columns(stored, number))
        connection.execute(queries["put_spec"], spec_columns(number, spec))
        for tag in spec.tags:
            connection.execute(queries["insert_tag"], {"tag": tag, "job_id": number})
    for (uid, key), number in salvage.keys.items():
        connection.execute(queries["insert_key"], {"uid": uid, "key": key, "job_id": number})
    for event in salvage.events:
        columns = event_columns(event.job_id, event.at, event.kind, event.data)
        connection.execute(queries["insert_event"], {**columns, "seq": event.seq})
    connection.execute(queries["clear_sequence"])
    connection.execute(queries["add_sequence"], {"seq": salvage.top})
    connection.execute(queries["commit"])


def read_damaged(
    damaged: Path, scratch: Path, steps: Sequence[str], queries: Mapping[str, str]
) -> Readable:
    """Read a damaged file by way of a scratch copy that is removed; it itself stays as it is."""
    try:
        for ending in ("", "-wal"):
            if damaged.with_name(damaged.name + ending).exists():
                shutil.copyfile(
                    damaged.with_name(damaged.name + ending),
                    scratch.with_name(scratch.name + ending),
                )
        if not _schema_reads(scratch, queries):
            _graft_first_page(scratch, steps)
        return _read(scratch, queries)
    finally:
        for ending in ("", "-wal", "-shm", ".page"):
            scratch.with_name(scratch.name + ending).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Readable:
    """The rows that could be read from a damaged file, sound or not."""

    engine: str
    top: int
    records: Mapping[int, Sequence[Any]]
    specs: Mapping[int, Sequence[Any]]
    events: Sequence[Event]
    keys: Mapping[tuple[int, str], int]

    def salvage(self, engine: str, job_folders: Sequence[int]) -> Salvage:
        """Return the jobs whose checksum holds, or whose history puts them together again."""
        history: dict[int, list[Event]] = defaultdict(list)
        for event in self.events:
            history[event.job_id].append(event)
        jobs: dict[int, StoredJob] = {}
        rebuilt, lost = [], []
        known = {*self.records, *self.specs, *history, *job_folders}
        unbegun: set[int] = set()
        seen = [self.top, *self.records, *self.specs, *history, *job_folders]
        for number in range(1, max(seen) + 1):
            stored = self._stored(number, engine)
            if stored is None and (stored := self._from_history(number, engine, history[number])):
                rebuilt.append(number)
            if stored is not None:
                jobs[number] = stored
                unbegun.update(_task_numbers(stored))
            elif number not in unbegun or number in known:
                lost.append(number)
        return Salvage(
            engine=engine,
            top=max(seen),
            jobs=[*jobs.values()],
            keys={key: number for key, number in self._all_keys().items() if number in jobs},
            events=[event for event in self.events if event.job_id in jobs],
            rebuilt=tuple(rebuilt),
            lost=tuple(lost),
        )

    def _row(self, number: int) -> JobRow:
        record = self.records.get(number, (number, "", "", "", "", -1))
        return JobRow(*record, *self.specs.get(number, (number, "", -1))[1:])

    def _stored(self, number: int, engine: str) -> StoredJob | None:
        row = self._row(number)
        return to_stored(row, engine) if row.intact else None

    def _from_history(self, number: int, engine: str, history: Sequence[Event]) -> StoredJob | None:
        row = self._row(number)
        stored = stored_from(history, row.body, number, engine) if row.body_intact else None
        return None if stored is None else _held_if_waiting(stored)

    def _all_keys(self) -> Mapping[tuple[int, str], int]:
        told = {key_of(event): event.job_id for event in self.events}
        return {**self.keys, **{key: number for key, number in told.items() if key}}


def _held_if_waiting(stored: StoredJob) -> StoredJob:
    """A job whose last events are missing may have run: a person decides whether it starts."""
    job = stored.job
    if not job.state.waits:
        return stored
    held = replace(job, state=State.HELD, warnings=(*job.warnings, _MAY_HAVE_RUN))
    return replace(stored, job=held)


def _task_numbers(stored: StoredJob) -> range:
    """Return the numbers of an array's tasks: those without a trace have not begun."""
    array, number = stored.job.spec.array, stored.job.id
    return range(number + 1, number + 1 + (array.count if array else 0))


def _read(path: Path, queries: Mapping[str, str]) -> Readable:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        engine = [str(row[0]) for row in _all(connection, queries["engine_id"])]
        tops = [row[0] for row in _all(connection, queries["highest_id"])]
        events = map(to_event, _sound(connection, queries["salvage_events"]))
        return Readable(
            engine=next(iter(engine), ""),
            top=max((top for top in tops if isinstance(top, int)), default=0),
            records={row[0]: row for row in _sound(connection, queries["salvage_jobs"])},
            specs={row[0]: row for row in _sound(connection, queries["salvage_specs"])},
            events=[event for event in events if event is not None],
            keys={
                (uid, key): number for uid, key, number in _all(connection, queries["every_key"])
            },
        )
    finally:
        connection.close()


def _all(connection: sqlite3.Connection, query: str) -> Iterator[Sequence[Any]]:
    """Rows until the first that cannot be read."""
    try:
        yield from connection.execute(query)
    except sqlite3.DatabaseError:
        return


def _sound(connection: sqlite3.Connection, query: str) -> Iterator[Sequence[Any]]:
    """Rows by ascending number, stepping over those that cannot be read."""
    start = misses = 0
    while misses < _PATIENCE:
        try:
            for row in connection.execute(query, {"start": start}):
                yield row
                start, misses = row[0] + 1, 0
            return
        except sqlite3.DatabaseError:
            start, misses = start + 1, misses + 1


def _schema_reads(path: Path, queries: Mapping[str, str]) -> bool:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(queries["engine_id"]).fetchall()
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()
    return True


def _graft_first_page(path: Path, steps: Sequence[str]) -> None:
    """Replace the first page, which holds the header and the schema, by that of a new file.

    Tables made by the same steps lie on the same pages, so a file of which only the first page
    is damaged reads again; of a file where they lie elsewhere no checksum will hold.
    """
    donor = path.with_name(path.name + ".page")
    connection = sqlite3.connect(donor, isolation_level=None)
    migrate(connection, steps)
    connection.close()
    page = bytearray(donor.read_bytes()[:_PAGE])
    page[18:20] = b"\2\2"  # written and read by way of a write-ahead log
    page[28:32] = (path.stat().st_size // _PAGE).to_bytes(4, "big")
    page[32:40] = bytes(8)  # no free pages
    page[92:96] = page[24:28]  # so that the size at 28 is believed
    with path.open("r+b") as file:
        file.write(page)
