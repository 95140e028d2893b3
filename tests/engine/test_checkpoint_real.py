"""A signal before the time limit, a checkpoint, and the attempt that resumes: real containers."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from engine_fixture import IsolatedEngine, RunImage

from jupyter_hpccontainers.model.errors import InvalidSpec
from jupyter_hpccontainers.model.limit_signal import LimitSignal
from jupyter_hpccontainers.model.states import Result

#: Works until it is warned, writes down how far it came and ends as agreed; then goes on there.
CHECKPOINTS = """
import os, signal, sys, time
done = 0
if os.path.exists('checkpoint'):
    done = int(open('checkpoint').read())
    print('resumed', done > 0, flush=True)
def warned(number, frame):
    with open('checkpoint', 'w') as file:
        file.write(str(done))
    print('saved', flush=True)
    sys.exit(85)
signal.signal(signal.SIGUSR1, warned)
until = done + 20 if done else 10**9
while done < until:
    done += 1
    time.sleep(0.01)
print('complete', flush=True)
"""
#: Says each time that it is warned, and when it is told to end how often it was.
COUNTS = """
import signal, sys, time
times = 0
def warned(number, frame):
    global times
    times += 1
    print('warned', flush=True)
def told(number, frame):
    print('in all', times, flush=True)
    sys.exit(0)
signal.signal(signal.SIGUSR1, warned)
signal.signal(signal.SIGTERM, told)
print('ready', flush=True)
while True:
    time.sleep(0.05)
"""


@pytest.fixture
def engine(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, apptainer: str
) -> IsolatedEngine:
    """An engine of one core, with a back-off that a test would notice."""
    return make_engine(
        docker_host=f"unix://{docker_socket}",
        cores=[0],
        memory="1g",
        grace=5.0,
        policy={"back_off_s": 1000.0},
    )


def test_a_warned_job_saves_and_the_next_attempt_resumes(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    job = engine.submit(
        run_image,
        script=CHECKPOINTS,
        memory="50m",
        time_limit="1h",
        signal="USR1@3596",
        retries=3,
        retry_on=[85],
    )
    assert job.spec.signal == LimitSignal(name="USR1", before_s=3596)
    done = engine.wait(job)
    assert (done.result, done.attempt) == (Result.COMPLETED, 2)
    (past,) = done.attempts
    assert (past.result, past.exit_code) == (Result.FAILED, 85)
    assert engine.client.whole_log(job.id, attempt=1) == b"saved\n"
    assert engine.client.whole_log(job.id, attempt=2) == b"resumed True\ncomplete\n"
    assert int((engine.workdir / "checkpoint").read_text()) > 0


def test_a_changed_limit_moves_it_and_a_restart_gives_it_once(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    job = engine.submit(run_image, script=COUNTS, memory="50m", time_limit="1h", signal="USR1@1800")
    engine.written(job, b"ready\n")
    engine.client.change(job.id, time_limit="1801s")
    engine.written(job, b"warned\n")
    engine.kill()
    engine.start()
    engine.until(job, "RUNNING")
    with pytest.raises(InvalidSpec, match="at once"):
        engine.client.change(job.id, time_limit="30m")
    engine.client.extend(job.id, "10m")
    engine.client.cancel(job.id)
    assert engine.wait(job).result is Result.CANCELLED
    assert engine.output(job) == b"ready\nwarned\nin all 1\n"


def test_one_that_came_due_while_no_engine_ran_is_given_by_the_next(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    job = engine.submit(run_image, script=COUNTS, memory="50m", time_limit="1h", signal="USR1@1800")
    engine.written(job, b"ready\n")
    started_at = engine.client.job(job.id).started_at
    assert started_at is not None
    engine.client.change(job.id, time_limit=f"{1800 + 3}s")
    engine.kill()
    time.sleep(max(0.0, started_at + 3.5 - time.time()))
    engine.start()
    engine.written(job, b"warned\n")
    engine.client.cancel(job.id)
    assert engine.wait(job).result is Result.CANCELLED
    assert engine.output(job) == b"ready\nwarned\nin all 1\n"
