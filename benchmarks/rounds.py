"""Alternating rounds of ours and an anchor, judged by the median of the per-round ratios."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

Measure = Callable[[], float]
"""Does the thing once and returns how long it took, in seconds."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours against an anchor: medians of each, and the median of the ratios of single rounds."""

    case: str
    ours: float
    anchor: float
    ratio: float
    unit: str = "ms"


def compare(case: str, ours: Measure, anchor: Measure, rounds: int) -> Comparison:
    """Run both once unmeasured, then ``rounds`` times in turn: what slows one slows the other."""
    ours()
    anchor()
    pairs = []
    for number in range(rounds):
        # The one that comes first changes each round.
        if number % 2:
            other, mine = anchor(), ours()
        else:
            mine, other = ours(), anchor()
        pairs.append((mine, other))
        print(
            f"{case}: round {number + 1}: {mine * 1000:.1f} ms against {other * 1000:.1f} ms",
            file=sys.stderr,
        )
    ratio = statistics.median(mine / other for mine, other in pairs)
    return Comparison(
        case,
        round(statistics.median(mine for mine, _ in pairs) * 1000, 1),
        round(statistics.median(other for _, other in pairs) * 1000, 1),
        round(ratio, 3),
    )


def report(name: str, results: list[Comparison]) -> None:
    """Print the one line a program reads."""
    print(json.dumps({"name": name, "results": [asdict(result) for result in results]}))
