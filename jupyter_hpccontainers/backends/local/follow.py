"""Frames for whoever follows jobs: states as they change, log bytes as they are written."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ...machine.watch import Change
from ...model.job import Job
from ..feed import Feed, Subscription
from ..frames import Beat, EndFrame, Frame, LogFrame, StateFrame
from .folders import Folders
from .watching import Watching

#: Silence after which a beat tells the reader that the engine lives.
_BEAT_S = 10.0
#: Bytes per turn of one job, so that one flood does not starve the other jobs of a stream.
_TURN_BYTES = 256 * 1024


async def follow_states(feed: Feed, current: list[Job]) -> AsyncGenerator[Frame, None]:
    """Yield the states of all jobs, present and future, without end."""
    subscription = feed.subscribe(None)
    try:
        for job in current:
            yield StateFrame(job)
        while True:
            for job in subscription.take():
                yield StateFrame(job)
            if not await subscription.wait(_BEAT_S):
                yield Beat()
    finally:
        feed.cancel(subscription)


@dataclass
class _Reader:
    """How far one job was told."""

    job: Job
    offset: int
    watched: Path | None = None
    ended: bool = False


class JobStream:
    """Follows a set of jobs until each is DONE and its log was read to the end.

    Subscribe first, then read the rows: a change between the two is told twice, never missed.
    """

    def __init__(self, feed: Feed, watching: Watching, folders: Folders, logs: bool) -> None:
        self._feed = feed
        self._watching = watching
        self._folders = folders
        self._logs = logs
        self._readers: dict[int, _Reader] = {}
        self._watches = ExitStack()

    async def frames(
        self, subscription: Subscription, jobs: list[Job], offsets: Mapping[int, int]
    ) -> AsyncGenerator[Frame, None]:
        """Yield the frames of these jobs, whose rows were read after subscribing."""
        try:
            self._readers = {job.id: _Reader(job, offsets[job.id]) for job in jobs}
            for job in jobs:
                if not job.done:
                    yield StateFrame(job)
            while True:
                more = False
                for frame in self._turn(subscription):
                    more = more or isinstance(frame, LogFrame)
                    yield frame
                if all(reader.ended for reader in self._readers.values()):
                    return
                if not more and not await subscription.wait(_BEAT_S):
                    yield Beat()
        finally:
            self._feed.cancel(subscription)
            self._watches.close()

    def _turn(self, subscription: Subscription) -> Iterator[Frame]:
        for job in subscription.take():
            self._readers[job.id].job = job
            # DONE is told after the last byte, so that a reader may stop at it.
            if not job.done:
                yield StateFrame(job)
        for reader in self._readers.values():
            if not reader.ended:
                yield from self._advance(reader, subscription)

    def _advance(self, reader: _Reader, subscription: Subscription) -> Iterator[Frame]:
        # Read before the look at the file: what is DONE by then has written its last byte.
        done, told = reader.job.done, reader.offset
        if self._logs:
            self._watch(reader, self._folders.attempt(reader.job).folder, subscription)
            log = self._folders.log(reader.job)
            for part in log.segments(reader.offset, reader.offset + _TURN_BYTES):
                data = log.read(part.start, part.end - part.start)
                reader.offset = part.start + len(data)
                yield LogFrame(reader.job.id, part.start, part.stream, data)
        if done and reader.offset == told:
            reader.ended = True
            yield StateFrame(reader.job)
            yield EndFrame(reader.job.id)

    def _watch(self, reader: _Reader, folder: Path, subscription: Subscription) -> None:
        if reader.job.done or reader.watched == folder or not folder.is_dir():
            return

        def grown(change: Change) -> None:
            if change & (Change.OUTPUT | Change.MISSED):
                subscription.wake()

        reader.watched = folder
        self._watches.callback(self._watching.add(folder, grown))
