"""Lists of jobs, images and the machine as aligned text, for cells and terminals."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Sequence

from ..model.explanation import Explanation
from ..model.job import Image, Job, PastAttempt
from ..model.quantities import format_duration, format_memory
from ..model.reasons import sentence
from .answers import Check, Health, MachineUse
from .lines import because, counted, given, headline

_WIDEST = 60


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows under a head, in columns as wide as they need to be."""
    cells = [[_clean(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(head))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def jobs_table(jobs: Iterable[Job]) -> str:
    """Return jobs, one a line."""
    rows = [
        (
            job.label,
            counted(job),
            job.spec.name,
            job.spec.image,
            given(job),
            _ran(job),
            because(job),
        )
        for job in jobs
    ]
    if not rows:
        return "no jobs; -a shows those that ended"
    return table(("JOB", "STATE", "NAME", "IMAGE", "RESOURCES", "RAN", "REASON"), rows)


def job_lines(job: Job) -> str:
    """Return what is known of one job, a fact a line; what it has none of is left out."""
    spec = job.spec
    facts = {
        "job": headline(job),
        "number": str(job.id) if job.task else "",
        "item": job.task.item or "" if job.task else "",
        "tasks": _tasks(job),
        "engine": job.engine,
        "user": job.user,
        "description": spec.description,
        "tags": ", ".join(spec.tags),
        "command": shlex.join(spec.command) if spec.command else "",
        "script": f"{len(spec.script.encode())} bytes" if spec.script is not None else "",
        "workdir": spec.workdir,
        "runtime": job.runtime,
        "digest": job.image_digest,
        "resources": given(job),
        "cores": ", ".join(map(str, job.allocation.cores)) if job.allocation else "",
        "GPUs": ", ".join(map(str, job.allocation.gpus)) if job.allocation else "",
        "limit": format_duration(spec.time_limit_s) if spec.time_limit_s else "",
        "depends on": ", ".join(map(str, spec.dependencies)),
        "submitted": _moment(job.submitted_at),
        "started": _moment(job.started_at),
        "suspended": _moment(job.suspended_at),
        "ended": _moment(job.ended_at),
        "paused": format_duration(job.paused_s) if job.paused_s >= 1 else "",
        "exit code": "" if job.exit_code is None else str(job.exit_code),
        "signal": "" if job.signal is None else str(job.signal),
        "log": f"{job.log_bytes} bytes",
        "changed": "; ".join(job.notes),
        "warnings": "; ".join(job.warnings),
        "attempt": str(job.attempt) if job.attempt > 1 else "",
        "before": "; ".join(_past(one) for one in job.attempts),
    }
    return "\n".join(f"{name:12} {_clean(text, None)}" for name, text in facts.items() if text)


def _tasks(job: Job) -> str:
    counts = job.tasks
    if counts is None or job.spec.array is None:
        return job.spec.array.indexes if job.spec.array else ""
    told = {
        "pending": counts.pending,
        "running": counts.running,
        "completed": counts.completed,
        "failed": counts.failed,
        "cancelled": counts.cancelled,
    }
    some = ", ".join(f"{count} {word}" for word, count in told.items() if count)
    return f"{job.spec.array.indexes}: {some}"


def images_table(images: Iterable[Image]) -> str:
    """Return images, one a line."""
    rows = [
        (i.reference, i.runtime, format_memory(i.size_bytes) if i.size_bytes else "", i.path)
        for i in images
    ]
    return table(("IMAGE", "RUNTIME", "SIZE", "PATH"), rows)


def machine_lines(use: MachineUse, health: Health) -> str:
    """Return what there is, what is in use, and which engine says so."""
    have, used, others = use.machine.amounts, use.used, use.others
    lines = [
        f"machine  {use.machine.hostname}",
        f"cores    {used.cores} of {have.cores} in use by jobs, {others.cores:.1f} by others",
        f"memory   {format_memory(used.memory_bytes)} of {format_memory(have.memory_bytes)}"
        f" in use by jobs, {format_memory(others.memory_bytes)} by others",
        f"GPUs     {used.gpus} of {have.gpus} in use by jobs",
    ]
    if use.machine.limited_by:
        lines.append(f"limits   {', '.join(use.machine.limited_by)}")
    lines += [f"{name:8} {_enforced(held)}" for name, held in sorted(use.enforcement.items())]
    lines.append(
        f"engine   version {health.version}, user {health.user}, pid {health.pid},"
        f" up {format_duration(health.uptime_s)}:"
        f" {health.running} running, {health.pending} waiting"
    )
    if health.survives:
        lines.append(f"         {health.survives}")
    return "\n".join(lines)


def explanation_lines(why: Explanation) -> str:
    """Return why a job waits or ended, and who is ahead of it."""
    lines = [f"job {why.job_id} {why.state}: {why.sentence}"]
    if why.position:
        lines.append(f"number {why.position} in the queue")
    if why.ahead:
        lines.append(f"behind job {', '.join(map(str, why.ahead))}")
    if why.outlook:
        lines.append(why.outlook)
    return "\n".join(lines)


def dry_run_lines(told: Explanation) -> str:
    """Return what rules would change, when it would start, what starts it now, why it waits."""
    because = [f"because it {told.sentence}"] if told.sentence else []
    return "\n".join([*told.notes, told.outlook, *because])


def checks_lines(checks: Iterable[Check]) -> str:
    """Return what the doctor found, each cure under what it cures."""
    lines = []
    for check in checks:
        lines.append(f"{'ok ' if check.ok else 'BAD'}  {check.name}: {check.found}")
        if check.cure and not check.ok:
            lines.append(f"     → {check.cure}")
    return "\n".join(lines)


def _ran(job: Job) -> str:
    return "" if job.ran_s is None else format_duration(job.ran_s)


def _past(one: PastAttempt) -> str:
    why = f", {sentence(one.reason)}" if one.reason else ""
    return f"{one.number} {one.result}{why}"


def _enforced(held: object) -> str:
    if not isinstance(held, dict):
        return str(held)
    return ", ".join(f"{what} {how}" for what, how in held.items())


def _moment(at: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) if at else ""


def _clean(cell: str, widest: int | None = _WIDEST) -> str:
    # A name or a reason must not break the line, nor command the terminal.
    text = "".join(c if c.isprintable() else "?" for c in str(cell))
    return text if widest is None or len(text) <= widest else text[: widest - 1] + "…"
