"""The scheduler beside a plain-list EASY: passes, plans, memory, and the replay of logs.

Ours decides on cores, memory and GPUs by index, with reasons, records and allocations; the anchor
is ``plain_easy``, cores only. HPCC_WORKLOADS names a folder of logs (SWF) for the replay; without
it that case is left out. Times are those of the processor, so that what else runs counts less; but
for the largest gap of the loop while a dry run is worked out, whose anchor is one inside the loop.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

from plain_easy import LoggedRun, PlainJob, easy_pass, easy_replay
from rounds import Comparison, report

from jupyter_hpccontainers.backends.local.beside import Beside
from jupyter_hpccontainers.backends.local.clock import Clock
from jupyter_hpccontainers.model.job import Job, JobSpec, Priority
from jupyter_hpccontainers.model.machine import Core, Gpu, Machine
from jupyter_hpccontainers.model.resources import Resources
from jupyter_hpccontainers.model.states import State
from jupyter_hpccontainers.scheduler import (
    DEFAULT,
    Exited,
    Scheduler,
    Start,
    Started,
    Submission,
    Submitted,
)
from jupyter_hpccontainers.scheduler.events import TaskBlock
from jupyter_hpccontainers.scheduler.foresight import Foresight
from jupyter_hpccontainers.simulation.replay import replay
from jupyter_hpccontainers.simulation.swf import read_swf
from jupyter_hpccontainers.store.records import Ownership, StoredJob

GIB = 2**30
CORES, MEMORY_GIB, GPUS = 64, 512, 8
PEOPLE, COMMANDS = 20, 40
#: Amounts and limits of the typical queue: 56 shapes.
AMOUNTS = [(1, 4, 0), (2, 8, 0), (4, 16, 0), (8, 32, 0), (16, 64, 0), (4, 32, 1), (8, 64, 2)]
LIMITS_S = [300, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400]
OWNERS = {f"user{n}": Ownership(uid=n, gid=n, user=f"user{n}") for n in range(PEOPLE)}
BATCH = 200
PASSES = int(os.environ.get("PASSES", "400"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))


class Crowd:
    """A full machine and the jobs that wait for it, as we keep them and as a plain list."""

    def __init__(self, pending: int, *, alike: bool, rows: bool = False, seed: int = 1) -> None:
        self._chance = random.Random(seed)
        self._numbers = count(1)
        self._alike = alike
        self._with_rows = rows
        self._kinds = [
            (f"user{n % PEOPLE}", f"command{n}", self._chance.choice(AMOUNTS), limit_s)
            for n in range(PEOPLE * COMMANDS)
            for limit_s in [self._chance.choice(LIMITS_S)]
        ]
        self.now = 1e9
        cores = tuple(Core(number, number) for number in range(CORES))
        gpus = tuple(Gpu(number) for number in range(GPUS))
        self.scheduler = Scheduler(Machine("bench", cores, MEMORY_GIB * GIB, gpus), DEFAULT)
        self.plain: dict[int, PlainJob] = {}
        self.running: dict[int, tuple[float, int]] = {}
        self.rows: dict[int, StoredJob] = {}
        self.submit(pending)

    def _job(self) -> Submission:
        number = next(self._numbers)
        user, command, (cores, memory_gib, gpus), asked_s = self._chance.choice(self._kinds)
        memory, limit_s = memory_gib * GIB, float(asked_s)
        if not self._alike:
            memory += self._chance.randrange(memory)
            limit_s *= self._chance.uniform(1, 2)
        self.plain[number] = PlainJob(cores, limit_s)
        resources = Resources(cores, memory, gpus)
        if self._with_rows:
            self.rows[number] = _row(number, resources, user)
        return Submission(
            job_id=number,
            resources=resources,
            limit_s=limit_s,
            priority=Priority.NORMAL,
            submitted_at=self.now,
            grace_s=30.0,
            start_timeout_s=300.0,
            image_ready=True,
            user=user,
            kind=command,
        )

    def submit(self, jobs: int) -> None:
        """Submit so many new jobs, some at a time as a busy engine takes them in."""
        for begun in range(0, jobs, BATCH):
            batch = [Submitted(self._job()) for _ in range(min(BATCH, jobs - begun))]
            self._settle(self.scheduler.handle_all(batch, self.now))

    def submit_array(self, tasks: int) -> float:
        """Return the seconds until an array was taken in and decided about."""
        number = next(self._numbers)
        job = replace(self._job(), job_id=number, tasks=TaskBlock(number + 1, tasks))
        begun = time.thread_time()
        self.scheduler.handle(Submitted(job), self.now)
        return time.thread_time() - begun

    def end_one(self) -> float:
        """Let the job that has run longest end, and return the seconds until it was decided."""
        self.now += self._chance.expovariate(1 / 60)
        ended = next(iter(self.running))
        del self.running[ended]
        begun = time.thread_time()
        actions = self.scheduler.handle(Exited(job_id=ended, exit_code=0), self.now)
        took_s = time.thread_time() - begun
        self._settle(actions)
        return took_s

    def plain_pass(self) -> float:
        """Return the seconds of the anchor's pass over the same queue."""
        waiting, running = list(self.plain.values()), sorted(self.running.values())
        begun = time.thread_time()
        easy_pass(waiting, CORES - sum(cores for _, cores in running), running, self.now)
        return time.thread_time() - begun

    def plan(self) -> float:
        """Return the seconds of a plan for everyone."""
        begun = time.thread_time()
        planned = self.scheduler.plan(self.now)
        took_s = time.thread_time() - begun
        if len(planned) != min(len(self.plain), 10_000):
            raise SystemExit(f"{len(planned)} of {len(self.plain)} jobs are planned")
        return took_s

    async def dry_run_here(self) -> None:
        """Work out a dry run in the loop."""
        Foresight(self.scheduler).dry_run(self._job(), self.now)

    async def dry_run_beside(self) -> None:
        """Work it out as the engine does."""
        asked, beside = self._job(), Beside(self.scheduler, Clock())
        await beside.ask(lambda copy, _: Foresight(copy).dry_run(asked, self.now))
        beside.close()

    def _settle(self, actions: list[object]) -> None:
        started = [action.job_id for action in actions if isinstance(action, Start)]
        for number in started:
            job = self.plain.pop(number)
            self.running[number] = self.now + job.limit_s, job.cores
        self.scheduler.handle_all([Started(number) for number in started], self.now)


def passes(pending: int) -> Comparison:
    """A pass after a job has ended: the 99th percentile of both."""
    crowd = Crowd(pending, alike=True)
    ours, anchors = [], []
    for _ in range(PASSES):
        anchors.append(crowd.plain_pass())
        ours.append(crowd.end_one())
        crowd.submit(pending - len(crowd.plain))
    return compared(f"pass p99, {pending} pending", _p99(ours), _p99(anchors))


def plans(pending: int, *, alike: bool) -> Comparison:
    """A predicted start for everyone, against the anchor's pass, which predicts nothing."""
    crowd = Crowd(pending, alike=alike)
    shapes = "56 shapes" if alike else "all shapes differ"
    ours = statistics.median(crowd.plan() for _ in range(ROUNDS))
    anchor = statistics.median(crowd.plain_pass() for _ in range(ROUNDS))
    return compared(f"plan, {pending} pending, {shapes}", ours, anchor)


def gaps(pending: int, *, alike: bool) -> Comparison:
    """The longest a loop does not turn while somebody asks for a dry run."""
    crowd = Crowd(pending, alike=alike)
    shapes = "56 shapes" if alike else "all shapes differ"
    ours = statistics.median(_largest_gap(crowd.dry_run_beside) for _ in range(ROUNDS))
    anchor = statistics.median(_largest_gap(crowd.dry_run_here) for _ in range(ROUNDS))
    return compared(f"loop's largest gap, dry run, {pending} pending, {shapes}", ours, anchor)


def _largest_gap(ask: Callable[[], Awaitable[None]]) -> float:
    gaps = [0.0]

    async def turn() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    async def measure() -> None:
        turning = asyncio.create_task(turn())
        await asyncio.sleep(0.1)
        await ask()
        await asyncio.sleep(0.1)
        turning.cancel()

    asyncio.run(measure())
    return max(gaps)


def array(tasks: int) -> Comparison:
    """An array taken in behind 10,000 jobs, against writing its tasks down in a plain list."""
    ours = Crowd(10_000, alike=True).submit_array(tasks)
    begun = time.thread_time()
    plain = [PlainJob(1, 60.0 + task) for task in range(tasks)]
    return compared(f"array of {len(plain)} tasks", ours, time.thread_time() - begun)


def memory(pending: int) -> Comparison:
    """What the scheduler's and the ledger's rows of waiting jobs hold, against two numbers each."""
    before = _resident_mib()
    crowd = Crowd(pending, alike=True, rows=True)
    both = _resident_mib() - before
    before = _resident_mib()
    plain = {number: PlainJob(job.cores, job.limit_s + 1) for number, job in crowd.plain.items()}
    anchor = _resident_mib() - before
    # The crowd keeps such a plain list itself.
    ours = both - anchor
    if len(crowd.rows) < len(plain):
        raise SystemExit("not everybody has a row")
    return compared(f"memory, {pending} pending", ours, max(anchor, 1.0), "MiB", 1)


def replays(folder: Path) -> Comparison:
    """All logs by the default policy, against the anchor."""
    ours = anchor = 0.0
    for path in sorted(folder.glob("*.swf*")):
        workload = read_swf(path)
        runs = [LoggedRun(j.submit_s, j.run_s, j.limit_s, j.processors) for j in workload.jobs]
        begun = time.thread_time()
        easy_replay(runs, workload.processors)
        anchor += time.thread_time() - begun
        begun = time.thread_time()
        replay(workload, DEFAULT)
        ours += time.thread_time() - begun
        print(f"{path.name}: {ours:.1f} s against {anchor:.1f} s so far", file=sys.stderr)
    return compared("replay of the logs", ours, anchor, "s", 1)


def compared(
    case: str, ours: float, anchor: float, unit: str = "ms", scale: float = 1000
) -> Comparison:
    """Return a case in its unit."""
    print(f"{case}: {ours * scale:.2f} {unit} against {anchor * scale:.2f}", file=sys.stderr)
    return Comparison(
        case, round(ours * scale, 3), round(anchor * scale, 3), round(ours / anchor, 3), unit
    )


def _p99(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.99)]


def _resident_mib() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def _row(number: int, resources: Resources, user: str) -> StoredJob:
    """Return the row of a job as the engine keeps it at hand; each has its own texts."""
    spec = JobSpec(
        image="lab/python:3.12",
        command=("python", "-c", f"print({number})"),
        resources=resources,
        name=f"job-{number}",
        time_limit_s=3600,
    )
    job = Job(
        id=number,
        engine="bench",
        spec=spec,
        state=State.PENDING,
        user=user,
        submitted_at=1e9 + number,
    )
    return StoredJob(job=job, owner=OWNERS[user])


def _cases() -> Iterator[Comparison]:
    # First, so that no memory of another case is taken over.
    yield memory(100_000)
    yield array(100_000)
    yield passes(10_000)
    yield passes(100_000)
    yield plans(500, alike=True)
    yield plans(10_000, alike=True)
    yield plans(10_000, alike=False)
    yield gaps(10_000, alike=True)
    yield gaps(10_000, alike=False)
    if folder := os.environ.get("HPCC_WORKLOADS"):
        if any(Path(folder).glob("*.swf*")):
            yield replays(Path(folder))
        else:
            print(f"no log can be read in {folder}: no replay", file=sys.stderr)


if __name__ == "__main__":
    report("scheduler", list(_cases()))
