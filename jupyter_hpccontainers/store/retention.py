"""Which finished jobs' folders go, decided from figures alone."""

from __future__ import annotations

from collections.abc import Iterable

from .records import FinishedJob

_DAY_S = 86_400


def expired(
    finished: Iterable[FinishedJob], *, keep_days: float | None, keep_bytes: int | None, now: float
) -> list[int]:
    """Return the jobs whose folder goes, the oldest first; their records are kept.

    A folder goes when its job ended more than ``keep_days`` ago; and the oldest go until all
    that stay hold at most ``keep_bytes``. None means no such limit. ``now`` and ``ended_at`` are
    seconds of the same clock.
    """
    oldest_first = sorted(finished, key=lambda job: (job.ended_at, job.id))
    held = sum(job.disk_bytes for job in oldest_first)
    gone = []
    for job in oldest_first:
        too_old = keep_days is not None and now - job.ended_at > keep_days * _DAY_S
        too_much = keep_bytes is not None and held > keep_bytes
        if not (too_old or too_much):
            break
        gone.append(job.id)
        held -= job.disk_bytes
    return gone
