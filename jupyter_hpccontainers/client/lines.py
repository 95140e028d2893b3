"""A job, its end and its exit status in the words every door uses."""

from __future__ import annotations

import time

from ..model.errors import JobFailed
from ..model.job import Job
from ..model.quantities import format_duration, format_memory
from ..model.reasons import sentence
from ..model.states import ReasonCode, Result, State


def headline(job: Job) -> str:
    """Return one line: number, name, image and how it stands."""
    named = f"job {job.label}" + (f" ({job.spec.name})" if job.spec.name else "")
    return f"{named} · {job.spec.image} · {standing(job)}"


def standing(job: Job) -> str:
    """Return state or result with what matters about it now."""
    match job.state:
        case State.PENDING | State.HELD:
            return _waiting(job)
        case State.DONE:
            return _ended(job)
        case State.RUNNING if job.started_at is not None:
            return f"RUNNING since {_clock(job.started_at)} · {given(job)}"
        case State.SUSPENDED if job.suspended_at is not None:
            return f"SUSPENDED since {_clock(job.suspended_at)} · {given(job)}"
        case _:
            return job.state.value


def counted(job: Job) -> str:
    """Return state or result, of an array with how many of its tasks have ended."""
    word = str(job.result or job.state)
    if job.tasks is None or job.spec.array is None:
        return word
    ended = job.tasks.completed + job.tasks.failed + job.tasks.cancelled
    failed = f", {job.tasks.failed} failed" if job.tasks.failed else ""
    running = f", {job.tasks.running} running" if job.tasks.running else ""
    return f"{word} {ended}/{job.spec.array.count}{running}{failed}"


def given(job: Job) -> str:
    """Return what the job was given, or asks for, in words."""
    asked = job.spec.resources
    amounts = job.allocation.amounts if job.allocation else asked
    words = [f"{amounts.cores} core{'s' * (amounts.cores != 1)}"]
    if amounts.memory_bytes:
        words.append(format_memory(amounts.memory_bytes))
    if amounts.gpus:
        words.append(f"{amounts.gpus} GPU{'s' * (amounts.gpus != 1)}")
    return ", ".join(words)


def because(job: Job) -> str:
    """Return the reason in words, or nothing."""
    return sentence(job.reason) if job.reason else ""


def exit_status(job: Job) -> int:
    """Return what a shell would: the exit code, 128 + signal, or 1 for a job that has neither."""
    if job.result is Result.COMPLETED:
        return 0
    if job.exit_code:
        return job.exit_code
    return 128 + job.signal if job.signal else 1


def failure(job: Job, tail: str = "") -> JobFailed:
    """Return the error that doors raise for a job that did not end as COMPLETED."""
    why = because(job)
    if not why and job.exit_code is not None:
        why = f"exit code {job.exit_code}"
    last = tail.rstrip().rpartition("\n")[2].strip()
    message = f"job {job.id} {job.result or job.state}" + (f": {why}" if why else "")
    if last and job.reason and job.reason.code is ReasonCode.NON_ZERO_EXIT:
        message += f" · {last[:200]}"
    return JobFailed(
        message,
        job=job.id,
        result=job.result.value if job.result else None,
        exit_code=job.exit_code,
        signal=job.signal,
        reason=why,
        tail=tail,
    )


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))


def _waiting(job: Job) -> str:
    why = because(job)
    place = f" (number {job.position} in the queue)" if job.position else ""
    return f"{job.state}{': ' + why if why else ''}{place}{_fetched(job)}"


def _fetched(job: Job) -> str:
    """Return how far the fetch of its image is (``images.progress.Progress`` as JSON)."""
    words = [str(job.progress.get(key) or "") for key in ("phase", "text")]
    percent = job.progress.get("percent")
    total, done = job.progress.get("total_bytes"), job.progress.get("done_bytes")
    if total and done is not None:
        words.append(f"{format_memory(done)} of {format_memory(total)}")
    elif percent is not None:
        words.append(f"{percent} %")
    said = " ".join(word for word in words if word)
    return f" · {said}" if said else ""


def _ended(job: Job) -> str:
    words = str(job.result or job.state)
    if job.ran_s is not None:
        between = "in" if job.result is Result.COMPLETED else "after"
        words += f" {between} {format_duration(job.ran_s)}"
    why = because(job)
    if job.result is not Result.COMPLETED and why:
        words += f" · {why}"
    return words
