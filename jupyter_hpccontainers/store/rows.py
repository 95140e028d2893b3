"""Rows and records: JSON with a checksum on one side, dataclasses on the other."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ..model.empty import empty
from ..model.errors import InvalidSpec, StateConflict
from ..model.job import Job, JobSpec
from ..model.states import State
from ..model.wire import decode, encode
from .records import Event, JobChange, Ownership, Restart, StoredJob

#: Fields of Job that no change may touch: they say which job it is and whose.
_FIXED = frozenset({"id", "engine", "user", "submitted_at"})
#: Fields of Job that have a column, or a table, of their own.
_ELSEWHERE = frozenset({"id", "engine", "spec"})
_RESTART = frozenset(f.name for f in fields(Restart))
_JOB = frozenset(f.name for f in fields(Job)) - _FIXED


@dataclass(frozen=True, slots=True)
class JobRow:
    """A row of ``jobs`` joined with its row of ``specs``, as it stands in the file."""

    id: int
    state: str
    record: str
    owner: str
    restart: str
    crc32: int
    body: str
    body_crc32: int

    @property
    def intact(self) -> bool:
        """Whether both checksums hold; pages can be sound while their payload is not."""
        return self.record_intact and self.body_intact

    @property
    def record_intact(self) -> bool:
        """Whether the checksum of all but the spec holds."""
        return self.crc32 == checksum(self.id, self.state, self.record, self.owner, self.restart)

    @property
    def body_intact(self) -> bool:
        """Whether the checksum of the spec holds."""
        return self.body_crc32 == checksum(self.id, self.body)


def checksum(*parts: object) -> int:
    """Return the CRC-32 (zlib, RFC 1952) of the parts joined by NUL."""
    return zlib.crc32("\0".join(map(str, parts)).encode("utf-8", "surrogatepass"))


def to_text(value: Any) -> str:
    """Return JSON in ASCII, so that no text a person sends can fail to be stored."""
    return json.dumps(encode(value), separators=(",", ":"))


def to_stored(row: JobRow, engine: str) -> StoredJob:
    """Return the record of a row."""
    record = json.loads(row.record)
    record |= {"id": row.id, "engine": engine, "spec": json.loads(row.body)}
    return StoredJob(
        job=decode(Job, record),
        owner=decode(Ownership, json.loads(row.owner)),
        restart=decode(Restart, json.loads(row.restart)),
    )


def job_columns(stored: StoredJob, job_id: int) -> dict[str, Any]:
    """Return the parameters of insert_job and update_job."""
    job, restart = stored.job, stored.restart
    record = _sparse(job)
    texts = {
        "state": job.state.value,
        "record": to_text({k: v for k, v in record.items() if k not in _ELSEWHERE}),
        "owner": to_text(stored.owner),
        "restart": to_text(_sparse(restart)),
    }
    return {
        **texts,
        "id": job_id,
        "result": job.result.value if job.result else None,
        "name": job.spec.name,
        "uid": stored.owner.uid,
        "ended_at": job.ended_at,
        "disk_bytes": restart.disk_bytes,
        "files_removed": int(restart.files_removed),
        "crc32": checksum(job_id, *texts.values()),
    }


def spec_columns(job_id: int, spec: JobSpec) -> dict[str, Any]:
    """Return the parameters of put_spec."""
    body = to_text(_sparse(spec))
    return {"job_id": job_id, "body": body, "crc32": checksum(job_id, body)}


def event_columns(job_id: int, at: float, kind: str, data: Any) -> dict[str, Any]:
    """Return the parameters of insert_event."""
    text = to_text(data)
    crc32 = checksum(job_id, at, kind, text)
    return {"seq": None, "job_id": job_id, "at": at, "kind": kind, "data": text, "crc32": crc32}


def to_event(row: Sequence[Any]) -> Event | None:
    """Return the event of a row (seq, job_id, at, kind, data, crc32); None where it is damaged."""
    seq, job_id, at, kind, data, crc32 = row
    if crc32 != checksum(job_id, at, kind, data):
        return None
    return Event(seq, job_id, at, kind, json.loads(data))


def changed(stored: StoredJob, change: JobChange, at: float) -> StoredJob:
    """Return the record after a change at a time; a job that becomes DONE has an end.

    Raises InvalidSpec for a field that no change may touch, StateConflict where a job that is
    DONE would leave that state.
    """
    unknown = change.fields.keys() - _JOB - _RESTART
    if unknown:
        raise InvalidSpec(f"no change may set {sorted(unknown)}", field=min(unknown))
    state = change.fields.get("state", stored.job.state)
    if stored.job.state is State.DONE and state is not State.DONE:
        raise StateConflict(
            f"job {stored.job.id} is DONE and stays so", cure="submit it anew to run it again"
        )
    job = replace(stored.job, **_only(change.fields, _JOB))
    if job.done and job.ended_at is None:
        job = replace(job, ended_at=at)
    return replace(
        stored,
        job=job,
        restart=replace(stored.restart, **_only(change.fields, _RESTART)),
    )


def _only(fields_: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in fields_.items() if key in names}


def _sparse(record: Job | JobSpec | Restart) -> dict[str, Any]:
    """Return JSON data without the fields that are empty where that is their default.

    Other defaults are written out: they may change in a later release, the job may not.
    """
    empty = _EMPTY[type(record)]
    return {k: v for k, v in encode(record).items() if k not in empty or v != empty[k]}


def _empty_defaults(kind: type[Job | JobSpec | Restart]) -> dict[str, Any]:
    """The fields whose default is nothing (None, an empty text, tuple or mapping), as JSON."""
    defaults: dict[str, Any] = {
        f.name: {} if f.default_factory is empty else f.default for f in fields(kind)
    }
    return {k: encode(v) for k, v in defaults.items() if v in (None, "", (), {})}


_EMPTY = {kind: _empty_defaults(kind) for kind in (Job, JobSpec, Restart)}
