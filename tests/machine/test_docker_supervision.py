"""What only Docker (and Podman, by the same socket) does: names, candidates, refusals."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from supervisor_lab import Lab, until

from jupyter_hpccontainers.machine.attempt import Ask, Attempt, spawn
from jupyter_hpccontainers.machine.supervisor.docker_api import Docker, Reply
from jupyter_hpccontainers.machine.supervisor.docker_failures import failure_of


@pytest.fixture
def podman_lab(open_folder: Path, podman_socket: str, podman_image: str) -> Iterator[Lab]:
    """Jobs under Podman's Docker-compatible socket."""
    lab = Lab(open_folder, podman_socket, podman_image)
    yield lab
    lab.close()


def containers_of(lab: Lab) -> list[dict[str, Any]]:
    """The containers that carry the lab's label."""
    label = f"org.hpccontainers.engine%3D{lab.engine}"
    reply = Docker(lab.place).call(
        "GET", f"/containers/json?all=1&filters=%7B%22label%22%3A%5B%22{label}%22%5D%7D"
    )
    found: list[dict[str, Any]] = json.loads(reply.body)
    return found


def test_no_container_is_left_after_any_end(docker_lab: Lab) -> None:
    assert docker_lab.run("print('hi')").ended().exit_code == 0
    assert docker_lab.run(None, "no-such-program").ended().error_code == "CommandNotFound"
    job = docker_lab.run("import time; print('in', flush=True); time.sleep(300)").says(b"in")
    assert len(containers_of(docker_lab)) == 1
    job.ask(Ask.KILL)
    assert job.ended().exit_code == 137
    assert containers_of(docker_lab) == []


def test_started_names_the_container_and_its_first_process(docker_lab: Lab) -> None:
    job = docker_lab.run("import time; print('in', flush=True); time.sleep(300)").says(b"in")
    started = job.started().attempt.started()
    assert started is not None
    assert started.container == containers_of(docker_lab)[0]["Id"]
    assert "init" in Path(f"/proc/{started.pid}/comm").read_text()
    job.ask(Ask.KILL).ended()


def test_a_name_that_is_taken_starts_nothing(docker_lab: Lab) -> None:
    docker = Docker(docker_lab.place)
    name = f"hpcc-{docker_lab.engine[:8]}-1-1"
    body = {"Image": docker_lab.image, "Cmd": ["true"], "Labels": {"whose": "somebody else's"}}
    taken = docker.call("POST", f"/containers/create?name={name}", body)
    assert taken.ok, taken.message
    try:
        job = docker_lab.run("open('ran', 'w').close()")
        end = job.ended()
        assert end.error_code == "StartFailed"
        assert "name taken" in end.error_message
        assert not (docker_lab.folder / "work" / "ran").exists()
        state = docker.call("GET", f"/containers/{name}/json").json()["State"]
        assert state["Status"] == "created"
    finally:
        docker.call("DELETE", f"/containers/{name}?force=1")


def test_our_own_container_that_was_never_started_is_used(docker_lab: Lab) -> None:
    """The answer to its creation was lost; the name and our labels tell that it is the one."""
    docker = Docker(docker_lab.place)
    name = f"hpcc-{docker_lab.engine[:8]}-1-1"

    def create_first(attempt: Attempt) -> subprocess.Popen[bytes]:
        order = json.loads((attempt.folder / "supervisor.json").read_text())
        made = docker.call("POST", f"/containers/create?name={name}", order["create"])
        assert made.ok, made.message
        return spawn(attempt)

    job = docker_lab.run("print('once')", spawner=create_first)
    assert job.ended().exit_code == 0
    assert job.out == b"once\n"


def test_the_first_candidate_that_the_image_has_is_run_and_the_log_is_its_own(
    docker_lab: Lab,
) -> None:
    job = docker_lab.run(
        "#!/bin/true\n",
        candidates=[["no-python", "-V"], ["nor-this"], ["python3", "-c", "print(6 * 7)"]],
    )
    assert job.ended().exit_code == 0
    assert (job.out, job.err) == (b"42\n", b"")


def test_when_no_candidate_is_there_the_last_is_named(docker_lab: Lab) -> None:
    job = docker_lab.run("#!/bin/true\n", candidates=[["no-python"], ["nor-this"]])
    end = job.ended()
    assert end.error_code == "CommandNotFound"
    assert "nor-this" in end.error_message


def test_words_like_inits_own_stay_in_the_log(docker_lab: Lab) -> None:
    words = b"[FATAL tini (7)] exec x failed: No such file or directory\n"
    job = docker_lab.run(
        f"import os, sys\nos.write(2, {words!r})\nos.write(1, b'but I ran')\nsys.exit(127)"
    )
    end = job.ended()
    assert (end.exit_code, end.error_code) == (127, "")
    assert (job.out, job.err) == (b"but I ran", words)


def test_an_image_that_is_not_there_is_named(docker_lab: Lab) -> None:
    docker_lab.image = f"no-such-image-{secrets.token_hex(4)}"
    end = docker_lab.run("print('hi')").ended()
    assert end.error_code == "ImageNotFound"
    assert docker_lab.image in end.error_message


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('could not select device driver "" with capabilities: [[gpu]]', "GpuUnavailable"),
        ("network bridge not found", "NetworkUnavailable"),
        (
            "failed to create endpoint x on network bridge: adding interface vethd to bridge "
            "docker0 failed",
            "NetworkUnavailable",
        ),
        ("No such image: x:latest", "ImageNotFound"),
        (
            "OCI runtime create failed: runc create failed: unable to start container process: "
            'exec: "nosuch": executable file not found in $PATH: unknown',
            "CommandNotFound",
        ),
        ("invalid mount config for type bind: bind source path does not exist: /x", "StartFailed"),
    ],
)
def test_what_a_daemon_refuses_with_is_a_reason_of_ours(said: str, code: str) -> None:
    failure = failure_of(Reply(500, b'{"message": "' + said.replace('"', '\\"').encode() + b'"}'),
                         "start the container")  # fmt: skip
    assert failure.code == code
    assert said in failure.message


def test_podman_runs_the_same_job(podman_lab: Lab) -> None:
    body = """
import os, sys
os.write(1, bytes(range(256)))
os.write(2, b"err\\n")
sys.exit(3)
"""
    job = podman_lab.run(body)
    end = job.ended()
    assert (end.exit_code, end.error_code) == (3, ""), end
    assert (job.out, job.err) == (bytes(range(256)), b"err\n")
    assert containers_of(podman_lab) == []


@pytest.mark.parametrize(("ask", "code"), [(Ask.STOP, 143), (Ask.KILL, 137)])
def test_podman_suspends_a_job_and_ends_a_suspended_one(
    podman_lab: Lab, ask: Ask, code: int
) -> None:
    body = "import time\nfor n in range(100_000): print(n, flush=True); time.sleep(0.01)"
    job = podman_lab.run(body, grace_s=60).says(b"3\n")
    (container,) = containers_of(podman_lab)
    for wish, state in ((Ask.SUSPEND, "paused"), (Ask.RESUME, "running"), (Ask.SUSPEND, "paused")):
        job.ask(wish)
        until(partial(is_in, podman_lab, container, state), state)
    job.ask(ask)
    assert job.ended().exit_code == code
    assert containers_of(podman_lab) == []


def is_in(lab: Lab, container: dict[str, Any], state: str) -> bool:
    """Whether a container is in this of Docker's states."""
    reply = Docker(lab.place).call("GET", f"/containers/{container['Id']}/json")
    return bool(json.loads(reply.body)["State"]["Status"] == state)


def test_podman_stops_a_job_with_its_tree_and_names_a_missing_command(podman_lab: Lab) -> None:
    job = podman_lab.run("import time; print('in', flush=True); time.sleep(300)").says(b"in")
    job.ask(Ask.STOP)
    assert job.ended().exit_code == 143
    assert podman_lab.run(None, "no-such-program").ended().error_code == "CommandNotFound"
    assert containers_of(podman_lab) == []
