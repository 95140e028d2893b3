"""How the jobs stand that others wait for; a task of an array need not have begun."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from ..model.dependencies import Parent
from ..model.job import Job
from ..model.states import Result
from .database import Store


class KnownParent(NamedTuple):
    """The number of a job that is waited for, and how it ended; None while it has not."""

    number: int
    result: Result | None = None


def known_parents(store: Store, asked: Iterable[Parent]) -> dict[Parent, KnownParent]:
    """Return how these stand; those that are not known are left out."""
    known = cache(store.known)
    found = {}
    for parent in asked:
        if parent.index is None:
            told = _of_number(store, parent.job)
        else:
            told = _of_task(store, known(parent.job), parent.index)
        if told is not None:
            found[parent] = told
    return found


def _of_task(store: Store, array: Job | None, index: int) -> KnownParent | None:
    number = array.task_number(index) if array else None
    return None if number is None else _of_number(store, number, array)


def _of_number(store: Store, number: int, array: Job | None = None) -> KnownParent | None:
    told = store.results([number])
    if number in told:
        return KnownParent(number, told[number])
    array = array or store.array_of(number)
    if array is None:
        return None
    # A task without a row has not begun; where its array is DONE it never will.
    return KnownParent(number, array.result if array.done else None)
