"""What a supervised job is, the same under Docker and Apptainer."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from supervisor_lab import Lab, Running, running_with, until

from jupyter_hpccontainers.machine.attempt import Ask, Attempt, spawn
from jupyter_hpccontainers.model.errors import StateConflict


def python(body: str) -> str:
    """A script body for the image's Python."""
    return textwrap.dedent(body)


ALL_BYTES = """
    import os
    every = bytes(range(256)) * 1000
    for i in range(0, len(every), 1000):
        os.write(1, every[i:i + 1000])
        os.write(2, every[::-1][i:i + 1000])
"""


def test_every_byte_of_both_streams_is_kept_apart(lab: Lab) -> None:
    job = lab.run(python(ALL_BYTES))
    assert job.ended().exit_code == 0
    every = bytes(range(256)) * 1000
    assert hashlib.sha256(job.out).hexdigest() == hashlib.sha256(every).hexdigest()
    assert hashlib.sha256(job.err).hexdigest() == hashlib.sha256(every[::-1]).hexdigest()
    assert job.log.size() == 2 * len(every)


def test_a_partial_line_is_there_before_its_newline(lab: Lab) -> None:
    job = lab.run(
        python("""
            import os, time
            print("progress 10%", end="\\r", flush=True)
            while not os.path.exists("go"):
                time.sleep(0.01)
            print("done")
        """)
    )
    job.says(b"progress 10%\r")
    assert b"done" not in job.out
    (lab.folder / "work" / "go").touch()
    assert job.ended().exit_code == 0
    assert job.out == b"progress 10%\rdone\n"


@pytest.mark.parametrize("code", [0, 3, 127, 137, 139, 255])
def test_the_programs_own_exit_code_is_told(lab: Lab, code: int) -> None:
    end = lab.run(f"import sys; sys.exit({code})").ended()
    assert (end.exit_code, end.error_code, end.oom_killed) == (code, "", False)
    assert end.started_at is not None
    assert end.ended_at >= end.started_at


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_death_by_signal_is_told(lab: Lab, number: signal.Signals) -> None:
    end = lab.run(f"import os; os.kill(os.getpid(), {int(number)})").ended()
    assert (end.exit_code, end.signal) == (128 + number, number)
    assert end.error_code == ""


def test_words_like_the_runtimes_own_do_not_make_a_failed_start(lab: Lab) -> None:
    job = lab.run(
        python("""
            import sys
            print("FATAL:   while starting", file=sys.stderr)
            sys.exit(255)
        """)
    )
    end = job.ended()
    assert (end.exit_code, end.error_code) == (255, "")


def test_a_missing_command_is_named(lab: Lab) -> None:
    end = lab.run(None, "no-such-program").ended()
    assert end.error_code == "CommandNotFound"
    assert "no-such-program" in end.error_message
    assert end.exit_code is None


def test_a_missing_interpreter_is_named(lab: Lab) -> None:
    job = lab.run("#!/no/such/interpreter\n")
    assert job.ended().error_code == "CommandNotFound"
    assert b"script" in job.err


STUBBORN = """
    import os, signal, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            print("stubborn", flush=True)
        time.sleep(300)
    time.sleep(300)
"""


def test_stop_ends_children_that_left_the_session_and_ignore_term(lab: Lab) -> None:
    job = lab.run(python(STUBBORN), grace_s=0.2).says(b"stubborn")
    inside = str(job.attempt.job_dir)
    assert len(running_with(f"{inside}/script")) >= 3
    job.ask(Ask.STOP)
    end = job.ended()
    assert (end.exit_code, end.signal) == (137, signal.SIGKILL)
    until(lambda: not running_with(inside), "the end of all")


def test_kill_does_not_wait_for_the_grace(lab: Lab) -> None:
    job = lab.run(python(STUBBORN), grace_s=300).says(b"stubborn")
    job.ask(Ask.KILL)
    assert job.ended().exit_code == 137
    assert not running_with(f"{job.attempt.job_dir}/script")


def test_a_trap_for_term_is_honoured_once_and_its_code_told(lab: Lab) -> None:
    job = lab.run(
        python("""
            import os, signal, sys, time
            def bye(*_):
                os.write(1, b"saved\\n")
                time.sleep(0.3)
                sys.exit(4)
            signal.signal(signal.SIGTERM, bye)
            os.write(1, b"ready\\n")
            # Python runs a handler between two calls: a long one, just entered, would put it off.
            while True:
                time.sleep(0.05)
        """),
        grace_s=60,
    )
    job.says(b"ready").ask(Ask.STOP)
    assert job.ended().exit_code == 4
    assert job.out == b"ready\nsaved\n"


def test_term_reaches_the_children_too(lab: Lab) -> None:
    job = lab.run(
        "#!/bin/sh\ntrap 'echo parent; exit 5' TERM\necho ready\nsleep 3141\n", grace_s=60
    )
    until(lambda: len(running_with("3141")) > 0, "the sleeping child")
    job.says(b"ready").ask(Ask.STOP)
    # The shell runs its trap only when its foreground child is gone.
    assert job.ended().exit_code == 5
    assert job.out == b"ready\nparent\n"


def test_a_stop_before_the_start_starts_nothing(lab: Lab) -> None:
    job = lab.run("open('ran', 'w').close()", spawner=spawn_with_a_stop_on_its_way)
    end = job.ended()
    assert (end.error_code, end.exit_code, end.started_at) == ("StartFailed", None, None)
    assert not (lab.folder / "work" / "ran").exists()


def spawn_with_a_stop_on_its_way(attempt: Attempt) -> subprocess.Popen[bytes]:
    """The supervisor with a TERM that waits for its handlers, as one sent in its first moment."""
    lock = os.open(attempt.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    program = (
        "import os, signal, sys; from jupyter_hpccontainers.machine.supervisor.main import main; "
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]); "
        "os.kill(os.getpid(), signal.SIGTERM); sys.exit(main(sys.argv[1], int(sys.argv[2])))"
    )
    words = (attempt.folder / "supervisor.log").open("wb")
    with words:
        argv = [sys.executable, "-c", program, str(attempt.folder), str(lock)]
        popen = subprocess.Popen(argv, pass_fds=[lock], start_new_session=True, stderr=words)
    os.close(lock)
    return popen


def test_suspend_stops_the_clock_of_the_job_and_resume_goes_on(lab: Lab) -> None:
    job = lab.run(
        python("""
            import time
            n = 0
            while True:
                n += 1
                print(n, flush=True)
                time.sleep(0.01)
        """)
    )
    job.says(b"3\n").ask(Ask.SUSPEND)
    pid = running_with(f"{job.attempt.job_dir}/script")[-1]
    until(lambda: _frozen(pid), "the freeze")
    job.ask(Ask.RESUME)
    until(lambda: not _frozen(pid), "the thaw")
    size = job.log.size()
    until(lambda: job.log.size() > size, "more output")
    job.ask(Ask.STOP)
    assert job.ended().exit_code == 143


FORKS = """
    import os, time
    for n in range(30):
        if os.fork() == 0:
            while True:
                print("child", flush=True)
                time.sleep(0.05)
        os.write(1, b"begun %d\\n" % n)
        time.sleep(0.002)
    time.sleep(300)
"""


def test_what_is_started_during_the_suspension_stands_still_too(lab: Lab) -> None:
    job = lab.run(python(FORKS)).says(b"begun 3\n").ask(Ask.SUSPEND)
    until(lambda: _is_silent(job), "silence")
    size = job.log.size()
    job.ask(Ask.RESUME)
    until(lambda: job.log.size() > size, "more output")
    job.ask(Ask.STOP)
    assert job.ended().exit_code == 143


def _is_silent(job: Running) -> bool:
    """Whether nothing is written for a second."""
    size = job.log.size()
    time.sleep(1)
    return bool(job.log.size() == size)


def _frozen(pid: int) -> bool:
    """Stopped by a signal, or held by the freezer (which shows as uninterruptible sleep)."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        state = file.read().rsplit(")", 1)[1].split()[0]
    with open(f"/proc/{pid}/wchan", encoding="utf-8") as file:
        return state in "TD" or "refrigerator" in file.read()


@pytest.mark.parametrize(("ask", "code"), [(Ask.STOP, 143), (Ask.KILL, 137)])
def test_a_suspended_job_can_be_stopped(lab: Lab, ask: Ask, code: int) -> None:
    job = lab.run("import time; print('ready', flush=True); time.sleep(300)", grace_s=60)
    job.says(b"ready").ask(Ask.RESUME)
    job.ask(Ask.SUSPEND)
    pid = running_with(f"{job.attempt.job_dir}/script")[-1]
    until(lambda: _frozen(pid), "the freeze")
    job.ask(Ask.SUSPEND)
    job.ask(ask)
    assert job.ended().exit_code == code


#: The child dies of a signal that only its parent waits for.
WARNED = """
    import os, signal, sys, time
    told = []
    child = os.fork()
    if child == 0:
        time.sleep(300)
        os._exit(0)
    def warned(number, frame):
        told.append(number)
        print("warned", flush=True)
    signal.signal(signal.SIGUSR1, warned)
    print("ready", flush=True)
    while not os.path.exists("enough"):
        time.sleep(0.01)
    assert os.waitpid(child, os.WNOHANG) == (0, 0), "the child was hit"
    os.kill(child, signal.SIGKILL)
    print("told", len(told))
"""


def test_the_signal_of_the_order_reaches_the_main_process_once(lab: Lab) -> None:
    job = lab.run(python(WARNED), signal="USR1").says(b"ready\n")
    for _ in range(3):
        job.ask(Ask.SIGNAL)
    job.says(b"warned\n").ask(Ask.SIGNAL)
    (lab.folder / "work" / "enough").touch()
    assert job.ended().exit_code == 0
    assert job.out == b"ready\nwarned\ntold 1\n"


def test_without_one_in_the_order_nobody_is_signalled(lab: Lab) -> None:
    job = lab.run(python(WARNED)).says(b"ready\n").ask(Ask.SIGNAL)
    (lab.folder / "work" / "enough").touch()
    assert job.ended().exit_code == 0
    assert job.out == b"ready\ntold 0\n"


def test_a_signal_nobody_waits_for_ends_the_job_as_itself(lab: Lab) -> None:
    job = lab.run("import time; print('ready', flush=True); time.sleep(300)", signal="TERM")
    end = job.says(b"ready\n").ask(Ask.SIGNAL).ended()
    assert (end.exit_code, end.signal, end.error_code) == (143, 15, "")


def test_too_much_memory_is_told_as_such(limiting_lab: Lab) -> None:
    end = limiting_lab.run("x = bytearray(900 * 2**20)").ended()
    assert (end.exit_code, end.oom_killed, end.oom_seen) == (137, True, True)


def test_a_child_killed_for_memory_is_not_the_jobs_end(limiting_lab: Lab) -> None:
    end = limiting_lab.run(
        python("""
            import os, sys
            if os.fork() == 0:
                x = bytearray(900 * 2**20)
            os.wait()
            sys.exit(3)
        """)
    ).ended()
    assert (end.exit_code, end.oom_killed, end.oom_seen) == (3, False, True)


def test_a_job_has_its_cores_and_no_other(lab: Lab) -> None:
    core = max(os.sched_getaffinity(0))
    job = lab.run("import os; print(os.sched_getaffinity(0))", cores=(core,))
    assert job.ended().exit_code == 0
    assert job.out == f"{{{core}}}\n".encode()


def test_a_job_cannot_widen_its_affinity_where_cores_are_enforced(limiting_lab: Lab) -> None:
    job = limiting_lab.run(
        python("""
            import os
            try:
                os.sched_setaffinity(0, range(os.cpu_count()))
            except OSError:
                pass
            print(len(os.sched_getaffinity(0)))
        """)
    )
    assert job.ended().exit_code == 0
    assert job.out == b"1\n"


def test_a_hundred_thousand_lines_arrive_whole(lab: Lab) -> None:
    job = lab.run("import sys\nfor i in range(100_000): sys.stdout.write(f'{i} line\\n')")
    assert job.ended().exit_code == 0
    assert job.out == b"".join(b"%d line\n" % i for i in range(100_000))


def test_with_stderr_merged_the_order_is_exactly_that_of_writing(lab: Lab) -> None:
    body = """
        import os
        for i in range(300):
            os.write(1, b"out %d\\n" % i)
            os.write(2, b"err %d\\n" % i)
    """
    job = lab.run(python(body), merge_stderr=True)
    assert job.ended().exit_code == 0
    assert job.out == b"".join(b"out %d\nerr %d\n" % (i, i) for i in range(300))


def test_a_terminal_is_one_for_the_program(lab: Lab) -> None:
    body = """
        import os, sys
        print(sys.stdout.isatty(), sys.stderr.isatty())
        print("to err", file=sys.stderr)
    """
    job = lab.run(python(body), tty=True)
    assert job.ended().exit_code == 0
    assert job.out == b"True True\r\nto err\r\n"


def test_stdin_is_empty(lab: Lab) -> None:
    job = lab.run("import sys; print(repr(sys.stdin.read()))")
    assert job.ended().exit_code == 0
    assert job.out == b"''\n"


def test_an_attempt_is_never_spawned_twice(lab: Lab) -> None:
    job = lab.run("open('ran', 'a').write('once\\n')")
    with pytest.raises(StateConflict):
        spawn(job.attempt)
    assert job.ended().exit_code == 0
    with pytest.raises(StateConflict):
        spawn(job.attempt)
    assert (lab.folder / "work" / "ran").read_text() == "once\n"


def test_a_full_disk_ends_the_log_and_not_the_job(lab: Lab) -> None:
    """The supervisor's own limit on a file's size stands for the disk: EFBIG instead of ENOSPC."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        job = lab.run(
            "import sys\nfor i in range(100_000): print('x' * 9)\nopen('end', 'w').close()"
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    end = job.ended()
    assert end.exit_code == 0
    assert job.log.size() == 200_000
    assert any("disk was full" in warning for warning in end.warnings)
    assert (lab.folder / "work" / "end").exists()


def test_a_short_job_costs_little_memory(lab: Lab) -> None:
    job = lab.run("import time; print('ready', flush=True); time.sleep(300)").says(b"ready")
    with open(f"/proc/{job.popen.pid}/smaps_rollup", encoding="ascii") as file:
        pss_kib = next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    assert pss_kib <= 8 * 1024
    job.ask(Ask.KILL).ended()


def test_the_order_with_its_secrets_is_for_the_engine_alone(lab: Lab) -> None:
    job = lab.run(None, "sh", "-c", "echo $TOKEN", env={"TOKEN": "canary-7"})
    assert job.ended().exit_code == 0
    assert job.out == b"canary-7\n"
    order = job.attempt.folder / "supervisor.json"
    assert order.stat().st_mode & 0o777 == 0o600
    assert "canary-7" in json.dumps(json.loads(order.read_text()))
