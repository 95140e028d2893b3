"""Pictures of replays are well-formed and show what was measured."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from swf_lab import logged, workload

from jupyter_hpccontainers.simulation.drawing import draw_html, draw_svg
from jupyter_hpccontainers.simulation.replay import Ran

#: All four processors for the first half of the time, one of them for the second.
HALF_USED = [
    Ran(logged(1, 0, 100, size=3), 0.0),
    Ran(logged(2, 0, 200, size=1), 0.0),
]
SVG = "{http://www.w3.org/2000/svg}"
SMALL = workload(*(ran.job for ran in HALF_USED))


def lines(drawn: str) -> list[list[tuple[float, float]]]:
    """Return the points of each line."""
    return [
        [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        for line in ElementTree.fromstring(drawn).iter(f"{SVG}polyline")
    ]


def test_each_policy_is_a_line_of_its_own_colour_in_both_charts():
    drawn = draw_svg(SMALL, {"easy": HALF_USED, "a<b": HALF_USED})
    assert len(lines(drawn)) == 4
    colours = [
        line.attrib["stroke"] for line in ElementTree.fromstring(drawn).iter(f"{SVG}polyline")
    ]
    assert colours[:2] == colours[2:]
    assert colours[0] != colours[1]
    assert "a&lt;b" in drawn


def test_use_over_time_is_that_of_the_jobs():
    use = lines(draw_svg(SMALL, {"easy": HALF_USED}))[1]
    full, quarter = use[10][1], use[-10][1]
    empty = quarter + (quarter - full) / 3
    assert use[50][1] == pytest.approx(full)
    assert use[70][1] == pytest.approx(quarter)
    assert full < quarter < empty


def test_a_page_holds_the_picture():
    page = draw_html(SMALL, {"easy": HALF_USED})
    assert page.startswith("<!DOCTYPE html>")
    assert draw_svg(SMALL, {"easy": HALF_USED}) in page
