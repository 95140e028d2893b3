"""The queue of plain EASY against a plain list."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from scheduler_lab import ask

from jupyter_hpccontainers.scheduler.arrivals import Arrivals
from jupyter_hpccontainers.scheduler.entry import Shape

JOBS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 2), st.sampled_from([5.0, 9.0])))


def in_order(arrivals: Arrivals) -> list[int]:
    """Return everyone as a pass sees them: by the keys of their lines."""
    lines = [line for block in arrivals.blocks() for line in block.lines.values()]
    return [key.job_id for key in sorted(key for line in lines for key in line.keys(0.0))]


def check(arrivals: Arrivals) -> None:
    """Fail when a front is not the first of its own, or something empty is kept."""
    for block in arrivals.blocks():
        fronts = [line.front() for line in block.lines.values()]
        assert block.front(0.0) == min(fronts)
        for line in block.lines.values():
            assert line.front() == next(line.keys(0.0))
            assert line.shape.resources == block.resources
            assert len(line) == len([*line.keys(0.0)]) > 0


@settings(max_examples=100, deadline=None)
@given(JOBS, st.randoms(use_true_random=False))
def test_everyone_stands_by_submission_and_number(jobs, chance):
    arrivals, plain = Arrivals(), {}
    for number, (at, cores, span_s) in enumerate(jobs):
        arrivals.add((float(at), number), Shape(ask(cores), span_s))
        plain[number] = at, Shape(ask(cores), span_s)
        if chance.random() < 0.4:
            gone = chance.choice([*plain])
            assert arrivals.remove(gone) == plain.pop(gone)[1]
        check(arrivals)
        assert in_order(arrivals) == sorted(plain, key=lambda one: (plain[one][0], one))
        assert all((one in arrivals) == (one in plain) for one in range(len(jobs)))
