"""The Python door: submit container jobs, wait for them, read what they wrote."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, ParamSpec, TypeAlias, overload

from ..client import lines as words
from ..client.answers import MachineUse
from ..client.engine import EngineClient
from ..client.follow import Event, StateChanged
from ..model.explanation import Explanation
from ..model.job import Image, Mount
from ..model.job import Job as Record
from ..model.states import Result, State
from . import card
from .connection import connect
from .listing import Listing, images_listing, jobs_listing
from .logs import log_lines
from .request import change_request, python_request, typed_time
from .tail import TAIL_BYTES, rendered
from .twins import GivenUp, in_thread, iterate

_P = ParamSpec("_P")
Stream = Literal["both", "stdout", "stderr"]
#: A job, its number ("12_7": a task of array 12), a dependency as text ("afterany:12:13"), in a
#: workflow a name, or several of these.
After: TypeAlias = "Job | int | str | Iterable[Job | int | str]"

_LOOK_EVERY_S = 0.5
#: How many tasks are asked for at once.
_PAGE = 1_000


def submit(  # noqa: PLR0913 - each is a thing a person may ask for, and all but two by name
    image: str, command: str | Sequence[str] | None = None, *, script: str | None = None,
    cores: int = 1, memory: str | None = None, gpus: int = 0,
    time_limit: str | int | timedelta | None = None, begin: str | datetime | None = None,
    env: Mapping[str, str] | None = None, mounts: Iterable[str | Mount] = (),
    workdir: str | None = None, name: str = "", description: str = "", tags: Iterable[str] = (),
    priority: str | None = None, hold: bool = False, after: After = (),
    array: str | Iterable[str] | None = None, max_running: int | None = None,
    retries: int = 0, retry_on: Iterable[int] = (), signal: str | None = None, requeue: bool = True,
    project: str = "", tokens: Mapping[str, int] | None = None, labels: Iterable[str] = (),
    runtime: str | None = None, network: str | None = None, tty: bool = False,
    writable: bool = False, merge_stderr: bool = False, keep_entrypoint: bool = False,
    as_root: bool = False, engine: EngineClient | None = None,
) -> Job:  # fmt: skip
    """Submit a job and return it at once.

    ``command`` is an argv (or one shell-like text) that keeps the image's ENTRYPOINT; ``script`` is
    a body run by its shebang, else python3. ``memory`` is written with a unit ("4g"),
    ``time_limit`` as for Slurm ("1:30:00", 90 = minutes), "1h30m" or a timedelta; the working
    folder is this process's and is mounted read-write at its own path. It starts not before
    ``begin`` (a datetime, "2026-05-01T20:00" or "+30m"), with ``hold`` only once released, and
    after what ``after`` names: jobs (or their numbers) that must complete, or texts as
    "afterany:14" and "12_7". ``array`` makes tasks of it: "1-100:2%8", or one for each text of a
    list, of which at most ``max_running`` run at once. ``tokens`` are countable things it uses
    ({"matlab": 1}), ``labels`` what the machine must be, ``project`` what it counts for. After a
    failure it is tried again at most ``retries`` times, on the exit codes of ``retry_on`` (none:
    any but 0); ``signal`` ("USR1@60") is given to its main process so many seconds before the time
    limit; without ``requeue`` it ends for good when it has to make way for a higher class. Raises
    HpccError: what is wrong, and what to do about it.
    """
    asked = dict(locals())
    client = asked.pop("engine") or connect(say)
    return Job(client.submit(python_request(asked)), client)


@dataclass(frozen=True, slots=True)
class Spec:
    """A job as it will be asked for; ``spec`` makes one."""

    request: Mapping[str, Any]


def _put_off(submit: Callable[_P, Job]) -> Callable[_P, Spec]:
    """Return what takes the arguments of ``submit``, less the engine, and submits nothing."""
    like = inspect.signature(submit)
    some = [one for one in like.parameters.values() if one.name != "engine"]
    signature = like.replace(parameters=some, return_annotation="Spec")

    def spec(*args: _P.args, **asked: _P.kwargs) -> Spec:
        """Return the job that ``submit`` would ask for with these arguments; nothing is submitted.

        It is for ``submit_workflow``, where ``after`` may also name jobs of the workflow.
        """
        bound = signature.bind(*args, **asked)
        bound.apply_defaults()
        return Spec(python_request(bound.arguments))

    spec.__signature__ = signature  # type: ignore[attr-defined]
    return spec


spec = _put_off(submit)


def submit_workflow(
    jobs: Mapping[str, Spec], *, engine: EngineClient | None = None
) -> dict[str, Job]:
    """Submit jobs that wait for each other, all of them or none; return them by their names.

    ``{"split": spec(image, script=a), "map": spec(image, script=b, array="0-9", after="split"),
    "tidy": spec(image, script=c, after="afternotok:map")}``; "map_3" is one task of the array. A
    job without a name of its own is called as it is here. Raises HpccError: which of them can't be
    accepted and why, or the names of those that wait for each other.
    """
    client = engine or connect(say)
    found = client.submit_workflow({name: one.request for name, one in jobs.items()})
    return {name: Job(record, client) for name, record in found.items()}


def dry_run(
    image: str,
    command: str | Sequence[str] | None = None,
    *,
    engine: EngineClient | None = None,
    **asked: Any,
) -> Explanation:
    """Return when ``submit`` with these arguments would start a job, and what would start it now.

    Nothing is submitted. ``outlook`` of the answer is the sentence. Raises HpccError as ``submit``
    does, TypeError for an argument that ``submit`` does not have.
    """
    request = spec(image, command, **asked).request
    return (engine or connect(say)).dry_run(request)


def jobs(
    *, state: str = "", tag: str = "", name: str = "", limit: int = 100,
    engine: EngineClient | None = None,
) -> Listing[Job]:  # fmt: skip
    """Return jobs, newest first; ``state`` is comma-separated states, or ``active``."""
    client = engine or connect(say)
    found = client.jobs(state=state, tag=tag, name=name, limit=limit)
    return jobs_listing(found, [Job(record, client) for record in found])


def job(job_id: int, *, engine: EngineClient | None = None) -> Job:
    """Return the job of a number, also one submitted by another notebook or door."""
    client = engine or connect(say)
    return Job(client.job(job_id), client)


def images(search: str = "", *, engine: EngineClient | None = None) -> Listing[Image]:
    """Return the images on this machine whose name contains ``search``."""
    return images_listing((engine or connect(say)).images(search))


def machine(*, engine: EngineClient | None = None) -> MachineUse:
    """Return what the machine has, what jobs hold of it and what others use."""
    return (engine or connect(say)).machine()


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a job ended well; its output is read when it is asked for."""

    exit_code: int
    job: Job

    @property
    def stdout(self) -> str:
        """All of stdout; what is no UTF-8 is replaced."""
        return self.job.logs("stdout")

    @property
    def stderr(self) -> str:
        """All of stderr."""
        return self.job.logs("stderr")


class Job:
    """A job of the engine: shown as its card, usable from any process of the person."""

    def __init__(self, record: Record, client: EngineClient) -> None:
        self._record = record
        self._client = client

    @property
    def id(self) -> int:
        """Its number."""
        return self._record.id

    @property
    def record(self) -> Record:
        """Its record as it is now."""
        if not self._record.done:
            self._record = self._client.job(self.id)
        return self._record

    @property
    def tasks(self) -> tuple[Job, ...]:
        """Of an array: its tasks that are jobs by now, in their order."""
        array, client = self._record.spec.array, self._client
        if array is None:
            return ()
        found: list[Record] = []
        before = self.id + 1 + array.count
        while some := client.jobs(before=before, limit=_PAGE):
            found += [task for task in some if task.task and task.task.array == self.id]
            before = some[-1].id
            if before <= self.id:
                break
        return tuple(Job(record, client) for record in reversed(found))

    @property
    def state(self) -> State:
        """Where it stands now."""
        return self.record.state

    @property
    def outcome(self) -> Result | None:
        """How it ended, in Slurm's words; None before."""
        return self.record.result

    @property
    def exit_code(self) -> int | None:
        """The exit code of its main process; None before the end, and for one that was killed."""
        return self.record.exit_code

    @property
    def reason(self) -> str:
        """Why it waits, or why it ended as it did, in words."""
        return words.because(self.record)

    def wait(self, timeout: float | None = None) -> Job:
        """Wait until no attempt will follow; raises TimeoutError after ``timeout`` seconds."""
        return self._wait(timeout, _never)

    async def wait_async(self) -> Job:
        """Await the end; ``asyncio.timeout`` limits it."""
        return await in_thread(lambda given_up: self._wait(None, given_up))

    def result(self, timeout: float | None = None) -> RunResult:
        """Wait, then return how it ended; raises JobFailed when not as COMPLETED."""
        return self.wait(timeout)._outcome()

    async def result_async(self) -> RunResult:
        """Await ``result``; ``asyncio.timeout`` limits it."""
        return await in_thread(lambda given_up: self._wait(None, given_up)._outcome())

    @overload
    def logs(self, stream: Stream = "both", follow: Literal[False] = False) -> str: ...

    @overload
    def logs(self, stream: Stream = "both", *, follow: Literal[True]) -> Iterator[str]: ...

    def logs(self, stream: Stream = "both", follow: bool = False) -> str | Iterator[str]:
        """Return what it wrote so far; with ``follow`` an iterator of lines until it ended."""
        if follow:
            return log_lines(self._events(_never), stream)
        return self._client.whole_log(self.id, stream=stream).decode(errors="replace")

    def logs_async(self, stream: Stream = "both") -> AsyncIterator[str]:
        """Iterate with ``async for`` over the lines until it ended."""
        return iterate(lambda given_up: log_lines(self._events(given_up), stream))

    def cancel(self, *, kill: bool = False) -> Job:
        """Stop it: TERM, grace, KILL; with ``kill`` at once. Returns before it ended."""
        self._record = self._client.cancel(self.id, kill=kill)
        return self

    def hold(self) -> Job:
        """Keep it back while it waits, until it is released."""
        self._record = self._client.hold(self.id)
        return self

    def release(self) -> Job:
        """Let it go on; it keeps its place by submission."""
        self._record = self._client.release(self.id)
        return self

    def suspend(self) -> Job:
        """Let it stand still while it runs: it keeps what it holds, its time limit waits."""
        self._record = self._client.suspend(self.id)
        return self

    def resume(self) -> Job:
        """Let it run on after ``suspend``."""
        self._record = self._client.resume(self.id)
        return self

    def change(self, **asked: Any) -> Job:
        """Change what it asks for: ``time_limit``, and while it waits also ``priority``,
        ``cores``, ``memory``, ``gpus`` and ``begin``, each as for ``submit``.
        """
        self._record = self._client.change(self.id, **change_request(asked))
        return self

    def extend(self, more: str | timedelta) -> Job:
        """Give it this much more time than its limit ("30m"); refused where it delays another."""
        self._record = self._client.extend(self.id, typed_time(more))
        return self

    def explain(self) -> Explanation:
        """Return why it waits, or why it ended, as data and as a sentence."""
        return self._client.explain(self.id)

    def tail(self) -> str:
        """Return the last lines of its log as a terminal would show them, at most 4 kB."""
        part = self._client.log(self.id, offset=-TAIL_BYTES)
        return rendered(part.data)

    def __repr__(self) -> str:
        """Return number, name, image and how it stood when it was last looked at."""
        return f"<{words.headline(self._record)}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return card.bundle(self.record, self.tail())

    def _outcome(self) -> RunResult:
        if self._record.result is not Result.COMPLETED:
            raise words.failure(self._record, self.tail())
        return RunResult(self._record.exit_code or 0, self)

    def _wait(self, timeout_s: float | None, given_up: GivenUp) -> Job:
        end = None if timeout_s is None else time.monotonic() + timeout_s
        for _ in self._events(given_up, logs=False, end=end):
            continue
        if not self._record.done and not given_up():
            raise TimeoutError(f"{words.headline(self._record)} after {timeout_s:g} s")
        return self

    def _events(
        self, given_up: GivenUp, *, logs: bool = True, end: float | None = None
    ) -> Iterator[Event]:
        if self._record.done and not logs:
            return
        with self._client.follow({self.id: 0}, logs=logs) as follow:
            while not follow.finished and not given_up():
                left_s = (
                    _LOOK_EVERY_S if end is None else min(end - time.monotonic(), _LOOK_EVERY_S)
                )
                if left_s <= 0:
                    return
                for event in follow.poll(left_s):
                    if isinstance(event, StateChanged):
                        self._record = event.job
                    yield event


def say(text: str) -> None:
    """Tell a person what is waited for."""
    print(f"hpccontainers: {text}", file=sys.stderr, flush=True)


def _never() -> bool:
    return False
