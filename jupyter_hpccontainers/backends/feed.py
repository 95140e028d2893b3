"""Who wants to know of which jobs: states and log growth, handed out without polling."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from ..model.job import Job

#: States kept for a reader that does not read; older ones are dropped, the newest never.
_MAX_PENDING = 10_000


class Subscription:
    """The changes one reader has not yet seen; ``None`` as ids means every job."""

    def __init__(self, ids: frozenset[int] | None) -> None:
        self.ids = ids
        self._changed = asyncio.Event()
        self._jobs: deque[Job] = deque(maxlen=_MAX_PENDING)

    def offer(self, job: Job) -> None:
        """Remember a change of a job this reader asked for."""
        if self.ids is None or job.id in self.ids:
            self._jobs.append(job)
            self._changed.set()

    def wake(self) -> None:
        """Say that a log may have grown."""
        self._changed.set()

    def take(self) -> list[Job]:
        """Return the changes so far, oldest first, and forget them."""
        taken = list(self._jobs)
        self._jobs.clear()
        return taken

    async def wait(self, timeout_s: float) -> bool:
        """Wait for the next change; False when none came in time."""
        try:
            await asyncio.wait_for(self._changed.wait(), timeout_s)
        except TimeoutError:
            return False
        self._changed.clear()
        return True


class Feed:
    """All subscriptions of one engine."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()

    def subscribe(self, ids: Iterable[int] | None) -> Subscription:
        """Return a new subscription to these jobs, or to all."""
        subscription = Subscription(None if ids is None else frozenset(ids))
        self._subscriptions.add(subscription)
        return subscription

    def cancel(self, subscription: Subscription) -> None:
        """End a subscription."""
        self._subscriptions.discard(subscription)

    def publish(self, jobs: Iterable[Job]) -> None:
        """Hand changes to everyone who asked for them."""
        for job in jobs:
            for subscription in self._subscriptions:
                subscription.offer(job)

    def __len__(self) -> int:
        return len(self._subscriptions)
