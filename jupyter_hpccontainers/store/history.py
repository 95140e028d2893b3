"""A job's history told as a job: the first event has all of it, each later one what changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from ..model.errors import InvalidSpec
from ..model.job import Job
from ..model.wire import decode, encode
from .records import Event, Ownership, Restart, StoredJob
from .rows import to_text

SUBMITTED = "Submitted"

_RESTART = frozenset(f.name for f in fields(Restart))


def first_event(stored: StoredJob, key: str | None) -> Mapping[str, Any]:
    """Return the data of the event that begins a job's history: all but the spec."""
    job = {key: value for key, value in encode(stored.job).items() if key != "spec"}
    return {"job": job, "owner": stored.owner, "restart": stored.restart, "key": key}


def stored_from(history: Sequence[Event], body: str, job_id: int, engine: str) -> StoredJob | None:
    """Return the record at the end of a history; None where its beginning is missing."""
    if not history or history[0].kind != SUBMITTED:
        return None
    first = json.loads(to_text(history[0].data))
    job, restart = first["job"], first["restart"]
    for event in history[1:]:
        for name, value in event.data.items():
            (restart if name in _RESTART else job)[name] = value
    job |= {"id": job_id, "engine": engine, "spec": json.loads(body)}
    try:
        return StoredJob(
            job=decode(Job, job),
            owner=decode(Ownership, first["owner"]),
            restart=decode(Restart, restart),
        )
    except InvalidSpec:
        return None


def key_of(event: Event) -> tuple[int, str] | None:
    """Return the idempotency key (uid, key) under which an event's job was accepted, if any."""
    if event.kind != SUBMITTED or event.data.get("key") is None:
        return None
    return event.data["owner"]["uid"], event.data["key"]
