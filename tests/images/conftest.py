"""A real image registry on this machine, and a gate in front of it that can hold its answers."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from registry_gate import Gate, Registry, free_port, wait_for_port

from jupyter_hpccontainers.images.sif_cache import SifCache
from jupyter_hpccontainers.images.sif_facts import SifFacts
from jupyter_hpccontainers.runtimes.docker import Docker, find_docker

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
CONFIGURATION = """
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an empty registry."""
    if not shutil.which("docker-registry"):
        done = subprocess.run([str(SCRIPTS / "system_packages.sh"), "docker-registry"], check=False)
        if done.returncode != 0:
            pytest.skip("docker-registry can't be installed here")
    folder, port = tmp_path_factory.mktemp("registry"), free_port()
    configuration = folder / "config.yml"
    configuration.write_text(CONFIGURATION.format(folder=folder / "data", port=port))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(configuration)], stdout=log, stderr=log
        )
    try:
        wait_for_port(port)
        yield port
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def gate(registry: int) -> Iterator[Gate]:
    """A way to the registry that counts what is fetched and can be shut."""
    with Gate(registry) as gate:
        yield gate


@pytest.fixture
def docker(docker_socket: str) -> Iterator[Docker]:
    """The real Docker Engine."""
    docker = find_docker(docker_socket)
    yield docker
    docker.close()


@pytest.fixture
def remote(docker: Docker, registry: int, gate: Gate) -> Iterator[Registry]:
    """Pushes images that are then nowhere but in the registry, named by the gate's address."""
    remote = Registry(docker, registry, gate)
    yield remote
    remote.forget()


@pytest.fixture
def cache() -> Iterator[SifCache]:
    """An empty SIF cache; removed with everything that was built in it."""
    folder = Path(tempfile.mkdtemp(prefix="hpcc-sif-"))
    yield SifCache(folder / "cache")
    shutil.rmtree(folder)


@pytest.fixture
def facts(tmp_path: Path, apptainer: str) -> SifFacts:
    """What was read of SIF files: nothing yet."""
    return SifFacts(tmp_path / "facts.json", apptainer)
