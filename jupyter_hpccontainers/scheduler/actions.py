"""Actions: what the engine must do, in the imperative; the scheduler itself does nothing.

``handle`` returns every Record before the other actions: the store writes them in one transaction,
and only then are the others carried out. Each effect comes back as an event.
"""

from __future__ import annotations

from dataclasses import KW_ONLY

from ..model.arrays import TaskCounts
from ..model.errors import HpccError
from ..model.job import PastAttempt
from ..model.resources import Allocation
from ..model.states import Reason, Result, State
from .events import Event
from .messages import message


@message
class Record:
    """Write down where the job stands now; ``at`` is when it came there.

    ``past`` is given where this is another attempt: how the one before ended. ``failures`` and
    ``retry_at`` are then what a restart must know; else they are as they were.
    Of one whose program has begun: since when (``started_at``), how long it had run by ``at`` as
    its limit counts (``ran_s``), and how long it had not meanwhile (``paused_s``).
    ``array``: it is a task of that array, and with its first Record a job of its own. ``tasks``:
    it is an array, and its tasks stand so.
    """

    _: KW_ONLY
    job_id: int
    attempt: int
    state: State
    at: float
    result: Result | None = None
    reason: Reason | None = None
    allocation: Allocation | None = None
    exit_code: int | None = None
    signal: int | None = None
    past: PastAttempt | None = None
    failures: int = 0
    retry_at: float | None = None
    array: int | None = None
    tasks: TaskCounts | None = None
    started_at: float | None = None
    ran_s: float | None = None
    paused_s: float | None = None


@message
class FetchImage:
    """Bring the job's image here; answered by ImageReady or ImageFailed. Asked once per job."""

    job_id: int


@message
class Start:
    """Start the attempt on exactly these cores and GPUs; answered by Started or StartFailed."""

    job_id: int
    allocation: Allocation
    attempt: int


@message
class Stop:
    """TERM, ``grace_s`` seconds, then KILL of the whole tree; answered by Exited."""

    job_id: int
    grace_s: float


@message
class Kill:
    """KILL the whole tree now; answered by Exited."""

    job_id: int


@message
class Suspend:
    """Let nothing of the job run until it is resumed; repeating it must be harmless."""

    job_id: int


@message
class Resume:
    """Let a suspended job run on; repeating it must be harmless."""

    job_id: int


@message
class Signal:
    """Give the job the signal it asked for before its time limit; repeating it must be harmless.

    It comes once in each attempt, and again from an engine that restarted after that time.
    """

    job_id: int


@message
class WakeAt:
    """Send Ticked at this time; replaces the one before. Without it nothing is due."""

    at: float


@message
class Refused:
    """One event of a batch was refused and changed nothing; only ``handle_all`` answers so."""

    event: Event
    error: HpccError


Action = Record | FetchImage | Start | Stop | Kill | Suspend | Resume | Signal | WakeAt | Refused
