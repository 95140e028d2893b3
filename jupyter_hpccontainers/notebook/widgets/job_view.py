"""A job as a widget: how it stands, its log as it is written, and a button that stops it."""

from __future__ import annotations

import threading
import uuid
from typing import Any

from IPython.display import publish_display_data

from ...client.engine import EngineClient
from ...model.errors import HpccError
from ...model.job import Job as Record
from .. import card
from ..connection import connect
from ..python import Job
from ..tail import TAIL_BYTES, Tail
from .engine_widget import EngineWidget


class JobView(EngineWidget):
    """Shows a job until it ended; then the output becomes its record.

    The record is the job's card with the end of its log as text: a saved notebook has it when
    the kernel and its widgets are gone.
    """

    _module = "job_view"

    def __init__(self, job: Job | int, *, engine: EngineClient | None = None) -> None:
        """Take a job or its number; raises HpccError where the engine knows no such job."""
        if isinstance(job, Job):
            client, record = engine or job._client, job.record
        else:
            client = engine or connect()
            record = client.job(job)
        super().__init__(client)
        self._record = record
        self._turn = threading.Lock()
        self._display_ids: list[str] = []
        self._final: dict[str, Any] | None = None
        self._feed().watch(self, record)

    @property
    def job(self) -> Job:
        """The job, to use in code."""
        return Job(self._record, self._client())

    def changed(self, job: Record) -> None:
        """Take the record."""
        self._record = job

    def ended(self, job: Record, tail: bytes) -> None:
        """Put the record into every output that shows the job."""
        final = card.bundle(job, _text(tail))
        with self._turn:
            self._record, self._final = job, final
            shown, self._display_ids = self._display_ids, []
        for display_id in shown:
            publish_display_data(final, transient={"display_id": display_id}, update=True)  # type: ignore[no-untyped-call]

    def _ipython_display_(self) -> None:
        display_id = uuid.uuid4().hex
        with self._turn:
            bundle = self._final or self._repr_mimebundle_()[0]
            if self._final is None:
                self._display_ids.append(display_id)
            publish_display_data(bundle, transient={"display_id": display_id})  # type: ignore[no-untyped-call]

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._bundle(card.bundle(self._record, self._tail()))

    def _tail(self) -> str:
        try:
            return _text(self._client().log(self._record.id, offset=-TAIL_BYTES).data)
        except HpccError:
            return ""

    def _cancel(self, asked: Any) -> None:
        super()._cancel({"job": self._record.id})


def _text(data: bytes) -> str:
    tail = Tail()
    tail.add(data)
    return tail.text()
