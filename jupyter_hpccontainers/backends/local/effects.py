"""Carries out what the scheduler decides; each effect comes back as one event."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor

from ...machine.attempt import Ask, Attempt
from ...model.arrays import Array
from ...model.errors import HpccError, StateConflict
from ...model.states import Reason, ReasonCode
from ...scheduler.actions import Start
from ...scheduler.events import Event, Exited, StartFailed
from ...store.records import StoredJob
from .attempts import Attempts
from .fetching import Fetching
from .launch import Launch, failure
from .ledger import Ledger
from .runtimes import Runtimes

_log = logging.getLogger(__name__)


class LocalEffects:
    """Starts, stops and fetches on this machine.

    A stop that comes while its attempt is being launched is kept and asked for right after: it
    can neither be lost nor overtake the start.
    """

    def __init__(
        self,
        ledger: Ledger,
        launch: Launch,
        attempts: Attempts,
        fetching: Fetching,
        runtimes: Runtimes,
        pool: ThreadPoolExecutor,
        put: Callable[[Event], None],
    ) -> None:
        self._ledger = ledger
        self._launch = launch
        self._attempts = attempts
        self._fetching = fetching
        self._runtimes = runtimes
        self._pool = pool
        self._put = put
        self._launching: dict[int, Ask | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, action: Start) -> None:
        """Start an attempt; answered by Started, StartFailed or Exited."""
        self._launching[action.job_id] = None
        self._spawn(self._start(action))

    def stop(self, job_id: int, grace_s: float) -> None:
        """TERM, grace, KILL by the supervisor, which knows the grace."""
        self._ask(job_id, Ask.STOP)

    def kill(self, job_id: int) -> None:
        """KILL now."""
        self._ask(job_id, Ask.KILL)

    def signal(self, job_id: int) -> None:
        """Give it its signal before the time limit; the supervisor does so once."""
        self._ask(job_id, Ask.SIGNAL)

    def suspend(self, job_id: int) -> None:
        """Let nothing of it run; its supervisor goes on."""
        self._ask(job_id, Ask.SUSPEND)

    def resume(self, job_id: int) -> None:
        """Let it run on."""
        self._ask(job_id, Ask.RESUME)

    def fetch(self, job_id: int) -> None:
        """Bring the image here; answered by ImageReady or ImageFailed."""
        self._fetching.begin(job_id)

    def make_ready(self) -> None:
        """Prepare for the next start, beside whatever is done."""
        self._pool.submit(self._launch.make_ready)

    def abandoned(self, job_id: int, attempt: Attempt) -> None:
        """End what an attempt without supervisor left; answered by Exited."""
        self._spawn(self._end_leftovers(job_id, attempt))

    async def close(self) -> None:
        """Wait until no launch is half-way; what runs goes on."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(self._pool, self._launch.close)

    def _ask(self, job_id: int, what: Ask) -> None:
        if job_id in self._launching:
            if self._launching[job_id] is not Ask.KILL:
                self._launching[job_id] = what
        else:
            self._attempts.ask(job_id, what)

    async def _start(self, action: Start) -> None:
        job_id = action.job_id
        try:
            row = await self._ledger.row(job_id)
            loop = asyncio.get_running_loop()
            array = await self._array_of(row)
            attempt, popen = await loop.run_in_executor(
                self._pool, self._launch.start, row, action, array
            )
            self._attempts.look_after(job_id, attempt, popen)
            wanted = self._launching.pop(job_id)
            if wanted is not None:
                self._attempts.ask(job_id, wanted)
        except HpccError as refused:
            self._put(StartFailed(job_id, failure(refused), action.attempt))
        except Exception:
            _log.exception("starting job %d", job_id)
            unknown = StateConflict("the job could not be started", cure="see the engine's log")
            self._put(StartFailed(job_id, failure(unknown), action.attempt))
        finally:
            self._launching.pop(job_id, None)

    async def _array_of(self, row: StoredJob) -> Array | None:
        if row.job.task is None:
            return None
        return (await self._ledger.row(row.job.task.array)).job.spec.array

    async def _end_leftovers(self, job_id: int, attempt: Attempt) -> None:
        loop = asyncio.get_running_loop()
        row = await self._ledger.row(job_id)
        try:
            await loop.run_in_executor(self._pool, self._runtimes.end_leftovers, row, attempt)
        except HpccError as error:
            _log.warning("job %d: what it left could not be ended: %s", job_id, error)
        reason = Reason(ReasonCode.SUPERVISOR_LOST, {"message": "its supervisor was killed"})
        self._put(Exited(job_id=job_id, reason=reason, attempt=attempt.number))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
