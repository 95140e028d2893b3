"""Who waits for whose end, and what each end means for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..model.dependencies import DependencyKind
from ..model.states import Reason, ReasonCode, Result
from .entry import Entry
from .events import Edge
from .result import Verdict


class Judged(NamedTuple):
    """A job all of whose dependencies are met, or one that can never run for this verdict."""

    job_id: int
    never: Verdict | None = None


class Dependencies:
    """The edges of jobs that wait for others; what is judged is carried out by whoever takes it.

    An edge is open until its parent is DONE. A parent nobody has heard of is one that is to come:
    whoever submits looks before.
    """

    def __init__(self) -> None:
        self._children: dict[int, dict[int, Entry]] = {}
        self._judged: dict[int, Judged] = {}

    def add(self, entry: Entry, result_of: Callable[[int], Result | None]) -> None:
        """Take in a job that waits; its parents that are DONE are judged at once.

        ``result_of`` tells how a job ended that the scheduler has known.
        """
        job = entry.job
        if not job.dependencies:
            entry.unmet = ()
            return
        entry.unmet = job.dependencies
        for edge in job.dependencies:
            result = edge.result or result_of(edge.parent)
            if result is not None:
                self._judge(entry, edge.parent, result)
            else:
                self._children.setdefault(edge.parent, {})[job.job_id] = entry

    def is_hopeless(self, job_id: int) -> bool:
        """Whether it is judged never to run."""
        return job_id in self._judged and self._judged[job_id].never is not None

    def awaited(self, numbers: range) -> list[int]:
        """Return those of these jobs somebody waits for."""
        return [number for number in self._children if number in numbers]

    def ended(self, job_id: int, result: Result) -> None:
        """Judge the children of a job that is DONE."""
        if job_id in self._children:
            for entry in self._children.pop(job_id).values():
                self._judge(entry, job_id, result)

    def forget(self, entry: Entry) -> None:
        """The job is DONE and waits for nobody."""
        job_id = entry.job.job_id
        self._judged.pop(job_id, None)
        for edge in entry.unmet:
            siblings = self._children.get(edge.parent, {})
            siblings.pop(job_id, None)
            if not siblings:
                self._children.pop(edge.parent, None)
        entry.unmet = ()

    def take(self) -> list[Judged]:
        """Return who was judged since the last call."""
        if not self._judged:
            return []
        judged, self._judged = list(self._judged.values()), {}
        return judged

    def _judge(self, entry: Entry, parent: int, result: Result) -> None:
        job_id = entry.job.job_id
        broken = [edge for edge in entry.unmet if edge.parent == parent and not _met(edge, result)]
        if self.is_hopeless(job_id):
            return
        if broken:
            self._judged[job_id] = Judged(job_id, _skipped(broken[0], result))
            return
        entry.unmet = tuple(edge for edge in entry.unmet if edge.parent != parent)
        if not entry.unmet:
            self._judged[job_id] = Judged(job_id)


def _met(edge: Edge, result: Result) -> bool:
    if edge.on.kind is DependencyKind.AFTEROK:
        return result is Result.COMPLETED
    return edge.on.kind is not DependencyKind.AFTERNOTOK or result is not Result.COMPLETED


def _skipped(edge: Edge, result: Result) -> Verdict:
    details = {**edge.told, "result": result.value}
    return Verdict(Result.SKIPPED, Reason(ReasonCode.DEPENDENCY_NEVER_SATISFIED, details))
