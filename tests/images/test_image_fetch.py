"""Images fetched from a real registry: once however many ask, with progress, cancellable."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest
from registry_gate import LAYER_BYTES, Gate, Registry, free_port

from jupyter_hpccontainers.images.fetch import Fetches
from jupyter_hpccontainers.images.progress import Phase, Progress
from jupyter_hpccontainers.images.references import Reference, parse_reference
from jupyter_hpccontainers.images.sif_cache import SifCache, sif_digest
from jupyter_hpccontainers.images.sif_facts import SifFacts
from jupyter_hpccontainers.images.sources import DockerSource, SifSource
from jupyter_hpccontainers.model.errors import (
    ImageError,
    ImageNotFound,
    InvalidSpec,
    RuntimeUnavailable,
)
from jupyter_hpccontainers.model.job import RuntimeChoice
from jupyter_hpccontainers.runtimes.docker import Docker, find_docker

DOCKER, APPTAINER = RuntimeChoice.DOCKER, RuntimeChoice.APPTAINER
PATIENCE_S = 60


def unheard(progress: Progress) -> None:
    """A job that shows no progress."""


def eventually(holds: Callable[[], Any]) -> Any:
    """Wait for something that another process does."""
    for _ in range(PATIENCE_S * 20):
        if found := holds():
            return found
        time.sleep(0.05)
    raise AssertionError("it never came")


def fetching_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "fetch"]


@pytest.fixture
def by_docker(docker: Docker) -> Fetches:
    """Fetches for Docker jobs alone."""
    return Fetches({DOCKER: DockerSource(lambda: docker)})


@pytest.fixture
def by_apptainer(cache: SifCache, facts: SifFacts, apptainer: str, tmp_path: Path) -> Fetches:
    """Fetches on a machine with Apptainer and without Docker."""
    return Fetches({APPTAINER: SifSource(apptainer, cache, facts, lambda: None, own(tmp_path))})


@pytest.fixture
def by_both(
    docker: Docker, cache: SifCache, facts: SifFacts, apptainer: str, tmp_path: Path
) -> Fetches:
    """Fetches for Apptainer jobs on a machine that has Docker too."""
    return Fetches({APPTAINER: SifSource(apptainer, cache, facts, lambda: docker, own(tmp_path))})


def own(folder: Path) -> dict[str, str]:
    """An environment whose layer cache is nobody else's."""
    return {**os.environ, "APPTAINER_CACHEDIR": str(folder), "SINGULARITY_CACHEDIR": str(folder)}


def fetch(fetches: Fetches, name: str | Reference, runtime: RuntimeChoice = DOCKER) -> Any:
    reference = parse_reference(name) if isinstance(name, str) else name
    return fetches.begin(reference, runtime, unheard).result(PATIENCE_S)


# By Docker


def test_a_pull_tells_its_progress_and_ends_with_id_and_digest(
    by_docker: Fetches, docker: Docker, remote: Registry
) -> None:
    seen: list[Progress] = []
    name = remote.push()
    found = by_docker.begin(parse_reference(name), DOCKER, seen.append).result(PATIENCE_S)
    assert found.reference == docker.find_id(name)
    assert found.digest.startswith("sha256:")
    assert found.digest != found.reference, "the registry's digest, which others can pull by"
    assert found.size_bytes >= LAYER_BYTES
    assert seen[0].phase is Phase.PULL
    assert any("layers" in progress.text for progress in seen)
    by_digest = parse_reference(f"{name.rpartition(':')[0]}@{found.digest}")
    assert fetch(by_docker, by_digest).reference == found.reference


def test_a_local_image_is_taken_as_it_is(by_docker: Fetches, docker_image: str) -> None:
    seen: list[Progress] = []
    found = by_docker.begin(parse_reference(docker_image), DOCKER, seen.append).result(PATIENCE_S)
    assert found.reference.startswith("sha256:")
    assert seen == []
    assert fetch(by_docker, found.reference) == found


def test_ten_jobs_with_a_new_image_are_one_pull(
    by_docker: Fetches, remote: Registry, gate: Gate
) -> None:
    name = remote.push()
    gate.shut()
    spellings = [name, f"docker://{name}"] * 5
    futures = [by_docker.begin(parse_reference(each), DOCKER, unheard) for each in spellings]
    assert len(fetching_threads()) == 1
    gate.open()
    assert len({future.result(PATIENCE_S) for future in futures}) == 1
    assert gate.layers_fetched == 2, "the configuration and the one layer"


def test_one_that_leaves_does_not_end_the_pull_of_the_other(
    by_docker: Fetches, remote: Registry, gate: Gate
) -> None:
    name = remote.push()
    gate.shut()
    leaves, stays = (by_docker.begin(parse_reference(name), DOCKER, unheard) for _ in range(2))
    assert leaves.cancel()
    gate.open()
    assert stays.result(PATIENCE_S).reference.startswith("sha256:")
    with pytest.raises(CancelledError):
        leaves.result(0)


def test_the_last_that_leaves_ends_the_pull(
    by_docker: Fetches, docker: Docker, remote: Registry, gate: Gate
) -> None:
    name = remote.push()
    gate.shut()
    future = by_docker.begin(parse_reference(name), DOCKER, unheard)
    eventually(lambda: gate.layers_fetched)
    future.cancel()
    eventually(lambda: not fetching_threads())
    gate.open()
    assert docker.find_id(name) == ""
    assert fetch(by_docker, name).reference == docker.find_id(name), "and it may be asked for anew"


def test_a_registry_that_never_answers_is_left_when_asked(by_docker: Fetches) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        name = f"127.0.0.1:{silent.getsockname()[1]}/team/x:1"
        future = by_docker.begin(parse_reference(name), DOCKER, unheard)
        connection, _ = silent.accept()
        with connection:
            assert not future.done()
            future.cancel()
            eventually(lambda: not fetching_threads())


def test_closing_cancels_what_waits(by_docker: Fetches, remote: Registry, gate: Gate) -> None:
    name = remote.push()
    gate.shut()
    future = by_docker.begin(parse_reference(name), DOCKER, unheard)
    by_docker.close()
    assert future.cancelled()
    eventually(lambda: not fetching_threads())


def test_an_image_that_is_nowhere_is_not_found(by_docker: Fetches, gate: Gate) -> None:
    with pytest.raises(ImageNotFound, match="there is no image") as refusal:
        fetch(by_docker, f"127.0.0.1:{gate.port}/team/absent:1")
    assert "check name and tag" in refusal.value.cure
    with pytest.raises(ImageNotFound):
        fetch(by_docker, "sha256:" + "0" * 64)


def test_a_registry_that_is_away_is_told_apart_from_a_wrong_name(by_docker: Fetches) -> None:
    with pytest.raises(ImageError, match="can't be reached") as refusal:
        fetch(by_docker, f"127.0.0.1:{free_port()}/team/x:1")
    assert not isinstance(refusal.value, ImageNotFound)


def test_docker_is_given_no_sif(by_docker: Fetches, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="Docker can't run"):
        fetch(by_docker, str(tmp_path / "x.sif"))


def test_without_a_daemon_the_runtime_is_unavailable() -> None:
    with pytest.raises(RuntimeUnavailable):
        fetch(Fetches({DOCKER: DockerSource(lambda: None)}), "python")


def test_podman_finds_what_was_built_there_by_its_short_name(
    podman_socket: str, podman_image: str
) -> None:
    podman = find_docker(podman_socket)
    short = podman_image.removeprefix("localhost/")
    found = fetch(Fetches({DOCKER: DockerSource(lambda: podman)}), short)
    assert found.reference == podman.find_id(podman_image)
    podman.close()


# By Apptainer


def test_a_sif_is_pulled_once_and_kept(
    by_apptainer: Fetches, cache: SifCache, remote: Registry, gate: Gate
) -> None:
    seen: list[Progress] = []
    reference = parse_reference(remote.push())
    found = by_apptainer.begin(reference, APPTAINER, seen.append).result(PATIENCE_S)
    assert found.path == found.reference
    assert found.digest == sif_digest(Path(found.path))
    assert found.size_bytes == Path(found.path).stat().st_size
    assert [phase for phase in Phase if any(p.phase is phase for p in seen)] == list(Phase)
    before = gate.connections
    assert fetch(by_apptainer, reference, APPTAINER) == found
    assert gate.connections == before
    assert list(cache.folder.glob("partial-*")) == []


def test_apptainer_names_an_image_that_is_nowhere(by_apptainer: Fetches, gate: Gate) -> None:
    with pytest.raises(ImageNotFound, match="there is no image"):
        fetch(by_apptainer, f"127.0.0.1:{gate.port}/team/absent:1", APPTAINER)
    with pytest.raises(ImageError, match="can't be reached"):
        fetch(by_apptainer, f"127.0.0.1:{free_port()}/team/x:1", APPTAINER)


def test_a_pull_by_apptainer_ends_with_its_whole_session(
    by_apptainer: Fetches, cache: SifCache, remote: Registry, gate: Gate
) -> None:
    reference = parse_reference(remote.push())
    gate.shut()
    future = by_apptainer.begin(reference, APPTAINER, unheard)
    eventually(lambda: gate.layers_fetched and building(cache))
    future.cancel()
    eventually(lambda: not fetching_threads())
    eventually(lambda: not building(cache))
    assert list(cache.folder.glob("partial-*")) == []
    assert cache.find(reference.canonical) is None


def building(cache: SifCache) -> list[str]:
    """Processes that have the cache's folder in their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if str(cache.folder).encode() in (folder / "cmdline").read_bytes():
                found.append(folder.name)
        except OSError:
            continue
    return found


def test_an_apptainer_that_is_not_there_is_unavailable(cache: SifCache, facts: SifFacts) -> None:
    source = SifSource("/nonexistent/apptainer", cache, facts, lambda: None, os.environ)
    with pytest.raises(RuntimeUnavailable, match="can't be run"):
        fetch(Fetches({APPTAINER: source}), "python", APPTAINER)


def test_a_sif_file_is_taken_as_it_is_with_its_digest(by_apptainer: Fetches, tiny_sif: str) -> None:
    found = fetch(by_apptainer, tiny_sif, APPTAINER)
    assert (found.path, found.digest) == (tiny_sif, sif_digest(Path(tiny_sif)))
    with pytest.raises(ImageNotFound):
        fetch(by_apptainer, f"{tiny_sif}.absent.sif", APPTAINER)


# From Docker to SIF


def test_dockers_image_becomes_a_sif_that_runs_made_once(
    by_both: Fetches, docker: Docker, cache: SifCache, tiny_image: str, apptainer: str
) -> None:
    found = fetch(by_both, tiny_image, APPTAINER)
    assert found.digest == docker.find_id(tiny_image)
    options = ["--userns"] if os.getuid() == 0 else []
    said = subprocess.run(
        [apptainer, "--silent", "exec", *options, found.path, "/bin/sh", "-c", "echo $((6 * 7))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout == "42\n"
    made = Path(found.path).stat().st_ino
    assert fetch(by_both, tiny_image, APPTAINER) == found
    assert fetch(by_both, found.digest, APPTAINER).path == found.path
    assert Path(found.path).stat().st_ino == made
    assert len(list(cache.folder.glob("*.sif"))) == 1


def test_a_tag_that_moved_is_converted_anew(
    by_both: Fetches, docker: Docker, tiny_image: str, bare_image: str
) -> None:
    client, name = docker._client, f"hpcc-moved-{os.getpid()}"
    try:
        client.tag(tiny_image, name, "1")
        first = fetch(by_both, f"{name}:1", APPTAINER)
        client.tag(bare_image, name, "1")
        second = fetch(by_both, f"{name}:1", APPTAINER)
    finally:
        client.remove_image(f"{name}:1")
    assert first.digest == docker.find_id(tiny_image)
    assert second.digest == docker.find_id(bare_image)
    assert first.path != second.path
