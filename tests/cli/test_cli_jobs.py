"""The command line as scripts use it, against a real engine and real containers."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
from engine_fixture import CLI, IsolatedEngine, RunImage

FOREVER = "import time\nprint('begun')\ntime.sleep(600)"


class Shell:
    """Runs the command line in the engine's working folder."""

    def __init__(self, engine: IsolatedEngine, image: RunImage) -> None:
        self.engine = engine
        self.image = image
        self.begun: list[subprocess.Popen[str]] = []

    def __call__(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return self.engine.cli(*words, stdin=stdin)

    def submit(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Submit with the test's image and runtime."""
        return self("submit", self.image.reference, "--runtime", self.image.runtime, *words,
                    stdin=stdin)  # fmt: skip

    def script(self, body: str, *words: str) -> int:
        """Submit a body and return the job's number."""
        done = self.submit("--script", "-", "--parsable", *words, stdin=body)
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start a command that goes on."""
        process = subprocess.Popen(
            [*CLI, *words], env=self.engine.env, cwd=self.engine.workdir,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.begun.append(process)
        return process

    def end(self) -> None:
        """Kill what goes on: it would start another engine once this one is gone."""
        for process in self.begun:
            process.kill()
            process.communicate()


@pytest.fixture
def shell(engine: IsolatedEngine, run_image: RunImage) -> Iterator[Shell]:
    shell = Shell(engine, run_image)
    yield shell
    shell.end()


def test_parsable_is_the_bare_number_and_nothing_else(shell: Shell) -> None:
    done = shell.submit("--parsable", "--", "true")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{int(done.stdout)}\n"


def test_wait_exits_as_the_job_does(shell: Shell) -> None:
    good, bad = shell.script("pass"), shell.script("raise SystemExit(7)")
    killed = shell.script("import os\nos.kill(os.getpid(), 15)")
    assert shell("wait", str(good)).returncode == 0
    assert shell("wait", str(bad)).returncode == 7
    assert shell("wait", str(killed)).returncode == 128 + 15
    assert shell("wait", str(good), str(bad), str(killed)).returncode == 7


def test_submit_wait_is_the_job_itself(shell: Shell) -> None:
    body = "import sys\nprint('out é'); print('err', file=sys.stderr); sys.exit(3)"
    done = shell.submit("--wait", "--script", "-", stdin=body)
    assert done.returncode == 3
    assert done.stdout == "out é\n"
    assert done.stderr.splitlines()[0] == "err"
    assert "FAILED" in done.stderr.splitlines()[1]


def test_an_argv_after_two_dashes_arrives_unchanged(shell: Shell) -> None:
    words = [
        "python3",
        "-c",
        "import sys; print(sys.argv[1:])",
        "--cores",
        "a b",
        "$HOME",
        "--",
        "*",
    ]
    done = shell.submit("--wait", "--", *words)
    assert done.stdout == f"{words[3:]!r}\n", done.stderr


def test_the_working_folder_is_the_shells_own(shell: Shell, engine: IsolatedEngine) -> None:
    (engine.workdir / "here.txt").write_text("found")
    done = shell.submit("--wait", "--", "python3", "-c", "print(open('here.txt').read())")
    assert done.stdout == "found\n", done.stderr


def test_json_is_the_record(shell: Shell) -> None:
    submitted = json.loads(shell.submit("--json", "--name", "n", "--", "true").stdout)
    shell("wait", str(submitted["id"]))
    shown = json.loads(shell("show", "--json", str(submitted["id"])).stdout)
    assert (shown["spec"]["name"], shown["result"], shown["exit_code"]) == ("n", "COMPLETED", 0)
    listed = json.loads(shell("list", "--all", "--json").stdout)
    assert [job["id"] for job in listed] == [submitted["id"]]


def test_a_key_submits_once(shell: Shell) -> None:
    first, again = (shell.submit("--key", "k", "--parsable", "--", "true") for _ in range(2))
    assert first.stdout == again.stdout


def test_list_and_cancel_by_tag(shell: Shell) -> None:
    tagged = {shell.script(FOREVER, "--tag", "sweep") for _ in range(2)}
    other = shell.script(FOREVER)
    listed = shell("list", "--parsable", "--tag", "sweep").stdout
    assert {int(line) for line in listed.splitlines()} == tagged
    assert shell("cancel", "--tag", "sweep").returncode == 0
    waited = shell("wait", *map(str, tagged))
    assert waited.returncode != 0
    assert waited.stdout.count("CANCELLED") == 2
    assert shell("list", "--parsable").stdout == f"{other}\n"


def test_logs_are_byte_for_byte_and_by_stream(shell: Shell, engine: IsolatedEngine) -> None:
    body = """import os
os.write(1, bytes(range(256)))
os.write(2, b"\\xff\\n")
os.write(1, b"no newline")"""
    number = shell.script(body, "--merge-stderr")
    shell("wait", str(number))
    command = [*CLI, "logs", str(number)]
    done = subprocess.run(command, env=engine.env, capture_output=True, check=True)
    assert done.stdout == bytes(range(256)) + b"\xff\nno newline"
    apart = shell.script("import os\nos.write(1, b'o\\n'); os.write(2, b'e\\n')")
    shell("wait", str(apart))
    assert shell("logs", "--stream", "stdout", str(apart)).stdout == "o\n"
    assert shell("logs", "--stream", "stderr", str(apart)).stdout == "e\n"
    assert shell("logs", "--follow", "--stream", "stderr", str(apart)).stdout == "e\n"
    assert shell("logs", "--offset", "-2", str(apart)).stdout in {"o\n", "e\n"}


def read_line(pipe: IO[str] | None) -> str:
    """Return the next line a program prints."""
    assert pipe is not None
    return pipe.readline()


def test_an_interrupted_submit_wait_stops_its_job(shell: Shell) -> None:
    begun = shell.begin(
        "submit", shell.image.reference, "--runtime", shell.image.runtime, "--wait",
        "--", "python3", "-u", "-c", FOREVER,
    )  # fmt: skip
    assert read_line(begun.stdout) == "begun\n"
    begun.send_signal(signal.SIGINT)
    _, said = begun.communicate(timeout=60)
    assert "CANCELLED" in said
    assert begun.returncode != 0
    assert shell("list", "--parsable").stdout == ""


def test_an_interrupted_logs_follow_leaves_the_job_alone(shell: Shell) -> None:
    number = shell.script(FOREVER)
    following = shell.begin("logs", "-f", str(number))
    assert read_line(following.stdout) == "begun\n"
    following.send_signal(signal.SIGINT)
    following.communicate(timeout=60)
    assert following.returncode == 130
    assert shell("list", "--parsable").stdout == f"{number}\n"


def test_wait_with_a_timeout_gives_up_as_timeout_does(shell: Shell) -> None:
    number = shell.script(FOREVER)
    done = shell("wait", "--timeout", "1s", str(number))
    assert done.returncode == 124
    assert f"job {number}" in done.stdout


def test_it_serves_as_the_submit_command_of_snakemake(shell: Shell, engine: IsolatedEngine) -> None:
    # Snakemake appends the path of its job script to the --cluster command, through a shell, and
    # takes the last line of stdout for the job's id; the script touches its results itself.
    script = engine.workdir / "snakejob.align.1.sh"
    script.write_text("#!/bin/sh\nset -e\necho aligned > result.txt\n")
    command = shlex.join([*CLI, "submit", shell.image.reference, "--runtime",
                          shell.image.runtime, "--parsable", "--script"])  # fmt: skip
    done = subprocess.run(
        f"{command} {shlex.quote(str(script))}",
        shell=True, env=engine.env, cwd=engine.workdir, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shell("wait", done.stdout.splitlines()[-1]).returncode == 0
    assert (engine.workdir / "result.txt").read_text() == "aligned\n"


def test_explain_info_and_images_answer_in_words_and_json(shell: Shell) -> None:
    number = shell.script("raise SystemExit(2)")
    shell("wait", str(number))
    assert f"job {number} DONE" in shell("explain", str(number)).stdout
    assert json.loads(shell("explain", "--json", str(number)).stdout)["job_id"] == number
    assert "cores " in shell("info").stdout
    assert json.loads(shell("info", "--json").stdout)["engine"]["pid"] > 0
    assert isinstance(json.loads(shell("images", "--json").stdout), list)


def test_a_dry_run_says_when_and_submits_nothing(shell: Shell) -> None:
    asked = (shell.image.reference, "--runtime", shell.image.runtime, "--dry-run")
    assert shell("submit", *asked).stdout == "starts on core 0 once its image is ready\n"
    told = json.loads(shell("submit", *asked, "-c", "9999", "--json").stdout)
    assert told["never"].startswith("asks 9999 cores, the machine has ")
    assert json.loads(shell("list", "--all", "--json").stdout) == []


def test_a_job_is_held_changed_and_released(shell: Shell) -> None:
    number = str(shell.script("print('ran')", "--hold", "--begin", "+1h"))
    held = json.loads(shell("hold", number, "--json").stdout)
    assert held["state"] == "HELD"
    changed = shell("change", number, "--begin", "now", "-m", "64m", "--priority", "urgent")
    assert "held by a person" in changed.stdout, changed.stderr
    assert json.loads(shell("release", number, "--json").stdout)["spec"]["priority"] == "urgent"
    assert shell("wait", number).returncode == 0
    assert (
        "is DONE" in shell("extend", number, "10m").stderr
        or "no time limit" in shell("extend", number, "10m").stderr
    )
    assert shell("change", number).returncode == 2


def test_a_job_is_suspended_and_resumed(shell: Shell) -> None:
    number = str(shell.script(FOREVER))
    shell.engine.until(shell.engine.client.job(int(number)), "RUNNING")
    assert "· SUSPENDED since " in shell("suspend", number).stdout
    assert "suspended " in shell("show", number).stdout
    assert json.loads(shell("resume", number, "--json").stdout)["state"] == "RUNNING"
    assert shell("cancel", number).returncode == 0
    shell("wait", number)
    assert f"job {number} is DONE" in shell("suspend", number).stderr


def test_a_time_limit_is_changed(shell: Shell) -> None:
    number = shell.script(FOREVER)
    changed = json.loads(shell("change", str(number), "--time", "2h", "--json").stdout)
    assert changed["spec"]["time_limit_s"] == 7200


def test_the_log_of_one_attempt(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, run_image: RunImage
) -> None:
    soon = {"back_off_s": 0.2}
    shell = Shell(make_engine(docker_host=f"unix://{docker_socket}", policy=soon), run_image)
    body = "import os\ntried = os.path.exists('tried')\nopen('tried', 'w').close()\n"
    body += "print('again' if tried else 'first')\nraise SystemExit(0 if tried else 75)"
    number = str(shell.script(body, "--retries", "1", "--retry-on", "75"))
    assert shell("wait", number).returncode == 0
    said = [
        shell("logs", number, *of).stdout for of in ((), ("--attempt", "1"), ("--attempt", "2"))
    ]
    assert said == ["first\nagain\n", "first\n", "again\n"]
    wrong = shell("logs", number, "--attempt", "3")
    assert (wrong.returncode, wrong.stdout) == (2, ""), wrong.stderr
    assert len(wrong.stderr.splitlines()) == 1
    assert "leave --attempt away" in shell("logs", number, "-f", "--attempt", "1").stderr


def test_wrong_requests_are_one_clear_line_and_exit_2(shell: Shell, tmp_path: Path) -> None:
    huge = tmp_path / "huge.py"
    huge.write_text("#" * 5_000_000)
    wrong = {
        ("--memory", "abc"): "is not an amount",
        ("--memory", "500"): "did you mean 500m",
        ("--gpus", "10"): "10 GPUs",
        ("--script", str(huge)): "the engine reads at most 1 MiB",
        ("--script", "/none.py"): "cannot be read",
        ("--env", "NOT_SET_ANYWHERE"): "is not set here",
    }
    for words, said in wrong.items():
        done = shell.submit(*words)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert said in done.stderr, words
        assert done.stderr.count("\n") == 1, words
    assert shell("show", "999").returncode == 2
    assert shell("list", "--all", "--parsable").stdout == ""


def test_an_option_for_an_image_is_refused(shell: Shell) -> None:
    done = shell("submit", "--privileged", "--", "true")
    assert done.returncode == 2
    assert "unrecognized arguments: --privileged" in done.stderr


def test_output_that_nobody_reads_ends_quietly(shell: Shell) -> None:
    number = shell.script("print('x' * 3_000_000)")
    shell("wait", str(number))
    done = subprocess.run(
        f"{shlex.join([*CLI, 'logs', str(number)])} | head -c 1",
        shell=True, env=shell.engine.env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("x", "")


def test_a_job_runs_on_when_its_submitter_is_killed(shell: Shell) -> None:
    begun = shell.begin(
        "submit", shell.image.reference, "--runtime", shell.image.runtime, "--wait",
        "--", "python3", "-u", "-c", "import time; print('begun'); time.sleep(1)",
    )  # fmt: skip
    assert read_line(begun.stdout) == "begun\n"
    begun.kill()
    begun.communicate()
    number = int(shell("list", "--parsable", "--all").stdout)
    assert shell("wait", str(number)).returncode == 0
