"""A copy of a scheduler shares nothing that changes, and refuses what it could not copy."""

from __future__ import annotations

from collections import deque

import pytest
from scheduler_lab import Lab, ask, job, machine

from jupyter_hpccontainers.model.resources import Resources
from jupyter_hpccontainers.scheduler import DEFAULT, CancelRequested, Exited, Held, Submitted
from jupyter_hpccontainers.scheduler.entry import Key, Shape
from jupyter_hpccontainers.scheduler.replica import replica


def test_two_copies_go_different_ways():
    lab = Lab(machine(cores=4), DEFAULT)
    lab.submit(*(job(n, ask(3), limit_s=60.0, user="a") for n in range(1, 5)))
    copy = replica(lab.scheduler)
    assert copy.handle(Exited(job_id=1, exit_code=0), 5.0)[0].job_id == 1
    copy.handle(Held(3), 6.0)
    copy.check(6.0)
    assert sorted(lab.scheduler.allocations()) == [1]
    assert list(lab.scheduler.waiting_all(0.0)) == [2, 3, 4]
    lab.scheduler.handle(Submitted(job(9)), 7.0)
    lab.scheduler.handle(CancelRequested(4), 7.0)
    lab.scheduler.check(7.0)
    assert sorted(copy.allocations()) == [2]
    assert list(copy.waiting_all(7.0)) == [4, 3]


class Node:
    """Refers to itself and to a method of its own."""

    def __init__(self) -> None:
        self.me = self
        self.call = self.name
        self.children: list[Node] = []

    def name(self) -> Node:
        return self


def test_what_refers_to_itself_does_so_in_the_copy():
    copy = replica(Node())
    assert copy.me is copy
    assert copy.call() is copy


def test_frozen_data_is_shared_and_containers_are_not():
    shape = Shape(Resources(2), 60.0)
    node = Node()
    whole = {"a": [shape], "b": deque([Key(1, 0.0, 1.0, 2)]), "c": {3}, "d": (node, 1), "e": node}
    copy = replica(whole)
    assert copy["a"][0] is shape
    assert copy["d"][0] is copy["e"] is not node
    assert all(copy[key] is not whole[key] for key in whole)
    assert (copy["a"], copy["b"], copy["c"]) == (whole["a"], whole["b"], whole["c"])


@pytest.mark.parametrize("made", [iter([1]), (n for n in "ab"), lambda: Node, object()])
def test_what_it_cannot_copy_is_refused(made):
    outer = [made]
    if callable(made):
        made = closure(outer)
    with pytest.raises(TypeError, match="can't be copied"):
        replica([made])


def closure(outer: list[object]) -> object:
    """Return a function that would go on to change the original."""
    return lambda: outer.append(1)
