"""Draws what came of replays as SVG, or as an HTML page that holds it: waits, and use over time.

The upper chart shows for each policy the share of jobs that waited at most so long (logarithmic);
the lower one how much of the machine was in use, by equal parts of the log's time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from itertools import accumulate

from .replay import Ran
from .workload import Workload

#: Dark enough on white, told apart by the colour-blind. Source: Okabe and Ito, 2008.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_WIDTH, _HEIGHT, _LEFT, _GAP = 720, 220, 60, 70
_WAITS_S = (1, 10, 60, 600, 3600, 36_000, 86_400, 864_000)
_WAIT_NAMES = ("0", "10 s", "1 min", "10 min", "1 h", "10 h", "1 d", "10 d")
_PARTS = 120

Points = Sequence[tuple[float, float]]


def draw_svg(workload: Workload, replays: Mapping[str, Sequence[Ran]]) -> str:
    """Return the picture of replays of one workload, by policy."""
    names = list(replays)
    waits = [waits_by_share([one.wait_s for one in replays[name]]) for name in names]
    uses = [use_by_time(workload, replays[name]) for name in names]
    height = 2 * (_HEIGHT + _GAP) + 30
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH + _LEFT + 20} {height}" '
            'font-family="sans-serif" font-size="12" role="img">',
            f"<title>{escape(workload.name)}: waits and use of {workload.processors} processors"
            "</title>",
            '<rect width="100%" height="100%" fill="white"/>',
            *_legend(names),
            *_chart(50, "jobs that waited at most", waits, wait_marks()),
            *_chart(50 + _HEIGHT + _GAP, "processors in use", uses, [(0, "begin"), (1, "end")]),
            "</svg>\n",
        ]
    )


def draw_html(workload: Workload, replays: Mapping[str, Sequence[Ran]]) -> str:
    """Return a page with the same picture."""
    title = escape(workload.name)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"</head>\n<body><h1>{title}</h1>\n{draw_svg(workload, replays)}</body></html>\n"
    )


def _wait_place(wait_s: float) -> float:
    """Return where a wait is between the left and the right, from 0 to 1."""
    most = math.log(_WAITS_S[-1])
    return min(math.log(max(wait_s, 1.0)) / most, 1.0)


def wait_marks() -> list[tuple[float, str]]:
    """Return where on the axis of waits which is named."""
    return [(_wait_place(s), name) for s, name in zip(_WAITS_S, _WAIT_NAMES, strict=True)]


def waits_by_share(waits_s: list[float]) -> Points:
    """Return the share of jobs by wait, at so many points as can be seen."""
    ascending = sorted(waits_s)
    steps = range(_PARTS * 2 + 1)
    at = [round(step / steps[-1] * (len(ascending) - 1)) for step in steps]
    return [(_wait_place(ascending[one]), (one + 1) / len(ascending)) for one in at]


def use_by_time(workload: Workload, ran: Sequence[Ran]) -> Points:
    """Return the share of processors in use in each part of the time."""
    begin_s = min(one.start_s for one in ran)
    part_s = (max(one.start_s + one.job.run_s for one in ran) - begin_s) / _PARTS
    # Of each job the change of the used time, whose running sums give the use by part.
    slopes = [0.0] * (_PARTS + 2)
    for one in ran:
        for moment, sign in ((one.start_s, 1), (one.start_s + one.job.run_s, -1)):
            place = (moment - begin_s) / part_s
            part = min(int(place), _PARTS - 1)
            rest = part + 1 - place
            slopes[part] += sign * one.job.processors * rest
            slopes[part + 1] += sign * one.job.processors * (1 - rest)
    used = list(accumulate(slopes))[:_PARTS]
    return [((at + 0.5) / _PARTS, one / workload.processors) for at, one in enumerate(used)]


def _legend(names: Sequence[str]) -> list[str]:
    rows = []
    for at, name in enumerate(names):
        x, colour = _LEFT + at * 130, COLOURS[at % len(COLOURS)]
        rows.append(f'<rect x="{x}" y="12" width="14" height="6" fill="{colour}"/>')
        rows.append(f'<text x="{x + 20}" y="20">{escape(name)}</text>')
    return rows


def _chart(
    top: int, title: str, lines: Sequence[Points], marks: Sequence[tuple[float, str]]
) -> list[str]:
    rows = [f'<text x="{_LEFT}" y="{top - 8}" font-weight="bold">{title}</text>']
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = top + _HEIGHT * (1 - share)
        rows.append(f'<path d="M{_LEFT} {y:.1f}h{_WIDTH}" stroke="#ddd"/>')
        rows.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>')
    for place, name in marks:
        x = _LEFT + place * _WIDTH
        rows.append(
            f'<text x="{x:.1f}" y="{top + _HEIGHT + 18}" text-anchor="middle">{name}</text>'
        )
    for at, points in enumerate(lines):
        path = " ".join(
            f"{_LEFT + x * _WIDTH:.1f},{top + _HEIGHT * (1 - y):.1f}" for x, y in points
        )
        colour = COLOURS[at % len(COLOURS)]
        rows.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    return rows
