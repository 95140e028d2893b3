"""The list of jobs as a widget, newest first, live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...client import tables
from ...client.engine import EngineClient
from ...model.job import Job
from .engine_widget import EngineWidget

#: Jobs a list shows at most.
_MOST = 200


class QueueView(EngineWidget):
    """Lists jobs of every door as they wait, run and end, with a button that stops each."""

    _module = "queue_view"

    def __init__(self, *, engine: EngineClient | None = None) -> None:
        super().__init__(engine)
        self._known: dict[int, Job] = {}
        self._watches = False

    def changed(self, job: Job) -> None:
        """Note the record, and forget the oldest of too many."""
        self._known[job.id] = job
        while len(self._known) > _MOST:
            del self._known[min(self._known)]

    def _hello(self, asked: Mapping[str, Any]) -> None:
        super()._hello(asked)
        newest = self._client().jobs(limit=_MOST)
        for job in newest:
            self._known[job.id] = job
        self._feed().tell(self, newest)
        if not self._watches:
            self._watches = True
            self._feed().watch_all(self)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        known = sorted(self._known.copy().values(), key=lambda job: -job.id)
        return self._bundle({"text/plain": tables.jobs_table(known)})
