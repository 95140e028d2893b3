"""One run asked for in a cell: submit, show, wait, bind its output, raise when it failed."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from ..client import tables
from ..client.engine import EngineClient
from ..client.lines import exit_status, failure, headline
from ..client.options import request_from
from ..model.errors import InvalidSpec
from ..model.job import Job as Record
from ..model.states import Result
from .attend import Attendance
from .connection import connect
from .interrupts import Interrupts, kernel_ends
from .python import Job
from .screens import CardScreen, LineScreen, Screen, Screens

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class Run:
    """A run with the options of its line."""

    def __init__(self, shell: InteractiveShell, options: argparse.Namespace) -> None:
        self._shell = shell
        self._options = options
        self._screen = _screen(shell, stream=options.stream)

    def start(self, program: dict[str, Any]) -> None:
        """Submit the job and, unless detached, wait for it; raises JobFailed."""
        out = self._options.out
        if out is not None and not out.isidentifier():
            raise InvalidSpec(f"--out {out[:40]!r} is not a name", cure="e.g. --out text")
        request = {**request_from(self._options, os.environ), **program}
        with Interrupts() as interrupts:
            client = connect(self._screen.say)
            if self._options.dry_run:
                print(tables.dry_run_lines(client.dry_run(request)))
                return
            record = client.submit(request)
            self._shell.user_ns["_job"] = Job(record, client)
            if self._options.detach:
                self._screen.say(headline(record))
                self._screen.state(record)
                self._screen.end()
                return
            try:
                # A job goes on when its kernel ends.
                attendance = Attendance(client, record, self._screen, interrupts)
                record = attendance.until_done(lambda: kernel_ends(self._shell, interrupts))
            finally:
                self._bind(client, record.id)
        self._judge(record)

    def _bind(self, client: EngineClient, job_id: int) -> None:
        """Set what the notebook may read afterwards, also when the job was interrupted."""
        names = self._shell.user_ns
        record = client.job(job_id)
        names["_exit_code"] = exit_status(record) if record.done else None
        if self._options.out:
            data = client.whole_log(job_id, stream="stdout")
            names[self._options.out] = data.decode(errors="replace")

    def _judge(self, record: Record) -> None:
        if record.result is not Result.COMPLETED and not self._options.no_raise:
            raise failure(record, self._shell.user_ns["_job"].tail())


def attend(shell: InteractiveShell, record: Record, client: EngineClient, *, stream: str) -> None:
    """Print the log of a job from its start until it ends; an interrupt leaves it running.

    ``stream`` names the one to print, or ``both``.
    """
    in_kernel = getattr(shell, "kernel", None) is not None
    lines = LineScreen(states=not in_kernel, only=None if stream == "both" else stream)
    screen: Screen = Screens(CardScreen(with_tail=False), lines) if in_kernel else lines
    with Interrupts() as interrupts:
        Attendance(client, record, screen, interrupts).until_done(lambda: True)


def _screen(shell: InteractiveShell, *, stream: bool) -> Screen:
    # A kernel shows a card; a terminal has only lines, and drops none of them.
    if getattr(shell, "kernel", None) is None:
        return LineScreen(states=True, head_bytes=None)
    if stream:
        return Screens(CardScreen(with_tail=False), LineScreen(states=False))
    return CardScreen()
