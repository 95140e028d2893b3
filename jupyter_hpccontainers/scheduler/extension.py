"""Whether a job that holds an allocation may have it for longer."""

from __future__ import annotations

import math

from ..model.errors import StateConflict
from .backfill import Reservation
from .entry import Entry


def refuse_delay(
    entry: Entry, limit_s: float, reservation: Reservation | None, *, long: bool = False
) -> None:
    """Raise StateConflict when a longer limit would delay the head of the queue.

    A ``long`` job leaves headroom free, so it needs room beside the head, too.
    """
    if reservation is None or not reservation.outlived_by(entry.ends_at):
        return
    longer = entry.end_with(limit_s)
    asked, room = entry.job.resources, reservation.long_spare
    beside = not long or room is None or asked.cores <= room
    if reservation.outlived_by(longer) or (beside and asked.fits_in(reservation.spare)):
        return
    job_id, head = entry.job.job_id, reservation.head.job_id
    raise StateConflict(
        f"more time for job {job_id} would delay job {head}, which was promised its turn",
        cure=f"ask for less, or again once job {head} has started",
        job_id=job_id,
        head=head,
        starts_at=None if reservation.at == math.inf else reservation.at,
    )
