"""What a follow stream carries: states, log bytes, the end of a job, a beat in silence."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.job import Job


@dataclass(frozen=True, slots=True)
class StateFrame:
    """A job's record after a change."""

    job: Job


@dataclass(frozen=True, slots=True)
class LogFrame:
    """Bytes of ``output`` from ``offset`` on, all of one stream (1 stdout, 2 stderr)."""

    job_id: int
    offset: int
    stream: int
    data: bytes


@dataclass(frozen=True, slots=True)
class EndFrame:
    """The job is DONE and every byte of its log was sent."""

    job_id: int


@dataclass(frozen=True, slots=True)
class Beat:
    """Nothing happened for a while; the engine lives."""


Frame = StateFrame | LogFrame | EndFrame | Beat
