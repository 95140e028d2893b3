"""The anchor: EASY as in the textbook, on one plain list, cores only; no records, no reasons.

Source: Mu'alem and Feitelson, IEEE TPDS 12(6), 2001.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from typing import NamedTuple


class PlainJob(NamedTuple):
    """A job: its cores and its time limit in seconds."""

    cores: int
    limit_s: float


def easy_pass(
    waiting: Sequence[PlainJob], free: int, running: Sequence[tuple[float, int]], now: float
) -> list[int]:
    """Return which places of the list start now; ``running`` are ends and cores, soonest first."""
    starts: list[int] = []
    at, ends = 0, list(running)
    while at < len(waiting) and waiting[at].cores <= free:
        free -= waiting[at].cores
        ends.append((now + waiting[at].limit_s, waiting[at].cores))
        starts.append(at)
        at += 1
    if at == len(waiting):
        return starts
    shadow_s, extra = _shadow(waiting[at].cores, free, sorted(ends), now)
    for place in range(at + 1, len(waiting)):
        cores, limit_s = waiting[place]
        if cores > free:
            continue
        if now + limit_s <= shadow_s:
            free -= cores
            starts.append(place)
        elif cores <= extra:
            free -= cores
            extra -= cores
            starts.append(place)
    return starts


def _shadow(
    asked: int, free: int, ends: Sequence[tuple[float, int]], now: float
) -> tuple[float, int]:
    """Return when enough is free for the head, and what is over then."""
    at = now
    for end_s, cores in ends:
        if free >= asked and end_s > at:
            break
        at, free = max(at, end_s), free + cores
    return at, free - asked


class LoggedRun(NamedTuple):
    """A job of a log: when it came, its true time, its limit and its cores."""

    submit_s: float
    run_s: float
    limit_s: float
    cores: int


def easy_replay(jobs: Sequence[LoggedRun], cores: int) -> list[float]:
    """Return the start of each job; they stand by submission."""
    free, came = cores, 0
    waiting: list[int] = []
    running: list[tuple[float, int]] = []
    ends: list[tuple[float, int]] = []
    starts = [math.nan] * len(jobs)
    while came < len(jobs) or ends:
        coming_s = jobs[came].submit_s if came < len(jobs) else math.inf
        now = min(coming_s, ends[0][0] if ends else math.inf)
        while ends and ends[0][0] <= now:
            ended = heapq.heappop(ends)[1]
            free += jobs[ended].cores
            running.remove((starts[ended] + jobs[ended].limit_s, jobs[ended].cores))
        while came < len(jobs) and jobs[came].submit_s <= now:
            waiting.append(came)
            came += 1
        asked = [PlainJob(jobs[number].cores, jobs[number].limit_s) for number in waiting]
        begun = {waiting[place] for place in easy_pass(asked, free, sorted(running), now)}
        for number in begun:
            starts[number] = now
            free -= jobs[number].cores
            running.append((now + jobs[number].limit_s, jobs[number].cores))
            heapq.heappush(ends, (now + jobs[number].run_s, number))
        waiting = [number for number in waiting if number not in begun]
    return starts
