"""Images are brought here while their jobs are PENDING: no core is held, progress is shown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ...model.errors import HpccError, ImageError, ImageNotFound, RuntimeUnavailable
from ...model.states import Reason, ReasonCode
from ...scheduler.events import ImageFailed, ImageReady
from ...store.records import JobChange, StoredJob
from .runtimes import Runtimes

_log = logging.getLogger(__name__)

#: How long a runtime that does not answer is left alone before the image is asked for again.
_RETRY_S = 5.0
#: Progress is recorded at most this often; a fast pull has hundreds of events a second.
_PROGRESS_S = 0.5

Progress = Callable[[Mapping[str, Any]], None]


class Fetching:
    """One task per waiting job; the images room joins those that want the same image."""

    def __init__(
        self,
        runtimes: Runtimes,
        row: Callable[[int], Awaitable[StoredJob]],
        note: Callable[[JobChange], Awaitable[None]],
        put: Callable[[ImageReady | ImageFailed], None],
    ) -> None:
        self._runtimes = runtimes
        self._row = row
        self._note = note
        self._put = put
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def begin(self, job_id: int) -> None:
        """Fetch the image of a job; answered by ImageReady or ImageFailed."""
        task = asyncio.create_task(self._fetch(job_id))
        self._tasks[job_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job_id, None))

    def give_up(self, job_id: int) -> None:
        """Stop fetching for a job that was cancelled."""
        task = self._tasks.pop(job_id, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Stop fetching; the next engine asks again."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(self, job_id: int) -> None:
        row = await self._row(job_id)
        while True:
            try:
                await self._bring(row)
                return
            except RuntimeUnavailable as down:
                await self._show(job_id, {"waiting": down.message})
                await asyncio.sleep(_RETRY_S)
            except HpccError as error:
                self._put(ImageFailed(job_id, _reason(error)))
                return
            except Exception:
                _log.exception("fetching the image of job %d", job_id)
                failed = ImageError("the image could not be fetched", cure="see the engine's log")
                self._put(ImageFailed(job_id, _reason(failed)))
                return

    async def _bring(self, row: StoredJob) -> None:
        job_id = row.job.id
        loop = asyncio.get_running_loop()
        shown_at = 0.0
        pending: list[asyncio.Task[None]] = []

        def progress(state: Mapping[str, Any]) -> None:
            loop.call_soon_threadsafe(show, dict(state))

        def show(state: Mapping[str, Any]) -> None:
            nonlocal shown_at
            if loop.time() - shown_at >= _PROGRESS_S:
                shown_at = loop.time()
                pending[:] = [task for task in pending if not task.done()]
                pending.append(loop.create_task(self._show(job_id, state)))

        found = await self._runtimes.bring(row, progress)
        # Looked at while PENDING, so that STARTING is only the start.
        runtime = await asyncio.to_thread(self._runtimes.look, row, found.reference)
        await asyncio.gather(*pending)
        fields = {
            "image_digest": found.digest,
            "enforcement": runtime.enforcement,
            "progress": {},
            "image_reference": found.reference,
            "image_path": found.path,
        }
        await self._note(JobChange(job_id, "ImageReady", fields))
        self._put(ImageReady(job_id))

    async def _show(self, job_id: int, state: Mapping[str, Any]) -> None:
        await self._note(JobChange(job_id, "PullProgress", {"progress": dict(state)}))


def _reason(error: HpccError) -> Reason:
    code = (
        ReasonCode.IMAGE_NOT_FOUND if isinstance(error, ImageNotFound) else ReasonCode.IMAGE_FAILED
    )
    return Reason(code, {"message": error.message, "cure": error.cure})
