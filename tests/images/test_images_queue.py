"""Fetching an image holds no cores, is shown, is shared, and can be cancelled."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine_fixture import IsolatedEngine, RunImage
from registry_gate import LAYER_BYTES, Gate

from jupyter_hpccontainers.model.states import ReasonCode, Result
from jupyter_hpccontainers.runtimes.docker import Docker


def _busybox_layer() -> bytes:
    busybox = shutil.which("busybox")
    assert busybox is not None
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.add(busybox, "bin/busybox")
        member = tarfile.TarInfo("data/random")
        member.size = LAYER_BYTES
        tar.addfile(member, io.BytesIO(os.urandom(LAYER_BYTES)))
    return file.getvalue()


@pytest.fixture
def far_image(docker: Docker, registry: int, gate: Gate) -> Iterator[str]:
    """An image with busybox that is nowhere but in the registry."""
    client, name = docker._client, f"queue/{uuid.uuid4().hex[:12]}"
    direct = f"127.0.0.1:{registry}/{name}"
    client.import_image_from_data(_busybox_layer(), repository=direct, tag="1")
    for event in client.push(direct, tag="1", stream=True, decode=True):
        assert "error" not in event, event
    client.remove_image(f"{direct}:1", force=True)
    named = f"127.0.0.1:{gate.port}/{name}:1"
    yield named
    if docker.find_id(named):
        client.remove_image(named, force=True)


@pytest.fixture
def one_core(make_engine: Callable[..., IsolatedEngine], docker_socket: str) -> IsolatedEngine:
    """An engine with one core: what a fetch held would be seen at once."""
    return make_engine(docker_host=f"unix://{docker_socket}", cores=[0], memory="1g", grace=0.5)


def states_of(engine: IsolatedEngine, job_id: int) -> list[str]:
    """The recorded history, from a copy of the database."""
    copy = Path(engine.client.backup(str(engine.state / f"copy-{uuid.uuid4().hex[:8]}.sqlite")))
    with sqlite3.connect(copy) as connection:
        rows = connection.execute(
            "SELECT kind FROM events WHERE job_id = ? ORDER BY seq", (job_id,)
        ).fetchall()
    connection.close()
    copy.unlink()
    return [kind for (kind,) in rows]


def test_a_slow_pull_holds_no_core(
    one_core: IsolatedEngine, far_image: str, tiny_image: str, gate: Gate
) -> None:
    gate.shut()
    slow = one_core.submit(RunImage(far_image, "docker"), command=["/bin/busybox", "true"])
    deadline = time.monotonic() + 30
    while not one_core.client.job(slow.id).progress and time.monotonic() < deadline:
        time.sleep(0.05)
    pulling = one_core.client.job(slow.id)
    assert pulling.state == "PENDING"
    assert pulling.reason is not None
    assert pulling.reason.code is ReasonCode.IMAGE
    assert pulling.progress["phase"] == "pull"
    assert pulling.allocation is None
    other = one_core.submit(RunImage(tiny_image, "docker"), command=["true"])
    assert one_core.wait(other).result is Result.COMPLETED
    assert one_core.client.job(slow.id).state == "PENDING"
    gate.open()
    done = one_core.wait(slow)
    assert done.result is Result.COMPLETED
    history = [state for state in states_of(one_core, slow.id) if state.isupper()]
    assert history == ["STARTING", "RUNNING", "DONE"]
    assert done.image_digest.startswith("sha256:")


def test_ten_jobs_of_a_new_image_pull_it_once(
    one_core: IsolatedEngine, far_image: str, gate: Gate
) -> None:
    jobs = [
        one_core.submit(
            RunImage(far_image, "docker"), command=["/bin/busybox", "true"], memory="20m"
        )
        for _ in range(10)
    ]
    assert {one_core.wait(job, 90).result for job in jobs} == {Result.COMPLETED}
    assert gate.layers_fetched == 2, "a layer and a configuration, once"


def test_cancel_during_a_pull(one_core: IsolatedEngine, far_image: str, gate: Gate) -> None:
    gate.shut()
    job = one_core.submit(RunImage(far_image, "docker"), command=["/bin/busybox", "true"])
    deadline = time.monotonic() + 30
    while not one_core.client.job(job.id).progress and time.monotonic() < deadline:
        time.sleep(0.05)
    assert one_core.client.cancel(job.id).result is Result.CANCELLED
    gate.open()
    time.sleep(0.5)
    assert one_core.client.job(job.id).started_at is None


def test_urgent_goes_before_normal_goes_before_best_effort(
    one_core: IsolatedEngine, tiny_image: str
) -> None:
    image = RunImage(tiny_image, "docker")
    first = one_core.submit(image, command=["sleep", "2"])
    one_core.until(first, "RUNNING")
    wanted = {}
    for priority in ("best-effort", "normal", "urgent", "normal"):
        job = one_core.submit(image, command=["true"], priority=priority, memory="20m")
        wanted.setdefault(priority, []).append(job.id)
    done = [one_core.wait(n, 90) for ids in wanted.values() for n in ids]
    order = [job.id for job in sorted(done, key=lambda job: job.started_at or 0)]
    assert order == [*wanted["urgent"], *wanted["normal"], *wanted["best-effort"]]


def test_images_are_listed_with_digest_and_size(
    make_engine: Callable[..., IsolatedEngine],
    docker_socket: str,
    docker_image: str,
    sif_image: str,
) -> None:
    engine = make_engine(
        docker_host=f"unix://{docker_socket}", image_folders=[str(Path(sif_image).parent)]
    )
    found = {image.reference: image for image in engine.client.images()}
    docker_one = found[docker_image]
    assert docker_one.runtime == "docker"
    assert docker_one.digest.startswith("sha256:")
    assert docker_one.size_bytes > 2**20
    sif = found[sif_image]
    assert sif.runtime == "apptainer"
    assert sif.size_bytes == Path(sif_image).stat().st_size
    assert [image.reference for image in engine.client.images("no-such-thing")] == []
    assert sif_image in [image.reference for image in engine.client.images(Path(sif_image).stem)]
