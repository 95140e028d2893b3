"""Moments people type: when a job may begin."""

from __future__ import annotations

from datetime import datetime

from .errors import InvalidSpec
from .quantities import parse_duration

_FORMS = "write 2026-05-01T20:00 (local time, or with an offset such as Z) or +30m (from now)"
#: 9999-12-31: what a calendar can show.
MAX_MOMENT_S = 253_402_214_400.0


def parse_begin(text: str, now: float | None, field: str = "begin") -> float:
    """Return the seconds since the epoch meant by an ISO 8601 date and time, ``+30m`` or ``now``.

    A time without offset is local; what follows ``+`` is a duration as for a time limit, counted
    from ``now``. Raises InvalidSpec for anything else, and for such a one where ``now`` is None.
    """
    stripped = text.strip()
    if stripped == "now" or stripped.startswith("+"):
        if now is None:
            raise InvalidSpec(f"{field} {stripped!r} counts from now", cure=_FORMS, field=field)
        return now + (parse_duration(stripped[1:], field) if stripped != "now" else 0)
    try:
        moment = datetime.fromisoformat(stripped).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise InvalidSpec(
            f"{field} {stripped[:40]!r} is not a date and time", cure=_FORMS, field=field
        ) from None
    return check_moment(moment, field)


def check_moment(moment: float, field: str = "begin_at") -> float:
    """Return a moment in seconds since the epoch; raises InvalidSpec where no calendar has it."""
    if not 0 <= moment <= MAX_MOMENT_S:
        raise InvalidSpec(f"{field} is out of range", cure=_FORMS, field=field)
    return moment
