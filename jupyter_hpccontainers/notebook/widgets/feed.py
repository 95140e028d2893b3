"""Follows the jobs of one engine for all widgets of this process, in one thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from ...client.engine import EngineClient
from ...client.follow import Ended, Event, Follow, LogWritten, StateChanged
from ...model.errors import HpccError, NotFound
from ...model.job import Job
from .outbox import MESSAGE_BYTES, Outbox
from .ring import Ring

#: Time between two messages to a widget: ten a second.
_TICK_S = 0.1
#: Read at most in that time, so that a flood of log lines leaves the kernel its interpreter.
_MOST_READ_BYTES = 2**22
#: What is kept of an ended job's log, and fetched of one that was written before.
KEPT_BYTES = 2**18
_PAUSE_AFTER_TROUBLE_S = 2.0


class Viewer(Protocol):
    """A widget as the feed sees it."""

    outbox: Outbox

    def changed(self, job: Job) -> None:
        """Take the record of a job after a change (called in the feed's thread)."""

    def ended(self, job: Job, tail: bytes) -> None:
        """Take the last record of a job and the end of its log (in the feed's thread)."""

    def queue_changed(self) -> None:
        """Know that some job changed, of whatever door (in the feed's thread)."""


@dataclass
class _Watched:
    """One job, whoever looks at it."""

    job: Job
    ring: Ring
    ended: bool = False
    viewers: list[Viewer] = field(default_factory=list)


class Feed:
    """Asks the engine once for each job, however many widgets show it."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._watched: dict[int, _Watched] = {}
        self._all: list[Viewer] = []
        self._told_of_changes: list[Viewer] = []
        self._thread: threading.Thread | None = None
        self._jobs_follow: Follow | None = None
        self._all_follow: Follow | None = None
        self._other_jobs = False
        self._troubled = False

    def watch(self, viewer: Viewer, job: Job) -> None:
        """Show a job, from the last part of its log on."""
        with self._lock:
            watched = self._watched.get(job.id)
            if watched is None:
                start = max(0, job.log_bytes - KEPT_BYTES)
                watched = self._watched[job.id] = _Watched(job, Ring(start))
                self._other_jobs = True
            watched.viewers.append(viewer)
            viewer.outbox.state(watched.job)
            viewer.outbox.log_from(job.id, 0)
            self._awake()

    def watch_all(self, viewer: Viewer) -> None:
        """Show the states of all jobs."""
        with self._lock:
            self._all.append(viewer)
            self._awake()

    def watch_queue(self, viewer: Viewer) -> None:
        """Tell that some job changed, and not which, while a page shows the viewer."""
        with self._lock:
            if viewer not in self._told_of_changes:
                self._told_of_changes.append(viewer)
            self._awake()

    def leave(self, viewer: Viewer, job_id: int | None = None) -> None:
        """Show this job no longer, or nothing at all."""
        with self._lock:
            for number, watched in list(self._watched.items()):
                if job_id in {None, number} and viewer in watched.viewers:
                    watched.viewers.remove(viewer)
                    viewer.outbox.forget(number)
                    if not watched.viewers:
                        del self._watched[number]
                        self._other_jobs = True
            if job_id is None:
                self._all = [v for v in self._all if v is not viewer]
                self._leave_queue(viewer)

    def tell(self, viewer: Viewer, jobs: Iterable[Job]) -> None:
        """Send the states of these jobs too."""
        with self._lock:
            for job in jobs:
                viewer.outbox.state(job)
            self._awake()

    def hello(self, viewer: Viewer, view: str, offsets: Mapping[int, int]) -> None:
        """Send a view that was drawn all it needs: it has the logs up to these offsets."""
        with self._lock:
            viewer.outbox.hello(view)
            for number, watched in self._watched.items():
                if viewer in watched.viewers:
                    viewer.outbox.state(watched.job)
                    viewer.outbox.log_from(number, offsets.get(number, 0))
            self._awake()

    def rewind(self, viewer: Viewer, job_id: int, offset: int) -> None:
        """Send a log again from here."""
        with self._lock:
            viewer.outbox.heard()
            watched = self._watched.get(job_id)
            if watched and viewer in watched.viewers:
                viewer.outbox.log_from(job_id, offset)
            self._awake()

    def heard(self, viewer: Viewer) -> None:
        """The page has what was sent to it."""
        with self._lock:
            viewer.outbox.heard()
            self._awake()

    def bye(self, viewer: Viewer, view: str) -> None:
        """A view is gone from its page."""
        with self._lock:
            viewer.outbox.bye(view)
            if not viewer.outbox.viewed:
                self._leave_queue(viewer)

    def tail(self, job_id: int, limit: int) -> bytes:
        """Return the end of a watched log, as far as it was read."""
        with self._lock:
            watched = self._watched.get(job_id)
            return watched.ring.tail(limit) if watched else b""

    def _leave_queue(self, viewer: Viewer) -> None:
        self._told_of_changes = [v for v in self._told_of_changes if v is not viewer]

    def _awake(self) -> None:
        # Under the lock, as is the thread's last look at whether it is needed.
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="hpcc-feed", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while self._needed():
            due, left_bytes = time.monotonic() + _TICK_S, _MOST_READ_BYTES
            while (left_s := due - time.monotonic()) > 0:
                if left_bytes > 0 and (follows := self._follows()):
                    left_bytes -= self._listen(follows, left_s)
                else:
                    time.sleep(left_s)
            self._flush()

    def _needed(self) -> bool:
        with self._lock:
            rings = self._rings()
            owed = any(viewer.outbox.owes(rings) for viewer in self._viewers())
            follows = self._follows_all or any(not w.ended for w in self._watched.values())
            if owed or follows:
                return True
            self._let_go()
            self._thread = None
            return False

    @property
    def _follows_all(self) -> bool:
        return bool(self._all or self._told_of_changes)

    def _follows(self) -> list[Follow]:
        """Return the streams: one for the jobs watched, one for the states of all jobs."""
        with self._lock:
            if self._other_jobs:
                self._other_jobs = False
                offsets = {n: w.ring.end for n, w in self._watched.items() if not w.ended}
                _close(self._jobs_follow)
                self._jobs_follow = self._client.follow(offsets) if offsets else None
            if self._follows_all != bool(self._all_follow):
                _close(self._all_follow)
                self._all_follow = self._client.follow(None) if self._follows_all else None
            if self._jobs_follow is not None and self._jobs_follow.finished:
                _close(self._jobs_follow)
                self._jobs_follow = None
            return [f for f in (self._jobs_follow, self._all_follow) if f is not None]

    def _listen(self, follows: list[Follow], timeout_s: float) -> int:
        """Take what comes within that time; return how many bytes of logs that were."""
        read = 0
        for follow in follows:
            try:
                events = follow.poll(timeout_s / len(follows))
            except HpccError as error:
                self._trouble(error)
                return 0
            with self._lock:
                ended = [watched for event in events if (watched := self._take(event, follow))]
                if events and self._troubled:
                    self._say("")
            read += sum(len(event.data) for event in events if isinstance(event, LogWritten))
            for watched in ended:
                for viewer in list(watched.viewers):
                    viewer.ended(watched.job, watched.ring.tail(KEPT_BYTES))
        return read

    def _take(self, event: Event, follow: Follow) -> _Watched | None:
        """Note an event; return a job that ended with it."""
        match event:
            case StateChanged(job) if follow is self._all_follow:
                for viewer in self._all:
                    viewer.changed(job)
                    viewer.outbox.state(job)
                for viewer in self._told_of_changes:
                    viewer.queue_changed()
            case StateChanged(job) if job.id in self._watched:
                watched = self._watched[job.id]
                watched.job = job
                for viewer in watched.viewers:
                    viewer.changed(job)
                    viewer.outbox.state(job)
            case LogWritten(job_id, _, _, data) if job_id in self._watched:
                self._watched[job_id].ring.append(data)
            case Ended(job_id) if job_id in self._watched:
                self._watched[job_id].ended = True
                return self._watched[job_id]
        return None

    def _flush(self) -> None:
        with self._lock:
            budget, rings = MESSAGE_BYTES, self._rings()
            viewers = self._viewers()
            # Whoever came last in this turn comes first in the next.
            turn = int(time.monotonic() / _TICK_S) % max(len(viewers), 1)
            for viewer in viewers[turn:] + viewers[:turn]:
                budget -= viewer.outbox.flush(rings, budget)
            self._shrink()

    def _shrink(self) -> None:
        """Keep less of the log of an ended job, once everybody who looks has been sent it."""
        for number, watched in self._watched.items():
            owed = any(v.outbox.owes({number: watched.ring}) for v in watched.viewers)
            if watched.ended and not owed:
                watched.ring.shrink(KEPT_BYTES)

    def _trouble(self, error: HpccError) -> None:
        with self._lock:
            self._say(str(error))
            self._let_go()
        self._flush()
        if isinstance(error, NotFound):
            self._drop_unknown()
        time.sleep(_PAUSE_AFTER_TROUBLE_S)

    def _drop_unknown(self) -> None:
        """Stop to follow jobs the engine keeps no longer: it refuses all because of one."""
        for number, watched in list(self._watched.items()):
            try:
                self._client.job(number)
            except NotFound:
                watched.ended = True
            except HpccError:
                return

    def _say(self, text: str) -> None:
        self._troubled = bool(text)
        for viewer in self._viewers():
            viewer.outbox.trouble(text)

    def _let_go(self) -> None:
        _close(self._jobs_follow)
        _close(self._all_follow)
        self._jobs_follow = self._all_follow = None
        self._other_jobs = True

    def _rings(self) -> dict[int, Ring]:
        return {number: watched.ring for number, watched in self._watched.items()}

    def _viewers(self) -> list[Viewer]:
        viewers = [*self._all, *(v for v in self._told_of_changes if v not in self._all)]
        for watched in self._watched.values():
            viewers += [v for v in watched.viewers if v not in viewers]
        return viewers


def _close(follow: Follow | None) -> None:
    if follow is not None:
        follow.close()


@cache
def feed_of(client: EngineClient) -> Feed:
    """Return this process's feed of an engine."""
    return Feed(client)
