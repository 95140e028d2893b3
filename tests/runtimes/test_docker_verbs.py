"""The verbs, against a real Docker Engine and a real Podman."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_orders import real_order, run

from jupyter_hpccontainers.model.errors import ImageNotFound, RuntimeUnavailable
from jupyter_hpccontainers.runtimes.docker import Docker, find_docker
from jupyter_hpccontainers.runtimes.docker_config import docker_config
from jupyter_hpccontainers.runtimes.docker_image import LABEL_PROBE, create_probe

LOOK = """#!/bin/sh
id -u; id -g; whoami; pwd
grep -E '^(CapEff|CapBnd|NoNewPrivs|Cpus_allowed_list)' /proc/self/status
touch /readonly 2>/dev/null || echo root is read-only
echo x >/tmp/mine && cat "$TMPDIR/mine" && echo y >"$HOME/mine" && echo z >made
cat
kill -9 $$
"""


@pytest.fixture(params=["docker", "podman"])
def daemon(request: pytest.FixtureRequest) -> Iterator[tuple[Docker, str]]:
    """A daemon and the name of the Python image in it."""
    name = request.param
    docker = find_docker(request.getfixturevalue(f"{name}_socket"))
    yield docker, request.getfixturevalue(f"{name}_image")
    docker.close()


@pytest.fixture
def real_docker(docker_socket: str) -> Iterator[Docker]:
    """The Docker Engine alone."""
    docker = find_docker(docker_socket)
    yield docker
    docker.close()


@pytest.fixture
def engine() -> str:
    """A uuid that no other test's containers carry."""
    return uuid.uuid4().hex


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the job's person may pass through."""
    made = Path(tempfile.mkdtemp(prefix="hpcc-docker-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def test_a_job_sees_what_it_was_promised(
    daemon: tuple[Docker, str], engine: str, folder: Path
) -> None:
    docker, image = daemon
    order = real_order(folder, docker, image, engine, script=LOOK)
    status, said = run(docker, order)
    lines = said.splitlines()
    uid = str(order.person.uid)
    assert lines[:4] == [uid, str(order.person.gid), "person", order.workdir]
    assert {line.split()[0]: line.split()[1] for line in lines[4:8]} == {
        "CapBnd:": "0" * 16,
        "CapEff:": "0" * 16,
        "NoNewPrivs:": "1",
        "Cpus_allowed_list:": "1",
    }
    assert lines[8:] == ["root is read-only", "x"]
    assert status == 137, "without an init program a job that kills itself ends as 0"
    for made in (Path(order.workdir) / "made", Path(order.home) / "mine"):
        assert made.stat().st_uid == order.person.uid
    for left in Path(order.tmp).rglob("*"):
        assert left.parent.stat().st_uid == order.person.uid, "the person could not remove it"
    assert docker.containers(engine) == ()


def test_a_second_container_of_the_same_name_is_refused(
    daemon: tuple[Docker, str], engine: str, folder: Path
) -> None:
    docker, image = daemon
    order = real_order(folder, docker, image, engine, command=("true",))
    client = docker._client
    client.create_container_from_config(docker_config(order), name=order.name)
    try:
        answer = client.post(
            f"{client.base_url}/v{client.api_version}/containers/create",
            json=docker_config(order),
            params={"name": order.name},
        )
        assert answer.status_code in {409, 500}  # Podman 4 answers 500
        assert "in use" in answer.text
    finally:
        docker.remove(order.name)


def test_our_containers_are_found_by_label_and_told_apart(
    daemon: tuple[Docker, str], engine: str, folder: Path
) -> None:
    docker, image = daemon
    order = real_order(folder, docker, image, engine, command=("sleep", "600"))
    client = docker._client
    client.create_container_from_config(docker_config(order), name=order.name)
    try:
        (found,) = docker.containers(engine)
        assert (found.name, found.job_id, found.attempt) == (order.name, 7, 1)
        assert docker.containers("another engine") == ()
        assert docker.kill(order.name) is False
        client.start(order.name)
        running = docker.container(order.name)
        assert running is not None
        assert running.state == "running"
        assert os.path.exists(f"/proc/{running.pid}")
        assert docker.kill(order.name) is True
        client.wait(order.name)
        ended = docker.container(order.name)
        assert ended is not None
        assert (ended.state, ended.exit_code, ended.oom_killed) == ("exited", 137, False)
    finally:
        docker.remove(order.name)
    assert docker.container(order.name) is None
    docker.remove(order.name)


def test_the_facts_of_an_image_are_read_without_starting_it(daemon: tuple[Docker, str]) -> None:
    docker, image = daemon
    facts = docker.image_facts(image)
    assert facts.reference == docker.find_id(image)
    assert facts.programs["python3"] == "/usr/bin/python3"
    assert facts.programs["sh"].endswith("/sh")
    assert "julia" not in facts.programs
    assert facts.passwd.startswith("root:")
    assert "root:" in facts.group
    assert any(entry.startswith("PATH=") for entry in facts.env)
    assert probes(docker) == []


def probes(docker: Docker) -> list[str]:
    """Containers that this process reads images through."""
    mine = {"label": f"{LABEL_PROBE}={os.getpid()}"}
    return [entry["Id"] for entry in docker._client.containers(all=True, filters=mine)]


def test_what_a_killed_engine_left_is_swept_when_it_is_old(daemon: tuple[Docker, str]) -> None:
    docker, image = daemon
    left = create_probe(docker._client, docker.find_id(image))
    try:
        docker.sweep()
        assert probes(docker) == [left]
        time.sleep(1.1)  # the daemon tells whole seconds
        assert docker.sweep(older_than_s=1) >= 1
        assert probes(docker) == []
    finally:
        docker.remove(left)


def test_what_an_image_was_built_to_do_is_read(real_docker: Docker, entrypoint_image: str) -> None:
    facts = real_docker.image_facts(entrypoint_image)
    assert facts.entrypoint == ("/usr/local/bin/entry",)
    assert facts.cmd == ("echo", "default command")
    assert (facts.user, facts.workdir) == ("4321:4321", "/srv")
    assert "IMAGE_ONLY=yes" in facts.env


def test_an_image_without_a_shell_has_no_sh(real_docker: Docker, bare_image: str) -> None:
    programs = real_docker.image_facts(bare_image).programs
    assert "python3" in programs
    assert not {"sh", "bash"} & programs.keys()


def test_local_images_have_name_digest_and_size(daemon: tuple[Docker, str]) -> None:
    docker, image = daemon
    (listed,) = (entry for entry in docker.images() if entry.reference == image)
    assert listed.size_bytes > 2**20
    assert listed.digest.startswith("sha256:")
    assert listed.labels["org.hpccontainers.content"]
    found = docker.find_image(image)
    assert found is not None
    assert (found.digest, found.reference) == (listed.digest, image)


def test_an_image_that_is_not_here_is_told(daemon: tuple[Docker, str]) -> None:
    docker, _ = daemon
    assert docker.find_image("hpcc-absent:1") is None
    assert docker.find_id("hpcc-absent:1") == ""
    with pytest.raises(ImageNotFound):
        docker.image_facts("hpcc-absent:1")


def test_the_mount_is_proved_and_a_daemon_elsewhere_is_found_out(
    daemon: tuple[Docker, str], tmp_path: Path
) -> None:
    docker, image = daemon
    docker.prove_mount(str(tmp_path), image)
    here = str(tmp_path)
    for there in ("/nonexistent/folder", str(tmp_path.parent)):
        with pytest.raises(RuntimeUnavailable, match="does not see") as refusal:
            docker.prove_mount(here, image, {here: there})
        assert "host_path_map" in refusal.value.cure
    other = tmp_path / "other"
    other.mkdir()
    docker.prove_mount(str(other), image, {str(tmp_path): str(tmp_path)})
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_an_engine_in_no_container_has_no_mounts_of_its_own(daemon: tuple[Docker, str]) -> None:
    assert daemon[0].own_mounts() == {}


def test_a_daemon_that_goes_away_is_unavailable(tmp_path: Path) -> None:
    docker = Docker(str(tmp_path / "gone.sock"))
    with pytest.raises(RuntimeUnavailable) as refusal:
        docker.info()
    assert refusal.value.cure
