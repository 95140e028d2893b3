"""Hold, begin, change, more time, retries, preemption: real containers under each runtime."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from engine_fixture import IsolatedEngine, RunImage

from jupyter_hpccontainers.client.follow import LogWritten
from jupyter_hpccontainers.model.errors import NeverFits, StateConflict
from jupyter_hpccontainers.model.job import Job
from jupyter_hpccontainers.model.states import ReasonCode, Result, State


@pytest.fixture
def small(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, apptainer: str
) -> IsolatedEngine:
    """An engine with one core, so that a second job waits."""
    return make_engine(docker_host=f"unix://{docker_socket}", cores=[0], memory="1g", grace=2.0)


def reason_of(engine: IsolatedEngine, job: Job, code: ReasonCode) -> Job:
    """Wait until a job waits for this reason."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = engine.client.job(job.id)
        if found.reason is not None and found.reason.code is code:
            return found
        time.sleep(0.02)
    raise AssertionError(f"job {job.id} is {found.state} for {found.reason}")


def test_a_held_job_starts_once_it_is_released(small: IsolatedEngine, run_image: RunImage) -> None:
    held = small.submit(run_image, command=["true"], memory="50m", hold=True)
    assert held.state is State.HELD
    other = small.submit(run_image, command=["true"], memory="50m")
    assert small.wait(other).result is Result.COMPLETED
    assert reason_of(small, held, ReasonCode.USER_HOLD).state is State.HELD
    small.kill()
    small.start()
    assert small.client.job(held.id).state is State.HELD
    assert small.client.release(held.id).state is not State.HELD
    assert small.wait(held).result is Result.COMPLETED
    with pytest.raises(StateConflict):
        small.client.hold(held.id)


def test_a_job_waits_for_its_begin_time(small: IsolatedEngine, run_image: RunImage) -> None:
    begin = (datetime.now().astimezone() + timedelta(seconds=3)).isoformat()
    job = small.submit(run_image, command=["true"], memory="50m", begin=begin)
    assert "begins at" in small.client.explain(job.id).sentence
    reason_of(small, job, ReasonCode.BEGIN_TIME)
    small.kill()
    small.start()
    done = small.wait(job)
    assert done.result is Result.COMPLETED
    assert done.started_at is not None
    assert done.spec.begin_at is not None
    assert done.started_at >= done.spec.begin_at


def test_a_waiting_job_is_changed_and_what_never_fits_is_refused(
    small: IsolatedEngine, run_image: RunImage
) -> None:
    running = small.submit(run_image, command=["sleep", "600"], memory="50m")
    small.until(running, "RUNNING")
    first = small.submit(run_image, command=["true"], memory="50m")
    script = "import os; print(open('/proc/self/cgroup').read() and 'ran')"
    second = small.submit(run_image, script=script, memory="50m", begin="+1h")
    with pytest.raises(NeverFits, match="the machine has 1"):
        small.client.change(second.id, cores=2)
    with pytest.raises(StateConflict, match="can't be given other resources"):
        small.client.change(running.id, memory="60m")
    changed = small.client.change(
        second.id, priority="urgent", memory="60m", time_limit="1h", begin="now"
    )
    assert changed.spec.resources.memory_bytes == 60 * 2**20
    assert (changed.spec.priority, changed.spec.time_limit_s) == ("urgent", 3600)
    reason_of(small, second, ReasonCode.RESOURCES)
    assert small.client.job(second.id).position == 1
    small.kill()
    small.start()
    for waiting in (first, second):
        reason_of(small, waiting, ReasonCode.RESOURCES)
    small.client.cancel(running.id, kill=True)
    one, two = small.wait(first), small.wait(second)
    assert two.allocation is not None
    assert two.allocation.memory_bytes == 60 * 2**20
    assert two.started_at is not None
    assert one.started_at is not None
    assert two.started_at < one.started_at
    assert small.output(second) == b"ran\n"


def test_a_running_job_is_given_more_time_where_that_delays_nobody(
    small: IsolatedEngine, run_image: RunImage
) -> None:
    job = small.submit(run_image, command=["sleep", "6"], memory="50m", time_limit="4s")
    small.until(job, "RUNNING")
    assert small.client.extend(job.id, "1h").spec.time_limit_s == 3604
    small.kill()
    small.start()
    waiting = small.submit(run_image, command=["true"], memory="50m")
    reason_of(small, waiting, ReasonCode.RESOURCES)
    with pytest.raises(StateConflict, match=f"would delay job {waiting.id}"):
        small.client.extend(job.id, "1h")
    assert small.wait(job).result is Result.COMPLETED
    assert small.wait(waiting).result is Result.COMPLETED


#: Fails until there are three lines, and says which run it is.
COUNTED = """
import os, sys, time
with open('runs', 'a+') as runs:
    runs.write('run\\n')
    runs.seek(0)
    run = len(runs.readlines())
print('run', run, flush=True)
print('attempt', os.environ['HPCC_JOB_ID'], file=sys.stderr)
sys.exit(75 if run < 3 else 0)
"""


def eager(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, **policy: float
) -> IsolatedEngine:
    """Return an engine of one core that tries again soon, or as the policy says."""
    return make_engine(
        docker_host=f"unix://{docker_socket}",
        cores=[0],
        memory="1g",
        grace=3.0,
        policy={"back_off_s": 0.2, **policy},
    )


def test_a_listed_exit_code_is_tried_again_and_every_log_is_kept(
    make_engine: Callable[..., IsolatedEngine],
    docker_socket: str,
    apptainer: str,
    run_image: RunImage,
) -> None:
    engine = eager(make_engine, docker_socket)
    job = engine.submit(run_image, script=COUNTED, memory="50m", retries=5, retry_on=[75])
    with engine.client.follow({job.id: 0}) as events:
        logs = [event for event in events if isinstance(event, LogWritten)]
    followed = b"".join(event.data for event in logs if event.stream == "stdout")
    done = engine.wait(job)
    assert (done.result, done.attempt) == (Result.COMPLETED, 3)
    assert [(one.number, one.result, one.exit_code) for one in done.attempts] == [
        (1, Result.FAILED, 75), (2, Result.FAILED, 75),
    ]  # fmt: skip
    assert followed == b"run 1\nrun 2\nrun 3\n" == engine.output(done, "stdout")
    for number in (1, 2, 3):
        own = engine.client.whole_log(job.id, stream="stdout", attempt=number)
        assert own == f"run {number}\n".encode()
    whole = engine.output(done)
    assert len(whole) == done.log_bytes
    assert engine.client.log(job.id, offset=-5, length=3).data == whole[-5:-2]
    assert sorted(path.name for path in (engine.state / f"jobs/{job.id}").iterdir()) == [
        "1", "2", "3",
    ]  # fmt: skip


def test_another_exit_code_is_not_tried_again_and_a_cancel_ends_the_trying(
    make_engine: Callable[..., IsolatedEngine],
    docker_socket: str,
    apptainer: str,
    run_image: RunImage,
) -> None:
    engine = eager(make_engine, docker_socket, back_off_s=60.0)
    once = engine.submit(
        run_image, script="import sys; sys.exit(1)", memory="50m", retries=2, retry_on=[75]
    )
    assert (engine.wait(once).result, engine.wait(once).attempt) == (Result.FAILED, 1)
    waiting = engine.submit(run_image, script=COUNTED, memory="50m", retries=2)
    found = reason_of(engine, waiting, ReasonCode.BACK_OFF)
    assert (found.state, found.attempt, found.allocation) == (State.PENDING, 2, None)
    assert "is tried again (attempt 2)" in engine.client.explain(waiting.id).sentence
    engine.client.cancel(waiting.id)
    done = engine.wait(waiting)
    assert (done.result, len(done.attempts)) == (Result.CANCELLED, 1)
    assert engine.output(done, "stdout") == b"run 1\n"


def test_the_back_off_goes_on_when_the_engine_is_killed(
    make_engine: Callable[..., IsolatedEngine],
    docker_socket: str,
    apptainer: str,
    run_image: RunImage,
) -> None:
    engine = eager(make_engine, docker_socket, back_off_s=4.0)
    job = engine.submit(run_image, script=COUNTED, memory="50m", retries=2)
    before = reason_of(engine, job, ReasonCode.BACK_OFF)
    engine.kill()
    engine.start()
    after = reason_of(engine, job, ReasonCode.BACK_OFF)
    assert after.reason == before.reason, "the same attempt, at the same time"
    engine.until(job, "PENDING")
    deadline = time.monotonic() + 30
    while engine.client.job(job.id).attempt < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    engine.client.cancel(job.id)
    done = engine.wait(job)
    assert (engine.workdir / "runs").read_text() == "run\nrun\n"
    first, second = done.attempts
    assert second.started_at is not None
    assert second.started_at >= first.ended_at + 4.0
    assert (first.exit_code, second.exit_code) == (75, 75)


#: Goes on when it is told to end, and tells so; then takes its time.
STUBBORN = """
import signal, sys, time
def told(number, frame):
    print('told', flush=True)
signal.signal(signal.SIGTERM, told)
print('begun', flush=True)
while True:
    time.sleep(0.05)
"""
#: The first run goes on for ever, the next one ends at once.
RESUMES = """
import os, time
again = os.path.exists('mark')
open('mark', 'w').close()
print('again' if again else 'begun', flush=True)
time.sleep(0 if again else 600)
"""


def test_a_best_effort_job_makes_way_and_runs_again_afterwards(
    small: IsolatedEngine, run_image: RunImage
) -> None:
    low = small.submit(run_image, script=RESUMES, memory="50m", priority="best-effort")
    small.written(low, b"begun")
    normal = small.submit(run_image, command=["sleep", "1"], memory="50m")
    stopping = small.until(low, "STOPPING", "PENDING")
    if stopping.reason is not None and stopping.state is State.STOPPING:
        assert stopping.reason.code is ReasonCode.PREEMPTED
        assert stopping.allocation is not None
    first = small.wait(normal)
    done = small.wait(low)
    assert (first.result, done.result, done.attempt) == (Result.COMPLETED, Result.COMPLETED, 2)
    (past,) = done.attempts
    assert past.result is Result.PREEMPTED
    assert past.reason is not None
    assert past.reason.details == {"by": [normal.id]}
    assert first.started_at is not None
    assert done.started_at is not None
    assert first.ended_at is not None
    assert past.ended_at <= first.started_at
    assert first.ended_at <= done.started_at
    assert small.client.whole_log(low.id, attempt=1) == b"begun\n"
    assert small.output(done) == b"begun\nagain\n"


def test_without_requeue_it_ends_as_preempted(small: IsolatedEngine, run_image: RunImage) -> None:
    asked = {"memory": "50m", "priority": "best-effort", "requeue": False}
    low = small.submit(run_image, command=["sleep", "600"], **asked)
    small.until(low, "RUNNING")
    urgent = small.submit(run_image, command=["true"], memory="50m", priority="urgent")
    assert small.wait(low).result is Result.PREEMPTED
    assert small.wait(low).attempts == ()
    assert small.wait(urgent).result is Result.COMPLETED


def test_making_way_goes_on_when_the_engine_is_killed(
    small: IsolatedEngine, run_image: RunImage
) -> None:
    low = small.submit(run_image, script=STUBBORN, memory="50m", priority="best-effort")
    small.written(low, b"begun")
    normal = small.submit(run_image, command=["true"], memory="50m")
    small.until(low, "STOPPING")
    small.kill()
    small.start()
    assert small.wait(normal).result is Result.COMPLETED
    again = small.until(low, "RUNNING")
    # It may have begun again while the new engine looked for the other's image: then twice.
    assert again.attempt == len(again.attempts) + 1 <= 3
    assert {one.result for one in again.attempts} == {Result.PREEMPTED}
    small.client.cancel(low.id, kill=True)
    assert small.wait(low).result is Result.CANCELLED
    assert small.client.whole_log(low.id, attempt=1) == b"begun\ntold\n"


def test_a_cancel_while_it_makes_way_ends_it_for_good(
    small: IsolatedEngine, run_image: RunImage
) -> None:
    low = small.submit(run_image, script=STUBBORN, memory="50m", priority="best-effort")
    small.written(low, b"begun")
    normal = small.submit(run_image, command=["true"], memory="50m")
    small.until(low, "STOPPING")
    small.client.cancel(low.id)
    done = small.wait(low)
    assert (done.result, done.attempt) == (Result.CANCELLED, 1)
    assert small.wait(normal).result is Result.COMPLETED
