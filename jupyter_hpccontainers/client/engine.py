"""The engine as doors see it: one typed method for each operation of its API."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ..model.errors import EngineError, InvalidSpec, StateConflict, UnknownJob
from ..model.explanation import Explanation
from ..model.job import Image, Job
from ..model.quantities import parse_duration
from ..model.wire import decode
from .answers import Check, Config, Health, JobFile, LogPart, MachineUse
from .follow import Follow, Source
from .http import GONE, Answer, Requests, Stream

#: The version of the API this door speaks (``openapi.yaml``, info.version).
API = 1

#: Makes an engine answer at the socket again; True when one does now.
Revive = Callable[[], bool]

_TIMEOUT_S = 60.0


class EngineClient:
    """The API of the engine behind one socket.

    Every method raises the error the engine answers with (``model.errors``), and EngineError when
    none answers. With ``revive`` a request that finds no engine starts one and is sent again.
    """

    def __init__(
        self, socket: str, *, revive: Revive | None = None, timeout_s: float = _TIMEOUT_S
    ) -> None:
        self.socket = socket
        self._revive = revive
        self._timeout_s = timeout_s
        self._requests = Requests(socket, timeout_s)

    def health(self) -> Health:
        """Return who the engine is and whether it is busy."""
        return decode(Health, self._ask("GET", "/v1/health").json())

    def machine(self) -> MachineUse:
        """Return what the machine has, what jobs hold and what others use."""
        return decode(MachineUse, self._ask("GET", "/v1/machine").json())

    def config(self) -> Config:
        """Return what a form may offer."""
        return decode(Config, self._ask("GET", "/v1/config").json())

    def doctor(self) -> tuple[Check, ...]:
        """Return the engine's checks of itself and the machine."""
        return decode(tuple[Check, ...], self._ask("GET", "/v1/doctor").json()["checks"], "checks")

    def images(self, search: str = "") -> tuple[Image, ...]:
        """Return the images on this machine whose reference contains ``search``."""
        found = self._ask("GET", "/v1/images" + _query(search=search)).json()["images"]
        return decode(tuple[Image, ...], found, "images")

    def jobs(
        self,
        *,
        state: str = "",
        result: str = "",
        tag: str = "",
        name: str = "",
        limit: int | None = None,
        before: int | None = None,
        tasks: bool = True,
    ) -> tuple[Job, ...]:
        """Return jobs, newest first; ``state`` is comma-separated states, or ``active``.

        Without ``tasks`` an array is one job, and its tasks are left out.
        """
        some = {"limit": limit, "before": before, "tasks": None if tasks else 0}
        query = _query(state=state, result=result, tag=tag, name=name, **some)
        return _jobs(self._ask("GET", "/v1/jobs" + query))

    def submit(self, request: Mapping[str, Any], *, key: str | None = None) -> Job:
        """Submit a job (the fields of ``model.request``); returned means never forgotten.

        With the same ``key`` a second call returns the job of the first; without one a key is
        made here, so that a request that is sent twice over a lost connection is one job.
        """
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return _job(self._ask("POST", "/v1/jobs", request, headers))

    def submit_workflow(
        self, jobs: Mapping[str, Mapping[str, Any]], *, key: str | None = None
    ) -> dict[str, Job]:
        """Submit jobs that name each other, all of them or none; returned by name, parents first.

        Each is as for ``submit``, and waits with ``after`` or ``dependencies`` also for names.
        """
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        told = self._ask("POST", "/v1/workflows", {"jobs": jobs}, headers).json()["jobs"]
        return {name: decode(Job, job) for name, job in told.items()}

    def number(self, label: str) -> int:
        """Return the number of ``12`` or of ``12_7``, the task of array 12 with index 7.

        The task need not have begun. Raises UnknownJob where there is no such task, InvalidSpec
        for what is no number.
        """
        number, underscore, index = label.partition("_")
        if not all(part.isascii() and part.isdigit() for part in (number, index or "0")):
            raise InvalidSpec(f"{label[:40]!r} is no job", cure="write 12, or 12_7 for a task")
        if not underscore:
            return int(number)
        found = self.job(int(number)).task_number(int(index or "0"))
        if found is None or not index:
            raise UnknownJob(f"job {number} has no task {index}", cure=f"show job {number}")
        return found

    def numbers(self, labels: Iterable[str]) -> list[int]:
        """Return the same for several."""
        return [self.number(label) for label in labels]

    def job(self, job_id: int) -> Job:
        """Return the record of a job."""
        return _job(self._ask("GET", f"/v1/jobs/{job_id}"))

    def change(
        self,
        job_id: int,
        *,
        time_limit: str | None = None,
        priority: str | None = None,
        cores: int | None = None,
        memory: str | None = None,
        gpus: int | None = None,
        begin: str | None = None,
    ) -> Job:
        """Change what a waiting job asks for, or the time limit of a running one."""
        asked = {
            "time_limit": time_limit, "priority": priority, "cores": cores, "memory": memory,
            "gpus": gpus, "begin": begin,
        }  # fmt: skip
        body = {key: value for key, value in asked.items() if value is not None}
        return _job(self._ask("PATCH", f"/v1/jobs/{job_id}", body))

    def extend(self, job_id: int, more: str) -> Job:
        """Give a job this much more time than its limit (``"30m"``)."""
        more_s, limit_s = parse_duration(more), self.job(job_id).spec.time_limit_s
        if limit_s is None:
            raise StateConflict(f"job {job_id} has no time limit", cure="it needs no more time")
        # Said as the whole, so that a request sent twice over a lost connection adds it once.
        return self.change(job_id, time_limit=f"{limit_s + more_s}s")

    def hold(self, job_id: int) -> Job:
        """Keep a waiting job back until it is released."""
        return _job(self._ask("POST", f"/v1/jobs/{job_id}/hold"))

    def release(self, job_id: int) -> Job:
        """Let a held job go on; it keeps its place by submission."""
        return _job(self._ask("POST", f"/v1/jobs/{job_id}/release"))

    def suspend(self, job_id: int) -> Job:
        """Let a running job stand still; it keeps what it holds, its time limit waits."""
        return _job(self._ask("POST", f"/v1/jobs/{job_id}/suspend"))

    def resume(self, job_id: int) -> Job:
        """Let a suspended job run on."""
        return _job(self._ask("POST", f"/v1/jobs/{job_id}/resume"))

    def cancel(self, job_id: int, *, kill: bool = False) -> Job:
        """Stop a job: TERM, grace, KILL; with ``kill`` at once. Twice is no error."""
        return _job(self._ask("POST", f"/v1/jobs/{job_id}/cancel", {"kill": kill}))

    def cancel_many(self, ids: Iterable[int] = (), *, tag: str = "") -> tuple[Job, ...]:
        """Stop these jobs, or all that carry a tag."""
        body = {"tag": tag} if tag else {"ids": list(ids)}
        return _jobs(self._ask("POST", "/v1/jobs/cancel", body))

    def dry_run(self, request: Mapping[str, Any]) -> Explanation:
        """Return when a job would start and what would start it now; nothing is submitted."""
        return decode(Explanation, self._ask("POST", "/v1/jobs/dry-run", request).json())

    def explain(self, job_id: int) -> Explanation:
        """Return why a job waits, or why it ended."""
        return decode(Explanation, self._ask("GET", f"/v1/jobs/{job_id}/explain").json())

    def log(
        self,
        job_id: int,
        *,
        offset: int = 0,
        length: int | None = None,
        stream: str = "both",
        attempt: int | None = None,
    ) -> LogPart:
        """Return a part of a log; the engine limits how much at once (see ``whole_log``)."""
        query = _query(offset=offset, length=length, stream=stream, attempt=attempt)
        answer = self._ask("GET", f"/v1/jobs/{job_id}/log{query}")
        head = answer.headers
        return LogPart(answer.body, int(head["x-log-offset"]), int(head["x-log-size"]))

    def whole_log(self, job_id: int, *, stream: str = "both", attempt: int | None = None) -> bytes:
        """Return all a job wrote so far, in all its attempts or in one."""
        data = bytearray()
        while True:
            part = self.log(job_id, offset=len(data), stream=stream, attempt=attempt)
            data += part.data
            if not part.data or part.end >= part.size:
                return bytes(data)

    def files(self, job_id: int) -> tuple[JobFile, ...]:
        """Return the files in a job's folder."""
        found = self._ask("GET", f"/v1/jobs/{job_id}/files").json()["files"]
        return decode(tuple[JobFile, ...], found, "files")

    def file(self, job_id: int, path: str) -> bytes:
        """Return the bytes of a file in a job's folder."""
        return self._ask("GET", f"/v1/jobs/{job_id}/files/{quote(path)}").body

    def follow(self, wanted: Mapping[int, int] | None, *, logs: bool = True) -> Follow:
        """Follow jobs from these offsets of their logs; None follows the states of all jobs."""

        def open_stream(offsets: Mapping[int, int]) -> Source | None:
            named = ",".join(f"{job}:{offset}" for job, offset in offsets.items())
            jobs = "all" if wanted is None else named
            return self._open("/v1/follow" + _query(jobs=jobs, logs=int(logs)))

        return Follow(open_stream, wanted)

    def stop(self) -> Health:
        """End the engine; running jobs go on, the next engine takes them over."""
        return decode(Health, self._once("POST", "/v1/engine/stop").json())

    def drain(self, drained: bool = True) -> Health:
        """Let nothing new start, or let it again; running jobs go on, submissions are accepted."""
        return decode(Health, self._ask("PUT", "/v1/engine/drain", {"drained": drained}).json())

    def backup(self, path: str) -> str:
        """Copy the engine's database to a new file; returns its path."""
        return str(self._once("POST", "/v1/engine/backup", {"path": path}).json()["path"])

    def close(self) -> None:
        """Let go of the connection; the next request opens another."""
        self._requests.close()

    def _ask(
        self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask, and once more where the engine is gone: everything asked so bears repeating."""
        try:
            return self._requests.ask(method, target, body, headers)
        except GONE:
            # A kept connection may merely be old; only the second failure means no engine.
            pass
        try:
            return self._requests.ask(method, target, body, headers)
        except GONE as error:
            if self._revive is None or not self._revive():
                raise _nobody(self.socket) from error
        return self._once(method, target, body, headers)

    def _once(
        self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        try:
            return self._requests.ask(method, target, body, headers)
        except GONE as error:
            raise _nobody(self.socket) from error

    def _open(self, target: str) -> Source | None:
        try:
            return Stream(self.socket, target, self._timeout_s)
        except GONE:
            pass
        if self._revive is not None and self._revive():
            try:
                return Stream(self.socket, target, self._timeout_s)
            except GONE:
                pass
        return None


def _nobody(socket: str) -> EngineError:
    return EngineError(
        f"no engine answers at {socket}",
        cure="see `jupyter hpccontainers doctor`, or unset HPCCONTAINERS_SOCKET",
    )


def _query(**values: str | int | None) -> str:
    given = {key: value for key, value in values.items() if value is not None and value != ""}
    return "?" + urlencode(given, safe=":,") if given else ""


def _job(answer: Answer) -> Job:
    return decode(Job, answer.json())


def _jobs(answer: Answer) -> tuple[Job, ...]:
    return decode(tuple[Job, ...], answer.json()["jobs"], "jobs")
