"""Engines that die on the way to a supervisor: nothing is lost, nothing is started twice."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_fixture import IsolatedEngine, RunImage

from jupyter_hpccontainers.backends.local.attempts import Attempts
from jupyter_hpccontainers.backends.local.clock import Clock
from jupyter_hpccontainers.backends.local.watching import Watching
from jupyter_hpccontainers.machine.attempt import Ask, Attempt, Standing, prepare, spawn
from jupyter_hpccontainers.machine.processes import boot_id
from jupyter_hpccontainers.model.states import Result, State

#: A supervisor that is slow to begin: it has the lock, and its name comes later.
SLOW = """
import json, os, signal, sys, time
from jupyter_hpccontainers.machine.processes import boot_id, process
lock = int(sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
time.sleep(float(sys.argv[2]))
own = process(os.getpid())
name = {"pid": own.pid, "start_ticks": own.start_ticks, "boot_id": boot_id()}
os.pwrite(lock, json.dumps(name).encode(), 0)
time.sleep(60)
"""


def made(folder: Path) -> Attempt:
    return prepare(folder / "jobs", 7, 1, uid=os.geteuid(), gid=os.getegid())


def slow_supervisor(attempt: Attempt, pause_s: float) -> subprocess.Popen[bytes]:
    """Start one that holds the lock from the outset, as the real one does."""
    lock = os.open(attempt.folder / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    command = [sys.executable, "-c", SLOW, str(lock), str(pause_s)]
    started = subprocess.Popen(command, pass_fds=(lock,))
    os.close(lock)
    return started


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(2000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within 20 s")


@pytest.mark.parametrize("asked", [None, Ask.STOP])
async def test_a_supervisor_without_a_name_yet_is_no_lost_job(
    tmp_path: Path, asked: Ask | None
) -> None:
    abandoned: list[int] = []
    watching = Watching()
    attempts = Attempts(
        watching, Clock(), lambda event: None, lambda job_id, _: abandoned.append(job_id)
    )
    attempt = made(tmp_path)
    supervisor = slow_supervisor(attempt, pause_s=0.5)
    try:
        attempts.look_after(7, attempt)
        assert (7 in attempts, abandoned) == (True, [])
        if asked is not None:
            assert attempts.ask(7, asked)
            await asyncio.to_thread(supervisor.wait, 20)
            # It left no exit file: only then is it given up.
            await until(lambda: bool(abandoned))
        else:
            await until(lambda: attempt.supervisor() is not None)
            await asyncio.sleep(0.3)
            assert (7 in attempts, abandoned) == (True, [])
    finally:
        attempts.let_go()
        watching.close()
        supervisor.kill()
        supervisor.wait()


def test_a_lock_that_nobody_signed_is_no_start(tmp_path: Path) -> None:
    attempt = made(tmp_path)
    (attempt.folder / "lock").touch()
    assert attempt.standing() is Standing.NEVER_SPAWNED
    name: dict[str, Any] = {"pid": 2**22 + 1, "start_ticks": 1, "boot_id": boot_id()}
    (attempt.folder / "lock").write_text(json.dumps(name))
    assert attempt.standing() is Standing.ABANDONED
    with pytest.raises(Exception, match="started before"):
        spawn(attempt)


def test_an_engine_killed_at_any_step_of_a_start_starts_it_once(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    steps: list[Callable[[Path], bool]] = [
        lambda folder: folder.is_dir(),
        lambda folder: (folder / "supervisor.json").exists(),
        lambda folder: (folder / "lock").exists(),
        lambda folder: (folder / "lock").exists() and (folder / "lock").stat().st_size > 0,
        lambda folder: (folder / "output").exists(),
    ]
    for number, reached in enumerate(steps):
        starts = engine.workdir / f"starts{number}"
        job = engine.submit(
            run_image, script=f"open({str(starts)!r}, 'a').write('start\\n'); raise SystemExit(7)"
        )
        folder = engine.state / "jobs" / str(job.id) / "1"
        deadline = time.monotonic() + 20
        while not reached(folder):
            assert time.monotonic() < deadline, engine.log()
        engine.kill()
        engine.start()
        done = engine.wait(job)
        assert (done.state, done.result, done.exit_code) == (State.DONE, Result.FAILED, 7), done
        assert starts.read_text() == "start\n"
