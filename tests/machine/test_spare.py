"""The spare supervisor: takes an attempt as a new one would, and outlives nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from supervisor_lab import Lab, running_with, until

from jupyter_hpccontainers.machine.attempt import Ask, Attempt
from jupyter_hpccontainers.machine.spare import Spare
from jupyter_hpccontainers.model.errors import StateConflict


@contextmanager
def spare_of(jobs: Path) -> Iterator[Spare]:
    jobs.mkdir(exist_ok=True)
    spare = Spare(jobs)
    try:
        spare.restock()
        yield spare
    finally:
        spare.close()


def waiting(jobs: Path) -> list[int]:
    """The pids of spare supervisors of this jobs' folder, by their own name in /proc."""
    return [pid for pid in named(jobs) if comm(pid) == "hpcc-spare"]


def named(jobs: Path) -> list[int]:
    return sorted({*running_with(f"{jobs}\0")} & {*running_with("supervisor.spare")})


def comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def test_the_one_that_waits_runs_the_job(lab: Lab) -> None:
    jobs = lab.folder / "jobs"
    with spare_of(jobs) as spare:
        until(lambda: bool(waiting(jobs)), "a spare supervisor")
        (pid,) = waiting(jobs)
        job = lab.run("import sys\nprint('said')\nsys.exit(3)", spawner=spare.spawn)
        assert job.popen.pid == pid
        assert job.ended().exit_code == 3
        assert (job.out, job.own_words) == (b"said\n", "")
        assert not job.attempt.alive()
        assert not waiting(jobs)


def test_the_next_job_starts_without_one(lab: Lab) -> None:
    with spare_of(lab.folder / "jobs") as spare:
        first, second = (lab.run(f"print({n})", spawner=spare.spawn) for n in (1, 2))
        assert first.popen.pid != second.popen.pid
        first.ended()
        second.ended()
        assert (first.out, second.out) == (b"1\n", b"2\n")


def test_one_that_died_waiting_costs_no_job(lab: Lab) -> None:
    jobs = lab.folder / "jobs"
    with spare_of(jobs) as spare:
        until(lambda: bool(waiting(jobs)), "a spare supervisor")
        (pid,) = waiting(jobs)
        os.kill(pid, signal.SIGKILL)
        until(lambda: comm(pid) == "" or not waiting(jobs), "its end")
        job = lab.run("print('still')", spawner=spare.spawn)
        assert job.popen.pid != pid
        job.ended()
        assert job.out == b"still\n"


def test_a_stop_in_the_first_moment_is_obeyed(lab: Lab) -> None:
    with spare_of(lab.folder / "jobs") as spare:

        def spawn_and_stop(attempt: Attempt) -> subprocess.Popen[bytes]:
            popen = spare.spawn(attempt)
            popen.send_signal(int(Ask.STOP))
            return popen

        job = lab.run(
            "open('ran', 'w').close()\nimport time\ntime.sleep(60)", spawner=spawn_and_stop
        )
        end = job.ended()
        # Before the start it is refused, after it the job is ended by TERM.
        assert (end.error_code, end.exit_code) in {("StartFailed", None), ("", 143)}


def test_nothing_is_spawned_twice_and_the_spare_stays(lab: Lab) -> None:
    jobs = lab.folder / "jobs"
    with spare_of(jobs) as spare:
        job = lab.run("print('once')")
        with pytest.raises(StateConflict):
            spare.spawn(job.attempt)
        until(lambda: len(waiting(jobs)) == 1, "the spare")
        job.ended()
        assert job.out == b"once\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_goes_with_its_engine(tmp_path: Path, number: signal.Signals) -> None:
    program = (
        "import sys, time; from pathlib import Path; "
        "from jupyter_hpccontainers.machine.spare import Spare; "
        "spare = Spare(Path(sys.argv[1])); spare.restock(); spare.restock(); time.sleep(60)"
    )
    engine = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)])
    try:
        until(lambda: bool(waiting(tmp_path)), "a spare supervisor")
        assert len(named(tmp_path)) == 1
    finally:
        engine.send_signal(number)
        engine.wait()
    until(lambda: not named(tmp_path), "its end")
