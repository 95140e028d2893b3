"""What the views of one widget are still to be told, and how much they may be sent."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Protocol

from ...model.job import Job
from .ring import Ring
from .shown import shown_job

#: Sent at most before the page says that it has it. A page that was closed says nothing, and
#: Jupyter's server keeps for it what the kernel sends: it must not be without end.
WINDOW_BYTES = 2**20
#: Most bytes of one message (Jupyter's own limit is by rate: 1 MB/s).
MESSAGE_BYTES = 2**16


class Send(Protocol):
    """Sends a message to every view of a widget (``ipywidgets.Widget.send``)."""

    def __call__(self, content: Any, buffers: Any = None) -> None:
        """Send data and bytes; may be called in any thread."""


class Outbox:
    """Newest states by job, and how far each log was sent; states in between are not told."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._states: dict[int, Job] = {}
        self._sent_to: dict[int, int] = {}
        self._trouble: str | None = None
        self._unheard_bytes = 0
        self._views: set[str] = set()

    @property
    def viewed(self) -> bool:
        """Whether a page shows the widget, as far as pages say."""
        return bool(self._views)

    def hello(self, view: str) -> None:
        """A view was drawn: begin to send."""
        self._views.add(view)
        self._unheard_bytes = 0

    def heard(self) -> None:
        """The page has what was sent."""
        self._unheard_bytes = 0

    def bye(self, view: str) -> None:
        """A view is gone; with the last one nothing more is sent."""
        self._views.discard(view)

    def log_from(self, job_id: int, offset: int) -> None:
        """Send the log of a job from here on; a view passes over what it has."""
        self._sent_to[job_id] = offset

    def state(self, job: Job) -> None:
        """Tell the state of a job."""
        self._states[job.id] = job

    def trouble(self, text: str) -> None:
        """Tell what keeps the widget from following, or with nothing that it is over."""
        self._trouble = text

    def forget(self, job_id: int) -> None:
        """Tell no more of a job."""
        self._states.pop(job_id, None)
        self._sent_to.pop(job_id, None)

    def owes(self, rings: Mapping[int, Ring]) -> bool:
        """Whether there is something that may be sent now."""
        if not self._open():
            return False
        news = bool(self._states) or self._trouble is not None
        return news or any(rings[n].end > at for n, at in self._sent_to.items() if n in rings)

    def flush(self, rings: Mapping[int, Ring], budget_bytes: int) -> int:
        """Send one message with all that is new; return how many bytes of log that took."""
        if not self.owes(rings):
            return 0
        logs, buffers = self._take_logs(rings, min(budget_bytes, MESSAGE_BYTES))
        jobs = [shown_job(job) for job in self._states.values()]
        content = {"kind": "update", "at": time.time(), "jobs": jobs, "logs": logs}
        if self._trouble is not None:
            content["trouble"] = self._trouble
        self._states, self._trouble = {}, None
        sent = sum(map(len, buffers))
        if jobs or logs or "trouble" in content:
            self._unheard_bytes += sent + len(json.dumps(content))
            self._send(content, buffers)
        return sent

    def _open(self) -> bool:
        return self.viewed and self._unheard_bytes < WINDOW_BYTES

    def _take_logs(
        self, rings: Mapping[int, Ring], room_bytes: int
    ) -> tuple[list[dict[str, int]], list[bytes]]:
        logs, buffers = [], []
        for job_id, sent_to in self._sent_to.items():
            ring = rings.get(job_id)
            if ring is None or ring.end <= sent_to or room_bytes <= 0:
                continue
            offset, data = ring.read(sent_to, room_bytes)
            self._sent_to[job_id] = offset + len(data)
            room_bytes -= len(data)
            logs.append({"job": job_id, "offset": offset, "start": ring.start})
            buffers.append(data)
        return logs, buffers
