"""Bad input: one clear line at the door, no job half-made, nothing lost."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_fixture import IsolatedEngine, RunImage

from jupyter_hpccontainers.model.errors import (
    HpccError,
    ImageNotFound,
    InvalidSpec,
    MountRefused,
    NeverFits,
    RuntimeUnavailable,
    StoreFull,
    TooLarge,
    TooMany,
)
from jupyter_hpccontainers.model.states import ReasonCode, Result


def refused(engine: IsolatedEngine, image: str, **fields: Any) -> HpccError:
    """Submit what must be refused; check that nothing of it is left."""
    before = {job.id for job in engine.client.jobs()}
    with pytest.raises(HpccError) as error:
        engine.submit(image, **fields)
    assert {job.id for job in engine.client.jobs()} == before
    assert not [path for path in (engine.state / "jobs").iterdir() if int(path.name) not in before]
    assert "\n" not in str(error.value)
    assert error.value.cure
    return error.value


def test_an_image_that_is_an_option(engine: IsolatedEngine) -> None:
    error = refused(engine, "--privileged")
    assert (type(error), error.field) == (InvalidSpec, "image")


def test_more_gpus_than_the_machine_has(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, docker_image: str
) -> None:
    engine = make_engine(docker_host=f"unix://{docker_socket}", gpus=2)
    error = refused(engine, docker_image, gpus=10)
    assert (type(error), error.field) == (NeverFits, "gpus")
    assert "10" in error.message
    assert "2" in error.message


def test_more_cores_than_the_machine_has(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, docker_image: str
) -> None:
    engine = make_engine(docker_host=f"unix://{docker_socket}", cores=[0])
    error = refused(engine, docker_image, cores=3)
    assert (type(error), error.field) == (NeverFits, "cores")


@pytest.mark.parametrize("memory", ["abc", "500"])
def test_memory_that_is_no_amount(engine: IsolatedEngine, docker_image: str, memory: str) -> None:
    error = refused(engine, docker_image, memory=memory)
    assert (type(error), error.field) == (InvalidSpec, "memory")
    assert "4g" in error.cure or "500m" in error.cure


def test_a_mount_the_person_may_not_read(
    engine: IsolatedEngine, docker_image: str, tmp_path: Path
) -> None:
    error = refused(engine, docker_image, mounts=["/root/secret"])
    assert isinstance(error, MountRefused | InvalidSpec)
    assert isinstance(refused(engine, docker_image, mounts=["/etc:/x:ro"]), MountRefused)
    assert isinstance(refused(engine, docker_image, mounts=["/proc:/x:ro"]), MountRefused)
    link = engine.workdir / "link"
    link.symlink_to("/etc")
    assert isinstance(refused(engine, docker_image, mounts=[f"{link}:/x:ro"]), MountRefused)


def test_the_daemon_s_socket_is_never_mounted(
    engine: IsolatedEngine, docker_image: str, docker_socket: str
) -> None:
    error = refused(engine, docker_image, mounts=[f"{docker_socket}:/x"])
    assert isinstance(error, MountRefused)
    error = refused(engine, docker_image, mounts=[f"{Path(docker_socket).parent}:/x"])
    assert isinstance(error, MountRefused | InvalidSpec)


def test_a_spec_of_five_megabytes(engine: IsolatedEngine, docker_image: str) -> None:
    error = refused(engine, docker_image, script="#" * 5_000_000)
    assert type(error) is TooLarge


def test_an_image_that_does_not_exist(engine: IsolatedEngine, run_image: RunImage) -> None:
    missing = RunImage("127.0.0.1:9/no-such-image:1", run_image.runtime)
    done = engine.wait(engine.submit(missing, command=["true"]))
    assert done.result is Result.FAILED
    assert done.reason is not None
    assert done.reason.code in {ReasonCode.IMAGE_NOT_FOUND, ReasonCode.IMAGE_FAILED}
    assert done.reason.details["cure"]
    assert done.allocation is None


def test_a_sif_that_does_not_exist(engine: IsolatedEngine) -> None:
    error = refused(engine, "/nowhere/there.sif")
    assert (type(error), error.field) == (ImageNotFound, "image")


@pytest.fixture
def silent_socket(tmp_path: Path) -> Iterator[str]:
    """A Docker socket that accepts and never answers."""
    path = tmp_path / "s"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o666)
    listener.listen(50)
    accepted: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                accepted.append(listener.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=accept)
    thread.start()
    yield str(path)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    for connection in accepted:
        connection.close()


def test_a_docker_socket_that_never_answers(
    make_engine: Callable[..., IsolatedEngine], silent_socket: str
) -> None:
    engine = make_engine(docker_host=f"unix://{silent_socket}", runtimes=["docker"])
    error = refused(engine, "python:3.12")
    assert type(error) is RuntimeUnavailable
    assert "did not answer" in error.message
    assert engine.client.health().accepting


def test_no_runtime_at_all(make_engine: Callable[..., IsolatedEngine], tmp_path: Path) -> None:
    engine = make_engine(docker_host=f"unix://{tmp_path}/absent.sock", env={"PATH": str(tmp_path)})
    error = refused(engine, "python:3.12")
    assert type(error) is RuntimeUnavailable
    assert "pptainer" in str(error)
    names = {check.name: check for check in engine.client.doctor()}
    assert not names["docker"].ok
    assert names["docker"].cure
    assert not names["apptainer"].ok
    assert names["apptainer"].cure


def test_too_many_waiting_jobs(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, tiny_image: str
) -> None:
    engine = make_engine(docker_host=f"unix://{docker_socket}", cores=[0], max_pending=2, grace=0.5)
    running = engine.submit(tiny_image, command=["sleep", "60"])
    engine.until(running, "RUNNING")
    for _ in range(2):
        engine.submit(tiny_image, command=["true"])
    assert type(refused(engine, tiny_image, command=["true"])) is TooMany


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 2**20)


@pytest.mark.as_root
def test_a_full_disk_at_submit(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, tiny_image: str
) -> None:
    engine = make_engine(start=False, docker_host=f"unix://{docker_socket}", grace=0.5)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=120m,mode=711", "none", str(engine.state)], check=True
    )
    try:
        engine.start()
        running = engine.submit(tiny_image, command=["sh", "-c", "sleep 3; echo whole"])
        engine.until(running, "RUNNING")
        filler = engine.state / "filler"
        with pytest.raises(OSError, match="No space"):
            fill(filler)
        assert type(refused(engine, tiny_image, command=["true"])) is StoreFull
        filler.unlink()
        assert engine.wait(running).result is Result.COMPLETED
        assert engine.output(running) == b"whole\n"
        assert engine.wait(engine.submit(tiny_image, command=["true"])).exit_code == 0
    finally:
        engine.clear()
        subprocess.run(["umount", "-l", str(engine.state)], check=False)
