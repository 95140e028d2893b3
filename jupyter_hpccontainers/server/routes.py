"""The one table of routes: the engine's, under ``hpccontainers/``, less those that stop it."""

from __future__ import annotations

from typing import Any

from .handlers import ActHandler, HealthHandler, JobHandler, JobsHandler, ReadHandler, TryHandler
from .link import EngineLink
from .stream import StreamHandler

_ID = r"(\d{1,18})"
_LIST_QUERY = ("state", "result", "tag", "name", "limit", "before", "tasks")
_LOG_QUERY = ("offset", "length", "stream", "attempt")


def routes(link: EngineLink) -> list[tuple[str, type, dict[str, Any]]]:
    """Return the handlers over a link to the engine."""
    table: list[tuple[str, type, str, tuple[str, ...]]] = [
        ("health", HealthHandler, "health", ()),
        ("machine", ReadHandler, "machine", ()),
        ("config", ReadHandler, "config", ()),
        ("doctor", ReadHandler, "doctor", ()),
        ("images", ReadHandler, "images", ("search",)),
        ("jobs", JobsHandler, "jobs", _LIST_QUERY),
        ("jobs/cancel", ActHandler, "jobs/cancel", ()),
        ("jobs/dry-run", TryHandler, "jobs/dry-run", ()),
        ("workflows", ActHandler, "workflows", ()),
        (rf"jobs/{_ID}", JobHandler, "jobs/{}", ()),
        (rf"jobs/{_ID}/cancel", ActHandler, "jobs/{}/cancel", ()),
        (rf"jobs/{_ID}/hold", ActHandler, "jobs/{}/hold", ()),
        (rf"jobs/{_ID}/release", ActHandler, "jobs/{}/release", ()),
        (rf"jobs/{_ID}/suspend", ActHandler, "jobs/{}/suspend", ()),
        (rf"jobs/{_ID}/resume", ActHandler, "jobs/{}/resume", ()),
        (rf"jobs/{_ID}/explain", ReadHandler, "jobs/{}/explain", ()),
        (rf"jobs/{_ID}/log", ReadHandler, "jobs/{}/log", _LOG_QUERY),
        (rf"jobs/{_ID}/files", ReadHandler, "jobs/{}/files", ()),
        (rf"jobs/{_ID}/files/(.+)", ReadHandler, "jobs/{}/files/{}", ()),
    ]
    forwarded = [
        (
            rf"/hpccontainers/{pattern}",
            kind,
            {"link": link, "upstream": f"/v1/{target}", "query": q},
        )
        for pattern, kind, target, q in table
    ]
    return [*forwarded, ("/hpccontainers/stream", StreamHandler, {"link": link})]
