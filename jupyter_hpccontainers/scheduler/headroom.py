"""Cores kept for short jobs at certain hours, which no order of the queue could keep.

At those hours jobs with a long time limit, or none, are started only while all such jobs together
hold at most the rest. Outside of them anybody may have the whole machine.

Who asks for more than the rest is *shut out* at those hours and can start in the other ones only,
so these are first of all for such jobs (in the order by index, where nobody's turn is a matter of
submission alone): they have aged from the outset, and the hours that keep them out count as waited.
By day nothing is reserved for them yet, until shortly before the hours end. Where the limits of
those who run say that one would miss the coming night altogether, no long job passes it: all may
have ended long before, and the night is not given away. Who has waited for long too long has its
start reserved by day too, so that it is never passed for ever.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..model.errors import StateConflict
from ..model.machine import Machine
from ..model.quantities import format_duration
from ..model.states import Reason, ReasonCode
from .entry import Claim, Entry
from .policy import Order, Policy
from .windows import Calendar


class Headroom:
    """What the policy keeps, for which jobs and when."""

    def __init__(self, policy: Policy, machine: Machine) -> None:
        cores = len(machine.cores)
        self.most = cores - math.floor(policy.headroom * cores + 1e-9)
        self.calendar = Calendar(policy.headroom_calendar, policy.utc_offsets)
        self._short_s = policy.headroom_short_s
        self.lead_s = policy.headroom_lead_s
        self._favours = policy.order is Order.INDEX
        #: Whether anything is ever kept.
        self.any = self.most < cores and bool(policy.headroom_calendar)

    def is_long(self, limit_s: float) -> bool:
        """Whether a job of this limit has to leave the headroom free."""
        return self.any and limit_s > self._short_s

    def shuts_out(self, claim: Claim, cores: int) -> bool:
        """Whether such a job is favoured since it can't start while headroom is kept."""
        return claim.long and cores > self.most and self._favours

    @property
    def credit_s(self) -> float:
        """How much sooner who is shut out counts as submitted: by the hours that keep it out."""
        return self.calendar.longest_s

    def next_change(self, now: float) -> float:
        """Return when to look again, since what may start may be other then."""
        return self.calendar.next_change(now) if self.any else math.inf

    def refuse(
        self, entry: Entry, limit_s: float, holding: Iterable[Entry], now: float, promised: bool
    ) -> None:
        """Raise StateConflict where a running short job would become a long one without room.

        Nor may it where somebody is ``promised`` a start, which may rest on the room.
        """
        if not self.is_long(limit_s) or self.is_long(entry.limit_s):
            return
        if not promised and self.room(holding, now).admits(entry.job.resources.cores):
            return
        raise StateConflict(
            f"with more than {format_duration(self._short_s)} job {entry.job.job_id} would hold "
            "what is kept for short jobs",
            cure=f"ask for at most {format_duration(self._short_s)}",
            job_id=entry.job.job_id,
        )

    def room(self, holding: Iterable[Entry], now: float) -> Room:
        """Return what long jobs hold, for one decision."""
        long = [entry for entry in holding if self.is_long(entry.limit_s)] if self.any else []
        return Room(self, [(e.ends_at, e.job.resources.cores) for e in long], now)


class Room:
    """What long jobs hold now and until when; it only grows during a decision."""

    def __init__(self, headroom: Headroom, held: list[tuple[float, int]], now: float) -> None:
        self._headroom = headroom
        self._held = held
        self._now = now
        self._closed = headroom.any and headroom.calendar.inside(now)
        self._now_cores = sum(cores for _, cores in held)

    def admits(self, cores: int) -> bool:
        """Whether a long job may start now."""
        return not self._closed or self._now_cores + cores <= self._headroom.most

    def puts_off(self, claim: Claim, cores: int, submitted_at: float, aged_before: float) -> bool:
        """Whether nothing is reserved yet for a job that is shut out; see the module.

        ``submitted_at`` is that of its key, so the credit is taken off.
        """
        if not self._closed or not self._headroom.shuts_out(claim, cores):
            return False
        opens = self._headroom.calendar.next_change(self._now)
        # What others wait at most, and such hours once more: the guard is for who may start by day.
        too_long = submitted_at + 2 * self._headroom.credit_s < aged_before
        return not too_long and self._now < opens - self._headroom.lead_s

    def long_until(self, claim: Claim, cores: int, at: float) -> float:
        """Return when a long job that passes a head has to have ended; it starts by ``at``.

        Its limits may say that one who is shut out misses the coming hours altogether, and yet all
        may have ended long before: then these hours are not given away.
        """
        if not self._headroom.shuts_out(claim, cores):
            return at
        calendar = self._headroom.calendar
        opens = calendar.next_change(self._now) if self._closed else self._now
        if at < calendar.next_change(opens):
            return at
        return opens

    def spare(self, cores: int, at: float) -> int | None:
        """Return what other long jobs may hold when one starts at ``at``; None: anything."""
        if not self._headroom.calendar.inside(at):
            return None
        return self._headroom.most - self._held_at(at) - cores

    def opens(self, cores: int, at: float) -> float:
        """Return the first moment from ``at`` on at which a long job may start."""
        while not self._fits(cores, at):
            ends = [ends_at for ends_at, _ in self._held if ends_at > at]
            at = min([self._headroom.calendar.next_change(at), *ends])
        return at

    def take(self, cores: int, ends_at: float) -> None:
        """Count a long job that starts."""
        self._held.append((ends_at, cores))
        self._now_cores += cores

    def reason(self, cores: int, now: float) -> Reason | None:
        """Return what keeps a long job waiting whatever is free."""
        if self.admits(cores):
            return None
        figures = {"requested": cores, "used": self._now_cores, "limit": self._headroom.most}
        until = self._headroom.calendar.next_change(now)
        return Reason(ReasonCode.HEADROOM, {**figures, "until": until})

    def _fits(self, cores: int, at: float) -> bool:
        if not self._headroom.calendar.inside(at):
            return True
        return self._held_at(at) + cores <= self._headroom.most

    def _held_at(self, at: float) -> int:
        return sum(cores for ends_at, cores in self._held if ends_at > at)
