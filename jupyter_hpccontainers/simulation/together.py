"""Several workloads compared at once: each in a process of its own, as far as cores go."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing.queues import SimpleQueue
from typing import TypeAlias

from .comparison import Compared, Progress, Shaking, compare
from .workload import Workload

#: How often what the processes tell is passed on.
_LISTEN_EVERY_S = 0.1
_Told: TypeAlias = tuple[str, int, int, float]


def compare_all(
    workloads: Sequence[Workload],
    names: Sequence[str],
    shaking: Shaking,
    progress: Progress,
    cores: int | None = None,
) -> list[list[Compared]]:
    """Return what ``compare`` does for each workload; of several none keeps its ``first`` jobs.

    ``cores``: how many may be used at once; None for all this process has. Raises as ``compare``.
    """
    processes = min(len(workloads), cores or len(os.sched_getaffinity(0)))
    if processes > 1:
        try:
            return _compare_apart(workloads, names, shaking, progress, processes)
        except BrokenProcessPool:
            # One was killed, most likely for memory: one after another they need less.
            pass
    return [compare(workload, names, shaking, progress) for workload in workloads]


def _compare_apart(
    workloads: Sequence[Workload],
    names: Sequence[str],
    shaking: Shaking,
    progress: Progress,
    processes: int,
) -> list[list[Compared]]:
    told: SimpleQueue[_Told] = multiprocessing.SimpleQueue()
    # The longest first, so that none is left over at the end.
    longest_first = sorted(range(len(workloads)), key=lambda at: -len(workloads[at].jobs))
    with ProcessPoolExecutor(processes, initializer=_tell_by, initargs=(told,)) as pool:
        futures: dict[int, Future[list[Compared]]] = {
            at: pool.submit(_compare_one, workloads[at], names, shaking) for at in longest_first
        }
        open_ = set(futures.values())
        while open_:
            _, open_ = wait(open_, timeout=_LISTEN_EVERY_S)
            while not told.empty():
                progress(*told.get())
    return [futures[at].result() for at in range(len(workloads))]


#: In a process that replays: where it tells how far it is.
_told: list[SimpleQueue[_Told]] = []


def _tell_by(told: SimpleQueue[_Told]) -> None:
    _told.append(told)


def _compare_one(workload: Workload, names: Sequence[str], shaking: Shaking) -> list[Compared]:
    def tell(policy: str, number: int, of: int, share: float) -> None:
        _told[0].put((f"{workload.name} {policy}", number, of, share))

    compared = compare(workload, names, shaking, tell)
    # A quarter of a million jobs take longer to send than they are worth.
    return [replace(one, first=()) for one in compared]
