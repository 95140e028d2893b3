"""The job card: a job as a display bundle for every front end, with the tail of its log."""

from __future__ import annotations

from typing import Any

from ..client.lines import because, headline
from ..model.job import Job

#: What our labextension draws, and follows from the server by itself.
MIME_TYPE = "application/vnd.hpccontainers.job+json"
_VERSION = 1


def bundle(job: Job, tail: str, hint: str = "") -> dict[str, Any]:
    """Return the bundle of a job; ``tail`` is text of at most 4 kB, ``hint`` what one may do."""
    return {MIME_TYPE: record(job, tail), "text/plain": plain(job, tail, hint)}


def record(job: Job, tail: str) -> dict[str, Any]:
    """Return what the card knows without asking anybody: data only, no address, no markup."""
    resources = job.allocation.amounts if job.allocation else job.spec.resources
    return {
        "version": _VERSION,
        "engine": job.engine,
        "job": job.id,
        "state": job.state.value,
        "result": job.result.value if job.result else None,
        "reason": because(job),
        "position": job.position,
        "name": job.spec.name,
        "image": job.spec.image,
        "runtime": job.runtime.value,
        "cores": resources.cores,
        "memory_bytes": resources.memory_bytes,
        "gpus": resources.gpus,
        "submitted_at": job.submitted_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "exit_code": job.exit_code,
        "signal": job.signal,
        "notes": list(job.notes),
        "warnings": list(job.warnings),
        "log_bytes": job.log_bytes,
        "tail": tail,
    }


def plain(job: Job, tail: str, hint: str = "") -> str:
    """Return the card as text: how the job stands, what is to be said of it, its last lines."""
    lines = [headline(job) + (f" · {hint}" if hint else "")]
    lines += [f"  {line}" for line in (*job.notes, *job.warnings)]
    return "\n".join([*lines, *([tail.rstrip("\n")] if tail else [])])
