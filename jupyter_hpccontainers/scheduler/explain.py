"""Why a job waits, as data; ``model.reasons`` makes the sentence."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..model.resources import Resources
from ..model.states import Reason, ReasonCode, State
from .amounts import add, lacking
from .backfill import Reservation
from .entry import Entry
from .holdings import Holdings

_IMAGE = Reason(ReasonCode.IMAGE)


class Reasons:
    """Tells for each waiting job the first reason that holds, in the order of what must happen.

    UserHold, Dependency, BackOff or BeginTime (which ends last), JobArrayTaskLimit, Image, Drained,
    then Quota or Tokens (whatever were free, a limit keeps the job waiting), then what lacks now
    even if nobody were ahead (Others where it would fit but for use outside our jobs, else
    Resources), then Priority: it would fit, but a job ahead of it goes first or has what it needs
    reserved.
    """

    def __init__(
        self,
        holdings: Holdings,
        reservation: Reservation | None,
        kept_back: Callable[[Entry], Reason | None] = lambda entry: None,
    ) -> None:
        self._holdings = holdings
        self._kept_back = kept_back
        self._lacks: dict[Resources, Reason | None] = {}
        self._reserved: dict[str, int | float | None] = {}
        if reservation is not None:
            known = reservation.at != math.inf
            self._reserved["head"] = reservation.head.job_id
            self._reserved["head_starts_at"] = reservation.at if known else None

    def in_line(self, entry: Entry, place: int) -> Reason:
        """Return why a job waits that nobody holds and whose begin time has come."""
        if not entry.image_ready:
            return _IMAGE
        lack = self._kept_back(entry) or self._lack(entry.job.resources)
        if lack is not None:
            return lack
        return Reason(ReasonCode.PRIORITY, {"jobs_ahead": place - 1, **self._reserved})

    @staticmethod
    def behind(entry: Entry) -> Reason:
        """Return why a job waits that stands behind the line."""
        if entry.state is State.HELD:
            return Reason(ReasonCode.USER_HOLD)
        if entry.unmet:
            unmet = [edge.told for edge in entry.unmet]
            return Reason(ReasonCode.DEPENDENCY, {"unmet": unmet})
        if entry.retry_at is not None and entry.retry_at == entry.waits_until:
            details = {"retry_at": entry.retry_at, "attempt": entry.job.attempt}
            return Reason(ReasonCode.BACK_OFF, details)
        if entry.throttled and entry.job.tasks is not None:
            most = entry.job.tasks.max_running
            return Reason(ReasonCode.ARRAY_TASK_LIMIT, {"max_running": most})
        return Reason(ReasonCode.BEGIN_TIME, {"begin_at": entry.job.begin_at})

    def _lack(self, asked: Resources) -> Reason | None:
        if asked not in self._lacks:
            self._lacks[asked] = _lack(asked, self._holdings)
        return self._lacks[asked]


def _lack(asked: Resources, holdings: Holdings) -> Reason | None:
    free, capacity = holdings.free, holdings.machine.amounts
    lacks = lacking(asked, free, capacity)
    if not lacks:
        return None
    if asked.fits_in(add(free, holdings.kept_by_others)):
        others = holdings.others
        details = {
            "lacking": lacks,
            "memory_bytes": others.memory_bytes,
            "busy_gpus": sorted(others.busy_gpus),
        }
        return Reason(ReasonCode.OTHERS, details)
    return Reason(ReasonCode.RESOURCES, {"lacking": lacks})
