"""What a widget is told of jobs, images and errors: plain data, no markup."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

from ...client.answers import Config
from ...client.lines import standing
from ...model.errors import HpccError
from ...model.job import Image, Job
from .. import card

_LONGEST_TITLE = 200


def shown_job(job: Job) -> dict[str, Any]:
    """Return what a widget shows of a job: its card's record, a title, why it waits."""
    record = card.record(job, "")
    del record["tail"], record["engine"], record["version"]
    return {
        **record,
        "title": title(job),
        "waiting": _waiting(job) if job.state.waits else "",
        "paused_s": job.paused_s,
        "suspended_at": job.suspended_at,
    }


def title(job: Job) -> str:
    """Return what to call a job: its name, else what it runs."""
    lines = (line.strip() for line in (job.spec.script or "").splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    named = job.spec.name or shlex.join(job.spec.command) or first or job.spec.image
    return named[:_LONGEST_TITLE]


def shown_config(config: Config) -> dict[str, Any]:
    """Return the limits a form shows, and the runtimes it offers."""
    names = [str(runtime.get("name", "")) for runtime in config.runtimes]
    return {
        "cores": config.max.cores,
        "memory_bytes": config.max.memory_bytes,
        "gpus": config.max.gpus,
        "runtimes": ["auto", *(name for name in names if name)],
    }


def shown_images(images: Iterable[Image]) -> list[dict[str, Any]]:
    """Return images as a picker lists them; ``name`` is what a form asks for."""
    return [
        {"name": i.path or i.reference, "runtime": i.runtime.value, "size_bytes": i.size_bytes}
        for i in images
    ]


def shown_error(error: HpccError) -> dict[str, Any]:
    """Return what is wrong, with the name of the form's field at fault, if it has one."""
    field = error.field or ""
    return {
        "field": _RENAMED.get(field, field),
        "message": error.message,
        "cure": error.cure,
    }


_RENAMED = {"script": "command", "memory_bytes": "memory", "time_limit_s": "time_limit"}


def _waiting(job: Job) -> str:
    return standing(job).removeprefix(job.state.value).removeprefix(":").strip()
