"""What daemons, registries and Apptainer print, as they really print it."""

from __future__ import annotations

import pytest

from jupyter_hpccontainers.images.failures import failure
from jupyter_hpccontainers.images.progress import ApptainerProgress, DockerProgress, Phase
from jupyter_hpccontainers.images.references import parse_reference
from jupyter_hpccontainers.model.errors import ImageNotFound

TOOL = parse_reference("ghcr.io/team/tool:1")

NOT_FOUND = [
    "manifest for 127.0.0.1:5000/team/nope:1 not found: manifest unknown: manifest unknown",
    "pull access denied for nope, repository does not exist or may require 'docker login': denied:"
    " requested access to the resource is denied",
    "FATAL:   While making image from oci registry: error fetching image to cache: failed to get"
    " checksum for docker://127.0.0.1:5055/team/nope:1: reading manifest 1 in"
    " 127.0.0.1:5055/team/nope: manifest unknown",
    "FATAL:   While performing build: conveyor failed to get: error saving the docker archive"
    " file: Error response from daemon: reference does not exist",
    "initializing source docker://nope:1: reading manifest 1 in docker.io/library/nope: name"
    " unknown: repository name not known to registry",
]
LOGIN = [
    'Head "https://ghcr.io/v2/team/tool/manifests/1": unauthorized',
    "Get https://127.0.0.1:5000/v2/: no basic auth credentials",
    "FATAL:   ... unable to retrieve auth token: invalid username/password: unauthorized:"
    " authentication required",
]
AWAY = [
    "Get \"https://nohost.example/v2/\": dial tcp: lookup nohost.example: no such host",
    "Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
    "pinging container registry 127.0.0.1:5055: Get \"https://127.0.0.1:5055/v2/\": http: server"
    " gave HTTP response to HTTPS client",
    "net/http: request canceled while waiting for connection (Client.Timeout exceeded): i/o"
    " timeout",
]  # fmt: skip


@pytest.mark.parametrize("said", NOT_FOUND)
def test_a_name_that_is_nowhere(said: str) -> None:
    error = failure(TOOL, said)
    assert isinstance(error, ImageNotFound)
    assert "ghcr.io/team/tool:1" in error.message


@pytest.mark.parametrize("said", LOGIN)
def test_a_registry_that_wants_a_login(said: str) -> None:
    error = failure(TOOL, said)
    assert not isinstance(error, ImageNotFound)
    assert "docker login ghcr.io" in error.cure


@pytest.mark.parametrize("said", AWAY)
def test_a_registry_that_cannot_be_reached(said: str) -> None:
    error = failure(TOOL, said)
    assert not isinstance(error, ImageNotFound)
    assert "can't be reached" in error.message


def test_a_full_disk_a_busy_registry_and_the_unknown() -> None:
    assert "no room" in failure(TOOL, "write /var/x: no space left on device").message
    assert "log in" in failure(TOOL, "toomanyrequests: You have reached your pull rate limit").cure
    odd = failure(TOOL, "INFO:    Starting build...\nFATAL:   the moon is blue\n")
    assert odd.message.endswith("the moon is blue")
    assert len(failure(TOOL, "x" * 10_000).message) < 500
    assert failure(TOOL, "").message


def test_layers_add_up_to_the_progress_of_a_pull() -> None:
    progress = DockerProgress()

    def take(status: str, layer: str = "", **detail: int) -> tuple[Phase, int, int, int | None]:
        now = progress.take({"status": status, "id": layer, "progressDetail": detail})
        return now.phase, now.done_bytes, now.total_bytes, now.percent

    assert take("Pulling from team/tool", "1") == (Phase.PULL, 0, 0, None)
    take("Pulling fs layer", "a")
    take("Pulling fs layer", "b")
    assert take("Downloading", "a", current=50, total=100) == (Phase.PULL, 50, 100, 50)
    assert take("Downloading", "b", current=100, total=300) == (Phase.PULL, 150, 400, 37)
    assert take("Download complete", "a") == (Phase.PULL, 200, 400, 50)
    assert take("Download complete", "b") == (Phase.UNPACK, 400, 400, 100)
    assert take("Extracting", "a", current=10, total=100)[0] is Phase.UNPACK
    assert progress.take({"status": "Pull complete", "id": "a"}).text == "2 of 2 layers"


def test_layers_that_are_here_already_count_as_done() -> None:
    progress = DockerProgress()
    assert progress.take({"status": "Already exists", "id": "a"}).phase is Phase.UNPACK
    assert progress.take({"status": "Pulling fs layer", "id": "b"}).phase is Phase.PULL


def test_the_steps_of_apptainer_are_phases() -> None:
    progress = ApptainerProgress()
    told = [
        progress.take(line)
        for line in (
            "INFO:    Starting build...",
            "INFO:    Fetching OCI image...",
            "INFO:    Extracting OCI image...",
            "INFO:    Creating SIF file...",
            "VERBOSE: Set SIF container architecture to amd64",
            "Parallel mksquashfs: Using 2 processors",
            "[=============|                       ] 300/848  35%",
            "[====================================|] 848/848 100%",
            "Exportable Squashfs 4.0 filesystem, gzip compressed, data block size 131072",
        )
    ]
    seen = [(p.phase, p.percent) for p in told if p]
    assert seen == [
        (Phase.PULL, None),
        (Phase.UNPACK, None),
        (Phase.CONVERT, None),
        (Phase.CONVERT, 35),
        (Phase.CONVERT, 100),
    ]
    assert told[-2] is not None
    assert told[-2].text == "Creating SIF file"
    assert set(told[-2].as_json()) == {"phase", "done_bytes", "total_bytes", "percent", "text"}
