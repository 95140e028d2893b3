"""The one way in: events to the scheduler, its records to the store, its actions to the world."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ...model.errors import HpccError
from ...model.job import Job
from ...model.states import State
from ...scheduler.actions import (
    Action,
    FetchImage,
    Kill,
    Record,
    Refused,
    Resume,
    Signal,
    Start,
    Stop,
    Suspend,
    WakeAt,
)
from ...scheduler.core import Scheduler
from ...scheduler.events import Event, Slept, Ticked
from ...store.records import JobChange
from .clock import Clock


class Effects(Protocol):
    """What carries out the scheduler's actions; each effect comes back as an event."""

    def start(self, action: Start) -> None:
        """Start an attempt."""

    def stop(self, job_id: int, grace_s: float) -> None:
        """TERM, grace, KILL."""

    def kill(self, job_id: int) -> None:
        """KILL now."""

    def signal(self, job_id: int) -> None:
        """Give it the signal it asked for, if this attempt was not given it before."""

    def suspend(self, job_id: int) -> None:
        """Let nothing of it run."""

    def resume(self, job_id: int) -> None:
        """Let it run on."""

    def fetch(self, job_id: int) -> None:
        """Bring the image here."""


class _Letter(NamedTuple):
    """An event, who waits for its answer, and what is recorded with it."""

    event: Event
    done: asyncio.Future[None] | None = None
    change: JobChange | None = None
    told: Job | None = None


class Inbox:
    """Events in order of arrival; those that wait together are decided together.

    Rule: what the scheduler decided is on disk before any of it is done.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        clock: Clock,
        record: Callable[[Sequence[JobChange], float], Awaitable[list[Job]]],
        effects: Effects,
        publish: Callable[[list[Job]], None],
        turn: asyncio.Lock,
    ) -> None:
        self._scheduler = scheduler
        self._clock = clock
        self._record = record
        self._effects = effects
        self._publish = publish
        self._turn = turn
        self._queue: asyncio.Queue[_Letter] = asyncio.Queue()
        self._alarm: asyncio.TimerHandle | None = None
        self._first: list[Action] = []

    def begin(self, actions: list[Action]) -> None:
        """Take what a restored scheduler wants done before the first event."""
        self._first = actions

    def put(self, event: Event, told: Job | None = None) -> None:
        """Hand in an event nobody waits for; ``told`` is published before it is decided about."""
        self._queue.put_nowait(_Letter(event, told=told))

    async def post(self, event: Event, change: JobChange | None = None) -> None:
        """Hand in an event and wait until it is recorded; raises what the scheduler refuses.

        ``change`` is recorded with it, in one transaction, unless it is refused.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Letter(event, done, change))
        await done

    async def run(self) -> None:
        """Decide until cancelled."""
        await self._settle(self._first)
        while True:
            batch = [await self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            events = [letter.event for letter in batch]
            async with self._turn:
                if told := [letter.told for letter in batch if letter.told is not None]:
                    self._publish(told)
                slept_s = self._clock.newly_slept_s()
                slept = [Slept(slept_s)] if slept_s else []
                actions = self._scheduler.handle_all([*slept, *events], self._clock.now())
            # By identity: two equal events may stand in one batch and only one be refused.
            errors = {id(a.event): a.error for a in actions if isinstance(a, Refused)}
            asked = [one.change for one in batch if one.change and id(one.event) not in errors]
            await self._settle(actions, asked)
            _answer(batch, errors)

    async def _settle(self, actions: list[Action], asked: Sequence[JobChange] = ()) -> None:
        monotonic_s = self._clock.monotonic_s()
        decided = [_change(one, monotonic_s) for one in actions if isinstance(one, Record)]
        changes = [*asked, *decided]
        jobs = await self._record(changes, self._clock.wall()) if changes else []
        # Also without a record: whoever waits may now wait for something else, or further ahead.
        async with self._turn:
            self._publish(jobs)
        for action in actions:
            self._carry_out(action)

    def _carry_out(self, action: Action) -> None:
        match action:
            case Start():
                self._effects.start(action)
            case Stop(job_id, grace_s):
                self._effects.stop(job_id, grace_s)
            case Kill(job_id):
                self._effects.kill(job_id)
            case Signal(job_id):
                self._effects.signal(job_id)
            case Suspend(job_id):
                self._effects.suspend(job_id)
            case Resume(job_id):
                self._effects.resume(job_id)
            case FetchImage(job_id):
                self._effects.fetch(job_id)
            case WakeAt(at):
                self._wake(at)
            case Record() | Refused():
                pass

    def _wake(self, at: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        delay_s = max(0.0, at - self._clock.now())
        self._alarm = asyncio.get_running_loop().call_later(delay_s, self.put, Ticked())


def _change(record: Record, monotonic_s: float) -> JobChange:
    fields: dict[str, Any] = {
        "state": record.state,
        "attempt": record.attempt,
        "result": record.result,
        "reason": record.reason,
        "exit_code": record.exit_code,
        "signal": record.signal,
    }
    # A finished job keeps the allocation it had: the record shows where it ran.
    if record.allocation is not None or record.state.waits:
        fields["allocation"] = record.allocation
    if record.state is State.RUNNING:
        fields["started_at"] = record.started_at
    if record.ran_s is not None:
        fields |= {"ran_s": record.ran_s, "monotonic_s": monotonic_s}
    if record.paused_s is not None:
        still = record.state is State.SUSPENDED
        fields |= {"paused_s": record.paused_s, "suspended_at": record.at if still else None}
    if record.past is not None:
        fields |= {
            "attempts": (record.past,),
            "failures": record.failures,
            "retry_at": record.retry_at,
            "started_at": None,
            "paused_s": 0.0,
            "suspended_at": None,
        }
    if record.state is State.DONE:
        fields["ended_at"] = record.at
    if record.tasks is not None:
        fields["tasks"] = record.tasks
    event = str(record.state) if not record.past else "Requeued"
    return JobChange(record.job_id, event, fields, record.array)


def _answer(batch: Sequence[_Letter], errors: Mapping[int, HpccError]) -> None:
    for event, done, *_ in batch:
        if done is None or done.done():
            continue
        if id(event) in errors:
            done.set_exception(errors[id(event)])
        else:
            done.set_result(None)
