"""An attempt's folder: who owns what, what it tells, and that a lock is never in two hands."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from supervisor_lab import Lab, person

from jupyter_hpccontainers.machine.attempt import Ask, Attempt, Standing, prepare, write_order
from jupyter_hpccontainers.machine.supervisor.main import main


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def mine(tmp_path: Path) -> Attempt:
    """A prepared attempt of our own."""
    return prepare(tmp_path / "jobs", 7, 1, uid=os.geteuid(), gid=os.getegid(), script=b"\xff\0\n")


def test_the_script_is_byte_equal_and_can_be_executed(mine: Attempt) -> None:
    assert (mine.job_dir / "script").read_bytes() == b"\xff\0\n"
    assert mode(mine.job_dir / "script") == 0o755


def test_the_job_folder_has_its_parts(mine: Attempt) -> None:
    assert {path.name for path in mine.job_dir.iterdir()} == {"home", "tmp", "outputs", "script"}
    assert mode(mine.job_dir / "tmp") == 0o1777
    assert mode(mine.job_dir / "home") == 0o700


def test_what_is_the_persons_is_the_persons_and_what_is_ours_stays_ours(tmp_path: Path) -> None:
    who = person()
    made = prepare(
        tmp_path / "jobs", 8, 1, uid=who.uid, gid=who.gid, script=b"",
        identity={str(tmp_path / "jobs/8/1/dir/.passwd"): "person:x:1:1::/:/bin/sh\n"},
    )  # fmt: skip
    write_order(made, {"secret": "canary"})
    inside = [made.job_dir, *made.job_dir.iterdir()]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in inside} == {(who.uid, who.gid)}
    assert made.folder.stat().st_uid == os.geteuid()
    assert mode(made.folder) in {0o700, 0o711}
    assert mode(made.folder / "supervisor.json") == 0o600
    assert mode(made.job_dir / ".passwd") == 0o644


def test_an_attempt_is_prepared_once(mine: Attempt, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        prepare(tmp_path / "jobs", 7, 1, uid=os.geteuid(), gid=os.getegid())
    assert prepare(tmp_path / "jobs", 7, 2, uid=os.geteuid(), gid=os.getegid()).job_dir.is_dir()


def test_standing_follows_lock_and_exit_file(mine: Attempt) -> None:
    assert mine.standing() is Standing.NEVER_SPAWNED
    lock = os.open(mine.folder / "lock", os.O_RDWR | os.O_CREAT)
    assert mine.standing() is Standing.NEVER_SPAWNED, "its engine died before there was anybody"
    os.write(lock, b"{}")
    assert mine.standing() is Standing.ABANDONED
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert mine.standing() is Standing.ALIVE
    assert mine.alive()
    (mine.folder / "exit").write_text("{}")
    assert mine.standing() is Standing.ALIVE
    os.close(lock)
    assert mine.standing() is Standing.ENDED


def test_a_holder_of_another_boot_or_another_process_is_no_supervisor(mine: Attempt) -> None:
    us = {"pid": os.getpid(), "start_ticks": 1, "boot_id": Path(
        "/proc/sys/kernel/random/boot_id").read_text().strip()}  # fmt: skip
    for holder in (us, {**us, "boot_id": "another"}, {**us, "pid": 2**22 + 1}):
        (mine.folder / "lock").write_text(json.dumps(holder))
        assert mine.supervisor() is None
        assert mine.pidfd() is None
        assert not mine.ask(Ask.KILL)


def test_files_that_are_not_there_yet_tell_nothing(mine: Attempt) -> None:
    assert (mine.started(), mine.exit(), mine.supervisor()) == (None, None, None)


def test_an_attempt_with_an_exit_file_is_not_run_again(mine: Attempt) -> None:
    (mine.folder / "exit").write_text("{}")
    lock = os.open(mine.folder / "lock", os.O_RDWR | os.O_CREAT)
    assert main(str(mine.folder), lock) == 1
    assert (mine.folder / "exit").read_text() == "{}"
    os.close(lock)


def test_a_second_supervisor_finds_the_lock_taken(mine: Attempt) -> None:
    held = os.open(mine.folder / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    other = os.open(mine.folder / "lock", os.O_RDWR)
    assert main(str(mine.folder), other) == 2
    os.close(other)
    os.close(held)


def run_main(attempt: Attempt, lock: int) -> subprocess.CompletedProcess[bytes]:
    """The supervisor's main in a process of its own: it takes signals and streams for itself."""
    program = (
        "import sys; from jupyter_hpccontainers.machine.supervisor.main import main; "
        "sys.exit(main(sys.argv[1], int(sys.argv[2])))"
    )
    argv = [sys.executable, "-c", program, str(attempt.folder), str(lock)]
    return subprocess.run(argv, pass_fds=[lock], check=False, capture_output=True, timeout=60)


def test_an_order_that_cannot_be_read_is_an_exit_with_the_reason(mine: Attempt) -> None:
    (mine.folder / "supervisor.json").write_text("nonsense")
    with (mine.folder / "lock").open("w") as lock:
        done = run_main(mine, lock.fileno())
    assert done.returncode == 0
    end = mine.exit()
    assert end is not None
    assert end.error_code == "StartFailed"
    assert b"Traceback" in done.stderr


def test_started_and_exit_tell_when(apptainer_lab: Lab) -> None:
    job = apptainer_lab.run("import time; time.sleep(0.3)")
    end = job.ended()
    started = job.attempt.started()
    assert started is not None
    assert end.started_at == started.at
    assert started.at + 0.2 < end.ended_at
    assert started.pid > 1
    assert job.own_words == ""


@pytest.mark.as_root
def test_on_a_full_disk_nothing_is_started(tmp_path: Path) -> None:
    """A small file system of its own, filled to its last byte before the supervisor begins."""
    small, ran = tmp_path / "small", tmp_path / "ran"
    small.mkdir()
    order = {
        **{"runtime": "apptainer", "argv": ["/bin/touch", str(ran)], "environment": {}},
        **{"cwd": "/", "uid": 0, "gid": 0, "groups": [], "cores": [0], "cgroup": None},
        **{"tty": False, "merge_stderr": False, "grace_s": 1, "start_timeout_s": 10},
    }
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=True)
    try:
        made = prepare(small / "jobs", 1, 1, uid=os.geteuid(), gid=os.getegid())
        write_order(made, order)
        with (made.folder / "lock").open("w") as lock:
            fill(small / "ballast")
            run_main(made, lock.fileno())
            assert not ran.exists()
            assert made.started() is None
            (small / "ballast").unlink()
            (made.folder / "exit").unlink(missing_ok=True)
            assert run_main(made, lock.fileno()).returncode == 0
            assert ran.exists()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def fill(path: Path) -> None:
    """Write until there is no room."""
    with path.open("wb", 0) as full, pytest.raises(OSError, match="No space left"):
        full.writelines(b"x" * 4096 for _ in range(2**20))
