"""A follow stream of a real engine that is killed again and again: every byte, once."""

from __future__ import annotations

import hashlib
import os
import random
import signal
from collections.abc import Callable

import pytest
from engine_fixture import IsolatedEngine, RunImage

from jupyter_hpccontainers.client.engine import EngineClient
from jupyter_hpccontainers.client.follow import Ended, LogWritten, StateChanged
from jupyter_hpccontainers.client.start import open_engine

# Writes bytes nobody can guess to both streams and tells their digests in files.
WRITER = """import hashlib, os, random, time
chance = random.Random(7)
sums = {1: hashlib.sha256(), 2: hashlib.sha256()}
for _ in range(400):
    stream, data = chance.choice([1, 2]), chance.randbytes(chance.randint(1, 20_000))
    while data:
        n = os.write(stream, data)
        sums[stream].update(data[:n])
        data = data[n:]
    time.sleep(0.005)
for stream, digest in sums.items():
    open(f"sum-{stream}", "w").write(digest.hexdigest())
open("started", "a").write("x")
"""


@pytest.fixture
def client(engine: IsolatedEngine, monkeypatch: pytest.MonkeyPatch) -> EngineClient:
    """A client that starts another engine when there is none."""
    for name, value in engine.env.items():
        monkeypatch.setenv(name, value)
    return open_engine()


def test_kills_of_the_engine_cost_no_byte_and_no_second_start(
    client: EngineClient, engine: IsolatedEngine, run_image: RunImage
) -> None:
    chance = random.Random(run_image.runtime)
    job = engine.submit(run_image, script=WRITER)
    sums = {"stdout": hashlib.sha256(), "stderr": hashlib.sha256()}
    killed, next_kill, read, ended = 0, 0, 0, []
    with client.follow({job.id: 0}) as follow:
        for event in follow:
            match event:
                case LogWritten(_, offset, stream, data):
                    assert offset == read
                    read += len(data)
                    sums[stream].update(data)
                case StateChanged(record):
                    job = record
                case Ended(job_id):
                    ended.append(job_id)
            if killed < 5 and read >= next_kill:
                killed, next_kill = killed + 1, read + chance.randint(1, 800_000)
                os.kill(client.health().pid, signal.SIGKILL)
    told = [(engine.workdir / f"sum-{n}").read_text() for n in (1, 2)]
    assert [digest.hexdigest() for digest in sums.values()] == told
    assert (job.result, ended, killed) == ("COMPLETED", [job.id], 5)
    assert (engine.workdir / "started").read_text() == "x"
    whole = client.whole_log(job.id, stream="stderr")
    assert hashlib.sha256(whole).hexdigest() == told[1]


def test_a_submission_whose_answer_is_lost_is_one_job(
    make_engine: Callable[..., IsolatedEngine], engine: IsolatedEngine, run_image: RunImage
) -> None:
    request = {
        "image": run_image.reference, "runtime": run_image.runtime, "script": "pass",
        "workdir": str(engine.workdir),
    }  # fmt: skip
    first = engine.client.submit(request, key="one")
    engine.kill()
    engine.start()
    again = engine.client.submit(request, key="one")
    assert again.id == first.id
    assert len(engine.client.jobs()) == 1


def test_states_of_all_jobs_are_followed_also_of_later_ones(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    with engine.client.follow(None) as follow:
        follow.poll(1.0)
        submitted = engine.submit(run_image, script="pass")
        for event in follow:
            if isinstance(event, StateChanged) and event.job.done:
                assert event.job.id == submitted.id
                break
    assert not follow.finished
