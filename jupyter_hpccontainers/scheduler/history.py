"""What jobs are expected to take, from what alike jobs took.

Expectations only order the queue; reservations are made with time limits. Source: Tsafrir, Etsion
and Feitelson, IEEE TPDS 18(6), 2007 (the last two runs of a user predict best).
"""

from __future__ import annotations

from collections.abc import Hashable
from statistics import fmean
from typing import NamedTuple

from ..model.resources import Resources
from .entry import Kind

#: Each level remembers this many runs; an older one weighs less by _DECAY.
_RUNS = 2
_DECAY = 0.8
#: What a run of the same kind and amounts weighs, of the same kind, and of the same person.
_WEIGHTS = (4.0, 2.0, 1.0)
#: What the guess weighs that a job takes half its limit.
_GUESS_WEIGHT = 0.3
_GUESS_SHARE = 0.5
#: Shorter runs count as this long, as in the bounded slowdown.
_SHORT_S = 10.0
#: How many groups of jobs are remembered; the longest unseen are forgotten first.
_MOST_GROUPS = 50_000


class Expected(NamedTuple):
    """Expectations of a run time r: of r in seconds, and of 1/r with r at least 10 s.

    They are two figures since a job that is *probably* short loses much by waiting: E[1/r] is far
    more than 1/E[r] when runs differ much.
    """

    run_s: float
    urgency: float


class History:
    """The last runs of every kind of job."""

    def __init__(self, unknown_s: float) -> None:
        self._unknown_s = unknown_s
        self._runs: dict[Hashable, tuple[float, ...]] = {}

    def learn(self, kind: Kind, resources: Resources, run_s: float) -> None:
        """Remember how long a job ran."""
        for group in _groups(kind, resources):
            runs = self._runs.pop(group, ())
            self._runs[group] = (run_s, *runs[: _RUNS - 1])
        while len(self._runs) > _MOST_GROUPS:
            del self._runs[next(iter(self._runs))]

    def expect(self, kind: Kind, resources: Resources) -> Expected:
        """Return what a job is expected to take, within its limit."""
        limit_s = kind.limit_s
        guess_s = min(limit_s * _GUESS_SHARE, self._unknown_s)
        weights, runs = _GUESS_WEIGHT, _GUESS_WEIGHT * guess_s
        urgencies = _GUESS_WEIGHT / max(guess_s, _SHORT_S)
        for group, heaviest in zip(_groups(kind, resources), _WEIGHTS, strict=True):
            weight = heaviest
            for run_s in self._runs.get(group, ()):
                run = run_s if run_s < limit_s else limit_s
                weights += weight
                runs += weight * run
                urgencies += weight / (run if run > _SHORT_S else _SHORT_S)
                weight *= _DECAY
        return Expected(runs / weights, urgencies / weights)

    def usual_s(self, kind: Kind, resources: Resources) -> float | None:
        """Return what the last runs of such a job took in the mean; None: there are none."""
        if not kind.what:
            return None
        same, alike, _ = _groups(kind, resources)
        runs = self._runs.get(same) or self._runs.get(alike)
        return fmean(runs) if runs else None


def _groups(kind: Kind, resources: Resources) -> tuple[Hashable, ...]:
    return (kind, resources), kind, kind.user
