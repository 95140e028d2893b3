"""A supervisor that is killed: what stands in its folder, and that nothing of its job lives on."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from supervisor_lab import Lab, running_with, until

from jupyter_hpccontainers.machine import cgroups
from jupyter_hpccontainers.machine.attempt import Ask, Attempt, Standing
from jupyter_hpccontainers.machine.leftovers import end_leftovers
from jupyter_hpccontainers.machine.processes import boot_id, descendants, session_members

STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("stubborn", flush=True)
    time.sleep(300)
time.sleep(300)
"""


def test_a_killed_supervisor_leaves_an_abandoned_attempt_that_is_ended_whole(
    apptainer_lab: Lab,
) -> None:
    job = apptainer_lab.run(STUBBORN).says(b"stubborn")
    inside = str(job.attempt.job_dir)
    noted = json.loads((job.attempt.folder / "session").read_text())
    tree = [one.pid for one in descendants(job.popen.pid)]
    assert len(tree) >= 4
    job.popen.kill()
    job.popen.wait()
    assert job.attempt.standing() is Standing.ABANDONED
    assert job.attempt.supervisor() is None
    assert not job.attempt.ask(Ask.STOP)
    assert end_leftovers(job.attempt) >= 4
    assert not running_with(inside)
    assert session_members(noted["session"]) == []
    assert not any(Path(path).exists() for path in noted["cgroup"].values())


def test_ending_what_is_ended_does_nothing(apptainer_lab: Lab) -> None:
    job = apptainer_lab.run("print('hi')")
    assert job.ended().exit_code == 0
    assert end_leftovers(job.attempt) == 0


def test_a_session_of_another_boot_or_of_others_is_left_alone(
    open_folder: Path, apptainer_lab: Lab
) -> None:
    job = apptainer_lab.run(STUBBORN).says(b"stubborn")
    noted = json.loads((job.attempt.folder / "session").read_text())
    other = Attempt(open_folder)
    for lie in ({"boot_id": "0" * 36}, {"start_ticks": noted["start_ticks"] - 1}):
        (open_folder / "session").write_text(json.dumps({**noted, "cgroup": {}, **lie}))
        assert end_leftovers(other) == 0
    assert noted["boot_id"] == boot_id()
    assert session_members(noted["session"])
    job.ask(Ask.KILL)
    assert job.ended().exit_code == 137


def test_no_fuse_process_and_no_control_group_is_left_after_each_kind_of_end(
    apptainer_lab: Lab,
) -> None:
    for ask in (None, Ask.STOP, Ask.KILL):
        seconds = 300 if ask else 0
        job = apptainer_lab.run(f"import time\nprint('in', flush=True)\ntime.sleep({seconds})")
        noted = json.loads((job.says(b"in").attempt.folder / "session").read_text())
        if ask:
            job.ask(ask)
        job.ended()
        assert session_members(noted["session"]) == []
        assert not any(Path(path).exists() for path in noted["cgroup"].values())


def test_the_supervisors_own_death_by_the_engines_signals_is_not_possible_at_its_start(
    apptainer_lab: Lab,
) -> None:
    """Signals sent in its first moment wait for its handlers: none of them ends it."""
    job = apptainer_lab.run("import time; time.sleep(300)")
    for ask in (Ask.SUSPEND, Ask.RESUME, Ask.STOP, Ask.STOP):
        job.popen.send_signal(ask)
    end = job.ended()
    assert end.error_code == "StartFailed" or end.exit_code == 143


def test_apptainer_itself_killed_is_a_job_killed(apptainer_lab: Lab) -> None:
    job = apptainer_lab.run("import time; print('in', flush=True); time.sleep(300)").says(b"in")
    noted = json.loads((job.attempt.folder / "session").read_text())
    leader = next(one for one in session_members(noted["session"]) if one.pid == noted["session"])
    assert leader.parent == job.popen.pid
    os.kill(leader.pid, signal.SIGKILL)
    assert job.ended().exit_code == 137
    assert not running_with(f"{job.attempt.job_dir}/script")


def test_rights_are_tried_and_leave_nothing() -> None:
    before = cgroups.own_folders(
        Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text()
    )
    held = cgroups.rights()
    assert held <= {cgroups.CPUSET, cgroups.MEMORY, cgroups.PIDS, cgroups.KILL}
    for folder in before.values():
        until(lambda folder=folder: not list(Path(folder).glob("hpcc-probe-*")), "the removal")
