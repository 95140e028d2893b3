"""Which best-effort jobs make way, so that jobs of higher classes start now.

The jobs of higher classes that wait are looked at in order, as long as all of them together could
start if every best-effort job were gone. Only they preempt: who is behind one that can't start even
so would merely be a backfilled job, and for that nobody is ended. The youngest make way first, for
they lose least, and none that could be spared.

As long as these jobs wait for what is about to be given back no best-effort job starts: it could
get what was just freed for another, and would make way at once. So every preemption is followed by
the start of a job of a higher class.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..model.job import Priority
from ..model.resources import Resources
from ..model.states import State
from .amounts import NOTHING, add, subtract
from .entry import Entry, Key
from .gates import Counts, Gates
from .jobs import Jobs
from .lines import Line, Lines

BEST_EFFORT = Priority.BEST_EFFORT.rank
#: Who has not ended this long after its grace is not counted on any more, in seconds.
_OVERDUE_S = 60.0


class Decision(NamedTuple):
    """Who starts now, who is to make way, and for which jobs."""

    starts: tuple[Key, ...]
    victims: tuple[int, ...] = ()
    by: tuple[int, ...] = ()


def decide(
    keys: Sequence[Key], jobs: Jobs, gates: Gates, now: float, aged_before: float
) -> Decision:
    """Return who starts of the ``keys`` that might, and who makes way."""
    higher = tuple(key for key in keys if key.rank < BEST_EFFORT)
    holding = list(jobs.holding())
    free, counts = jobs.holdings.free, gates.counts(holding)
    for key in higher:
        entry = jobs[key.job_id]
        free = subtract(free, entry.job.resources)
        counts.take(gates.claim(entry), entry.job.resources)
    begun = Counter(key.job_id for key in higher)
    keeps_long = gates.headroom.any and gates.headroom.calendar.inside(now)
    waiting = _ahead(jobs.queue.ready, counts, begun, aged_before, keeps_long)
    held = {entry.job.job_id: jobs.holdings.back_of(entry.job.job_id) for entry in holding}
    victims, by = make_way(waiting, free, holding, held, now)
    return Decision(higher, victims, by) if by else Decision(tuple(keys))


def make_way(
    waiting: Iterable[tuple[Key, Resources]],
    free: Resources,
    holding: Sequence[Entry],
    held: Mapping[int, Resources],
    now: float,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return who is to make way now, and for which jobs there is a way (with or without victims).

    ``waiting`` are jobs of higher classes in order; ``held`` is what each holder gives back. What
    others are about to give back, told to stop before, is counted on.
    """
    soon = [entry for entry in holding if entry.state is State.STOPPING and _ends(entry, now)]
    coming = _sum([free, *(held[entry.job.job_id] for entry in soon)])
    able = sorted((entry for entry in holding if _may_be_preempted(entry)), key=_since)[::-1]
    most = _sum([coming, *(held[entry.job.job_id] for entry in able)])
    jobs: list[int] = []
    asked = NOTHING
    for key, amounts in waiting:
        if not add(asked, amounts).fits_in(most):
            break
        asked = add(asked, amounts)
        jobs.append(key.job_id)
    if not jobs:
        return (), ()
    back = [(entry.job.job_id, held[entry.job.job_id]) for entry in able]
    return _victims(asked, coming, back), tuple(jobs)


def _ahead(
    ready: Lines, counts: Counts, begun: Counter[int], aged_before: float, keeps_long: bool
) -> Iterator[tuple[Key, Resources]]:
    """Yield in order the waiting jobs of higher classes that no limit keeps waiting.

    ``begun`` are those that start now and are counted already, of an array how many.
    """
    lines = [line for line in ready.every() if line.rank < BEST_EFFORT]
    for key, line in heapq.merge(*(_keys(line, aged_before) for line in lines)):
        amounts = line.shape.resources
        if begun[key.job_id]:
            begun[key.job_id] -= 1
            continue
        if keeps_long and line.claim.long:
            # What is freed could still be kept for short jobs: nobody is ended for that.
            return
        if counts.admits(line.claim, amounts):
            counts.take(line.claim, amounts)
            yield key, amounts
        else:
            counts.pass_over(key, line.claim, amounts)


def _keys(line: Line, aged_before: float) -> Iterator[tuple[Key, Line]]:
    # Keys differ, so that lines are never compared.
    return ((key, line) for key in line.keys(aged_before))


def _may_be_preempted(entry: Entry) -> bool:
    return entry.job.priority.rank == BEST_EFFORT and entry.state is not State.STOPPING


def _since(entry: Entry) -> tuple[float, int]:
    since = entry.started_at if entry.starting_at is None else entry.starting_at
    return since or 0.0, entry.job.job_id


def _ends(entry: Entry, now: float) -> bool:
    return entry.ends_at + _OVERDUE_S > now


def _victims(
    asked: Resources, coming: Resources, young_first: Sequence[tuple[int, Resources]]
) -> tuple[int, ...]:
    """Return who is enough, the youngest first; none where all is coming anyway."""
    chosen: list[tuple[int, Resources]] = []
    lack = subtract(asked, coming)
    for job_id, back in young_first:
        if _helps(back, lack):
            chosen.append((job_id, back))
            lack = subtract(lack, back)
    for one in chosen[::-1]:
        without = add(lack, one[1])
        if without.fits_in(NOTHING):
            chosen.remove(one)
            lack = without
    return tuple(job_id for job_id, _ in chosen)


def _helps(back: Resources, lack: Resources) -> bool:
    return (
        (lack.cores > 0 and back.cores > 0)
        or (lack.memory_bytes > 0 and back.memory_bytes > 0)
        or (lack.gpus > 0 and back.gpus > 0)
    )


def _sum(amounts: Iterable[Resources]) -> Resources:
    total = NOTHING
    for one in amounts:
        total = add(total, one)
    return total
