"""Jobs over HTTP: submit, list, show, change, cancel, explain, try."""

from __future__ import annotations

import time
from typing import Any

from ...backends.protocol import JobQuery
from ...model.changes import change_from_request
from ...model.errors import InvalidSpec
from ...model.job import Job
from ...model.reasons import sentence
from ...model.request import spec_from_request
from ...model.states import Result, State
from ...model.wire import encode
from ...model.workflow import workflow_from_request
from .base import Handler

_ACTIVE = frozenset(State) - {State.DONE}


def job_to_json(job: Job) -> dict[str, Any]:
    """Return a record as doors see it: its reason also in words."""
    data: dict[str, Any] = encode(job)
    if job.reason is not None:
        data["reason"]["sentence"] = sentence(job.reason)
    if job.spec.array is not None:
        # They may be many, and each task's record has its own.
        data["spec"]["array"]["items"] = []
    return data


class Jobs(Handler):
    """``/v1/jobs``."""

    async def get(self) -> None:
        """List, newest first."""
        query = JobQuery(
            states=_states(self.get_query_argument("state", "")),
            results=_results(self.get_query_argument("result", "")),
            tag=self.get_query_argument("tag", ""),
            name=self.get_query_argument("name", ""),
            limit=min(self.number("limit", 100, least=1), 10_000),
            before=self.number("before", 0, least=0) or None,
            tasks=self.get_query_argument("tasks", "1") != "0",
        )
        jobs = await self.backend.jobs(query)
        self.answer({"jobs": [job_to_json(job) for job in jobs]})

    async def post(self) -> None:
        """Submit; answered only after the record is on disk."""
        key = self.idempotency_key()
        spec = spec_from_request(self.body(), time.time())
        job, created = await self.backend.submit(spec, key)
        self.answer(job_to_json(job), 201 if created else 200)


class Workflows(Handler):
    """``/v1/workflows``."""

    async def post(self) -> None:
        """Submit several jobs, all or none."""
        key = self.idempotency_key()
        asked = workflow_from_request(self.body(), time.time())
        jobs, created = await self.backend.submit_workflow(asked, key)
        told = {one.name: job_to_json(job) for one, job in zip(asked, jobs, strict=True)}
        self.answer({"workflow": jobs[0].id, "jobs": told}, 201 if created else 200)


class CancelMany(Handler):
    """``/v1/jobs/cancel``."""

    async def post(self) -> None:
        """Cancel by ids or by tag."""
        body = self.body()
        ids, tag = body.get("ids"), body.get("tag")
        if tag is not None and isinstance(tag, str) and tag:
            found = await self.backend.jobs(JobQuery(states=_ACTIVE, tag=tag, limit=10_000))
            ids = [job.id for job in found]
        if not isinstance(ids, list) or not all(type(i) is int for i in ids):
            raise InvalidSpec(
                "neither ids nor a tag is given", cure="give one of them", field="ids"
            )
        jobs = [await self.backend.cancel(job_id) for job_id in ids]
        self.answer({"jobs": [job_to_json(job) for job in jobs]})


class OneJob(Handler):
    """``/v1/jobs/{id}``."""

    async def get(self, job_id: str) -> None:
        """Show."""
        self.answer(job_to_json(await self.backend.job(int(job_id))))

    async def patch(self, job_id: str) -> None:
        """Change what it asks for."""
        change = change_from_request(self.body(), time.time())
        self.answer(job_to_json(await self.backend.change(int(job_id), change)))


class Cancel(Handler):
    """``/v1/jobs/{id}/cancel``."""

    async def post(self, job_id: str) -> None:
        """Stop; with ``kill`` without grace."""
        kill = self.body().get("kill", False)
        if not isinstance(kill, bool):
            raise InvalidSpec("kill is not true or false", cure="give true or false", field="kill")
        self.answer(job_to_json(await self.backend.cancel(int(job_id), kill)))


class Hold(Handler):
    """``/v1/jobs/{id}/hold``."""

    async def post(self, job_id: str) -> None:
        """Keep a waiting job back."""
        self.answer(job_to_json(await self.backend.hold(int(job_id))))


class Release(Handler):
    """``/v1/jobs/{id}/release``."""

    async def post(self, job_id: str) -> None:
        """Let a held job go on."""
        self.answer(job_to_json(await self.backend.release(int(job_id))))


class Suspend(Handler):
    """``/v1/jobs/{id}/suspend``."""

    async def post(self, job_id: str) -> None:
        """Let a running job stand still."""
        self.answer(job_to_json(await self.backend.suspend(int(job_id))))


class Resume(Handler):
    """``/v1/jobs/{id}/resume``."""

    async def post(self, job_id: str) -> None:
        """Let a suspended job run on."""
        self.answer(job_to_json(await self.backend.resume(int(job_id))))


class Explain(Handler):
    """``/v1/jobs/{id}/explain``."""

    async def get(self, job_id: str) -> None:
        """Say why it waits and when it starts."""
        self.answer(encode(await self.backend.explain(int(job_id))))


class DryRun(Handler):
    """``/v1/jobs/dry-run``."""

    async def post(self) -> None:
        """Say when a job would start; nothing is submitted."""
        self.answer(encode(await self.backend.dry_run(spec_from_request(self.body()))))


def _states(text: str) -> frozenset[State]:
    if text == "active":
        return _ACTIVE
    return frozenset(_member(State, word, "state") for word in text.split(",") if word)


def _results(text: str) -> frozenset[Result]:
    return frozenset(_member(Result, word, "result") for word in text.split(",") if word)


def _member(kind: Any, word: str, field: str) -> Any:
    try:
        return kind(word.strip().upper())
    except ValueError:
        raise InvalidSpec(
            f"{field} {word[:40]!r} is not known", cure=f"one of {', '.join(kind)}", field=field
        ) from None
