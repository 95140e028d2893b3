"""One pass of the backfill against a plain one that tries every moment for every job."""

from __future__ import annotations

import math
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from scheduler_world import Amounts, amounts, fits, less

from jupyter_hpccontainers.model.resources import Resources
from jupyter_hpccontainers.scheduler.backfill import choose
from jupyter_hpccontainers.scheduler.entry import Kind, Shape, Spot
from jupyter_hpccontainers.scheduler.holdings import Release
from jupyter_hpccontainers.scheduler.lines import Lines

NOW = 100.0


class Waits(NamedTuple):
    """A job that waits: its place is its number."""

    number: int
    asked: Amounts
    span_s: float


class Holds(NamedTuple):
    """Something that is given back at a time."""

    at: float
    held: Amounts


def start_of(head: Waits, free: Amounts, holders: list[Holds]) -> float:
    """Return the first moment at which the head fits, trying each at which something is back."""
    for moment in sorted({NOW, *(max(one.at, NOW) for one in holders)}):
        back = free
        for one in holders:
            if one.at <= moment:
                back = less(back, tuple(-n for n in one.held))
        if fits(head.asked, back):
            return moment
    return math.inf


def plain_pass(waiting: list[Waits], free: Amounts, holders: list[Holds]) -> list[int]:
    """Return who starts: each that fits, but for those that would make the head start later."""
    started, head = [], None
    for one in waiting:
        after = less(free, one.asked)
        with_it = [*holders, Holds(NOW + one.span_s, one.asked)]
        if not fits(one.asked, free):
            head = head or one
        elif head is None or start_of(head, after, with_it) <= start_of(head, free, holders):
            started.append(one.number)
            free, holders = after, with_it
    return started


def real_pass(
    waiting: list[Waits], free: Amounts, holders: list[Holds], shapes_backwards: bool = False
) -> list[int]:
    """Return who starts by the scheduler's own pass."""
    lines = Lines()
    for one in waiting:
        shape = Shape(Resources(*one.asked), one.span_s)
        lines.add(Spot(1, shape, Kind()), 0.0, (0.0, one.number))
    lines.check()
    listed = [*reversed([*lines.blocks()])] if shapes_backwards else [*lines.blocks()]
    ordered = sorted(holders, key=lambda one: one.at)
    releases = [Release(one.at, n, n, Resources(*one.held)) for n, one in enumerate(ordered)]
    chosen = choose(listed, Resources(*free), lambda: releases, NOW)
    return [key.job_id for key in chosen]


def whole(free: Amounts, holders: list[Holds]) -> Amounts:
    """Return the machine: what is free and what is held."""
    every = [free, *(one.held for one in holders)]
    return amounts(Resources(*(sum(column) for column in zip(*every, strict=True))))


FEW = st.tuples(st.integers(1, 4), st.integers(0, 4), st.sampled_from([0, 0, 0, 1, 2]))
FREE = st.tuples(st.integers(1, 4), st.integers(0, 6), st.integers(0, 2))
SPANS = st.sampled_from([10.0, 11.0, 20.0, 21.0, 40.0, 80.0])
ENDS = st.sampled_from([NOW + s for s in (-5.0, 0.0, 10.0, 11.0, 20.0, 30.0, 40.0, 60.0)])
UNKNOWN = st.just(math.inf)


@st.composite
def situations(draw, spans, ends) -> tuple[list[Waits], Amounts, list[Holds]]:
    """Return a queue, each job cut to what the machine has, what is free, and who holds what."""
    free = draw(FREE)
    holders = draw(st.lists(st.builds(Holds, ends, FEW), max_size=5))
    most = whole(free, holders)
    asked = draw(st.lists(st.tuples(FEW, spans), min_size=2, max_size=8))
    cut = [(tuple(map(min, one, most)), span_s) for one, span_s in asked]
    return [Waits(n, *one) for n, one in enumerate(cut)], free, holders


@settings(max_examples=400, deadline=None)
@given(situations(SPANS, ENDS))
def test_starts_exactly_whom_the_plain_pass_starts(situation):
    assert real_pass(*situation) == plain_pass(*situation)


@settings(max_examples=200, deadline=None)
@given(situations(SPANS | UNKNOWN, ENDS | UNKNOWN))
def test_does_not_depend_on_how_the_shapes_are_listed(situation):
    assert real_pass(*situation) == real_pass(*situation, shapes_backwards=True)


@settings(max_examples=400, deadline=None)
@given(situations(SPANS | UNKNOWN, ENDS | UNKNOWN))
def test_the_head_never_has_to_wait_for_an_unlimited_job_that_went_past_it(situation):
    waiting, free, holders = situation
    started = real_pass(*situation)
    room, head = whole(free, holders), None
    for one in waiting:
        if one.number not in started:
            head = head or one
            continue
        free = less(free, one.asked)
        if head is not None and one.span_s == math.inf:
            room = less(room, one.asked)
    assert min(free) >= 0
    if head is not None:
        assert not fits(head.asked, free)
        assert fits(head.asked, room)
