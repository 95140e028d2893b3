"""What the record of an attempt's end says beside what the scheduler knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...model.job import Job, PastAttempt
from ...model.states import State
from ...store.records import JobChange

#: The latest past attempts that a record lists; the folders and logs of all are kept.
MOST_PAST = 100


def ends_attempt(change: JobChange) -> bool:
    """Whether it closes an attempt, with the job or with another attempt to follow."""
    return change.fields.get("state") is State.DONE or "attempts" in change.fields


def closed(change: JobChange, before: Job | None, notes: Mapping[str, Any]) -> JobChange:
    """Return the change with the notes of the end; what is past joins what was past before.

    ``notes`` are ``attempts.end_notes``; the log of the job grows by the log of the attempt.
    """
    known = before.log_bytes if before is not None else 0
    fields = {**change.fields, **notes, "log_bytes": known + int(notes.get("log_bytes", 0))}
    if "attempts" in fields:
        (past,) = fields["attempts"]
        earlier = before.attempts if before is not None else ()
        fields["attempts"] = (*earlier, _measured(past, notes))[-MOST_PAST:]
        fields.pop("disk_bytes", None)
        fields["warnings"] = ()
    return replace(change, fields=fields)


def _measured(past: PastAttempt, notes: Mapping[str, Any]) -> PastAttempt:
    return replace(past, log_bytes=int(notes.get("log_bytes", 0)))
