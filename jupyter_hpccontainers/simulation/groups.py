"""Waits of jobs by what they ask: on a small machine a mean over all of them says little."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ..scheduler import DEFAULT, Calendar
from .replay import Ran

#: Jobs that ask for more of the machine than this are the large ones.
_LARGE = 0.75
_WORK = Calendar(DEFAULT.headroom_calendar, ((0.0, 4 * 86_400.0),))


@dataclass(frozen=True, slots=True)
class Waits:
    """Of one group: how long its jobs waited, and which share of them began by the next night.

    That is by the end of the night after their submission, nights and weekends being the hours in
    which no headroom is kept; a workload's clock begins on a Monday.
    """

    jobs: int
    mean_wait_s: float
    max_wait_h: float
    by_next_night: float


_Is = Callable[[Ran, int], bool]
#: Who asks for little time; the others by how much of the machine they ask.
GROUPS: Mapping[str, _Is] = {
    "short": lambda ran, processors: ran.job.limit_s <= DEFAULT.headroom_short_s,
    "up to 3/4": lambda ran, processors: ran.job.processors <= _LARGE * processors,
    "larger": lambda ran, processors: ran.job.processors > _LARGE * processors,
}


def waits_by_group(ran: Sequence[Ran], processors: int) -> dict[str, Waits]:
    """Return the waits of each group that has jobs; who is short is in another one, too."""
    groups = {
        name: [one for one in ran if is_in(one, processors)] for name, is_in in GROUPS.items()
    }
    return {name: _waits(some) for name, some in groups.items() if some}


def _waits(some: Sequence[Ran]) -> Waits:
    waits = [one.wait_s for one in some]
    begun = [one.start_s <= _night_ends(one.job.submit_s) for one in some]
    return Waits(len(some), fmean(waits), max(waits) / 3600, fmean(begun))


def _night_ends(submit_s: float) -> float:
    begins = _WORK.next_change(submit_s) if _WORK.inside(submit_s) else submit_s
    return _WORK.next_change(begins)
