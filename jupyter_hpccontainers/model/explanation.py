"""Why a job waits, when it will start, and what would start it now; also for one not submitted."""

from __future__ import annotations

from dataclasses import dataclass

from .job import Priority
from .resources import Allocation
from .states import Reason, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Another request that would start now; None means as asked."""

    cores: int | None = None
    memory_bytes: int | None = None
    gpus: int | None = None
    time_limit_s: float | None = None
    priority: Priority | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What there is to tell of a job; times are seconds since the epoch (UTC).

    ``job_id`` None: it was not submitted. ``reason`` None: it waits for nothing. ``position``: 1
    goes next. ``ahead``: who goes before it, the first first; ``after``: those whose end lets it
    start. ``predicted_start`` None: never, or nobody knows; ``exact`` False: estimated, because so
    many are ahead. ``guessed``: jobs without a time limit that end before and were taken to last as
    long as such jobs did; ``endless``: where nobody knows when it starts, the jobs of which nobody
    knows when they end (no limit and no such job before, or suspended). ``allocation``: what it
    would get now. ``never``: what it asks that can never be given. ``image_ready`` False: it starts
    no sooner than its image is. ``changes``: each alone would start it now, the smallest first.
    ``sentence`` tells the reason, ``outlook`` the rest. ``notes``: what rules of the site would
    change of it, and why.
    """

    job_id: int | None
    state: State
    reason: Reason | None = None
    position: int | None = None
    ahead: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    predicted_start: float | None = None
    exact: bool = True
    guessed: tuple[int, ...] = ()
    endless: tuple[int, ...] = ()
    allocation: Allocation | None = None
    never: str = ""
    image_ready: bool = True
    changes: tuple[Change, ...] = ()
    sentence: str = ""
    outlook: str = ""
    notes: tuple[str, ...] = ()
