"""What is done now and then: folders past their keeping time go, others' use is looked at."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from ...model.errors import HpccError
from ...store.database import Store
from ...store.records import JobChange
from ...store.retention import expired
from .clock import Clock
from .config import LocalConfig
from .folders import Folders
from .ledger import Ledger

_log = logging.getLogger(__name__)

#: While jobs are there, what others use is looked at this often; an idle engine never wakes.
_LOOK_S = 10.0
#: Retention is looked at when a job ends, but not more often than this.
_RETENTION_S = 60.0
_GB = 1000**3


class Housekeeping:
    """One task; it sleeps while there is no job."""

    def __init__(
        self,
        config: LocalConfig,
        clock: Clock,
        ledger: Ledger,
        folders: Folders,
        look_at_others: Callable[[], Awaitable[None]],
    ) -> None:
        self._config = config
        self._clock = clock
        self._ledger = ledger
        self._folders = folders
        self._look_at_others = look_at_others
        self._due = asyncio.Event()
        self._due.set()
        self._swept_at = float("-inf")

    def due(self) -> None:
        """Say that a job came or ended: there may be something to do."""
        self._due.set()

    async def run(self) -> None:
        """Keep house until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            await self._look_at_others()
            if self._clock.now() - self._swept_at >= _RETENTION_S:
                self._swept_at = self._clock.now()
                await self.sweep()
            await asyncio.sleep(_LOOK_S)
            if self._ledger.active:
                self._due.set()

    async def sweep(self) -> None:
        """Remove the folders of finished jobs that are too old or too much; records stay."""
        try:
            gone = expired(
                await self._ledger.ask(Store.finished),
                keep_days=self._config.keep_days,
                keep_bytes=int(self._config.keep_gb * _GB),
                now=self._clock.wall(),
            )
            for job_id in gone:
                folder = self._folders.jobs / str(job_id)
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
                change = JobChange(job_id, "FilesRemoved", {"files_removed": True, "log_bytes": 0})
                await self._ledger.record([change], self._clock.wall())
        except HpccError as error:
            _log.warning("retention: %s", error)


def disk_bytes(folder: Path) -> int:
    """Return what a job's folder holds on the disk (allocated blocks, as du(1) counts them)."""
    total = 0
    for here, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(here, name)).st_blocks * 512
            except OSError:
                continue
    return total
