"""The few verbs the engine asks of a Docker or Podman daemon, over the docker SDK."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..model.errors import HpccError, ImageNotFound, RuntimeUnavailable
from ..model.job import Image
from .docker_config import LABEL_ATTEMPT, LABEL_ENGINE, LABEL_JOB
from .docker_image import LABEL_PROBE, local_images, read_facts
from .docker_info import DockerInfo, docker_info
from .docker_mount import own_mounts, prove_mount
from .docker_pull import DockerPull
from .docker_socket import PING_TIMEOUT_S, find_socket, ping
from .order import ImageFacts

if TYPE_CHECKING:
    from docker import APIClient


@dataclass(frozen=True, slots=True)
class Container:
    """One container of ours; ``state`` is Docker's word (created, running, exited …)."""

    id: str
    name: str
    job_id: int
    attempt: int
    state: str


@dataclass(frozen=True, slots=True)
class ContainerState:
    """What the daemon knows of one container; times are RFC 3339 texts, pid is the host's."""

    id: str
    state: str
    pid: int
    exit_code: int
    oom_killed: bool
    started_at: str
    ended_at: str
    error: str


def find_docker(
    explicit: str = "",
    *,
    environ: Mapping[str, str] | None = None,
    uid: int | None = None,
    timeout_s: float = PING_TIMEOUT_S,
) -> Docker:
    """Return the first daemon that answers (see ``docker_socket.candidate_sockets``).

    Raises RuntimeUnavailable, after ``timeout_s`` at most for each socket that stays silent.
    """
    environ = os.environ if environ is None else environ
    return Docker(find_socket(explicit, environ, os.getuid() if uid is None else uid, timeout_s))


class Docker:
    """One daemon; every verb raises RuntimeUnavailable when it does not answer in ``timeout_s``."""

    def __init__(self, socket_path: str, *, timeout_s: int = 60) -> None:
        self.socket = socket_path
        self._timeout_s = timeout_s
        self._facts: dict[str, ImageFacts] = {}
        self._facts_lock = Lock()

    @cached_property
    def _client(self) -> APIClient:
        """Imported here: the SDK costs a tenth of a second, which most doors never need."""
        from docker import APIClient  # noqa: PLC0415

        ping(self.socket)  # says what is wrong better than the SDK, and sooner
        return APIClient(base_url=f"unix://{self.socket}", version="auto", timeout=self._timeout_s)

    @contextmanager
    def _asking(self, what: str) -> Iterator[APIClient]:
        """Hand out the client; turn what the SDK and its HTTP library raise into our errors."""
        from docker.errors import APIError, DockerException  # noqa: PLC0415
        from requests.exceptions import RequestException  # noqa: PLC0415

        try:
            yield self._client
        except HpccError:
            raise
        except APIError as error:
            raise RuntimeUnavailable(
                f"the daemon at {self.socket} refused to {what}: {_explanation(error)}",
                cure="look at the daemon's own log",
            ) from error
        except (DockerException, RequestException, OSError) as error:
            raise RuntimeUnavailable(
                f"the daemon at {self.socket} did not answer when asked to {what}: {error}",
                cure="look whether it runs: docker info",
            ) from error

    def close(self) -> None:
        """Close the connections kept to the daemon; the next verb opens one again."""
        client = self.__dict__.pop("_client", None)
        if client is not None:
            client.close()

    def info(self) -> DockerInfo:
        """Ask the daemon what it is and what it can limit."""
        with self._asking("describe itself") as client:
            return docker_info(self.socket, client.info(), client.version())

    # Containers

    def containers(self, engine: str) -> tuple[Container, ...]:
        """Return every container of this engine, ended ones too, by one call."""
        with self._asking("list containers") as client:
            listed = client.containers(all=True, filters={"label": f"{LABEL_ENGINE}={engine}"})
        return tuple(_container(entry) for entry in listed)

    def container(self, name: str) -> ContainerState | None:
        """Return what the daemon knows of a container, None when there is none of this name."""
        from docker.errors import NotFound  # noqa: PLC0415

        with self._asking("inspect a container") as client:
            try:
                return _container_state(client.inspect_container(name))
            except NotFound:
                return None

    def remove(self, name: str) -> None:
        """Remove a container and its anonymous volumes, running or not; absent is fine."""
        with self._asking("remove a container") as client, _unless(404, 409):
            client.remove_container(name, v=True, force=True)

    def kill(self, name: str, signal: str = "SIGKILL") -> bool:
        """Send a signal; False when the container is not there or not running."""
        from docker.errors import APIError  # noqa: PLC0415

        with self._asking("signal a container") as client, _unless(404, 409) as missed:
            try:
                client.kill(name, signal=signal)
            except APIError as error:
                if "can only kill running" not in _explanation(error):  # Podman's 500
                    raise
                missed.append(error.status_code or 500)
        return not missed

    def sweep(self, older_than_s: float = 600.0) -> int:
        """Remove what an engine that was killed left while it read an image; return how many."""
        with self._asking("list containers") as client:
            left = client.containers(all=True, filters={"label": LABEL_PROBE, "status": "created"})
        old = [entry["Id"] for entry in left if time.time() - entry["Created"] > older_than_s]
        for container in old:
            self.remove(container)
        return len(old)

    # Images

    def images(self) -> tuple[Image, ...]:
        """Return every named image here; one with two tags is two entries."""
        with self._asking("list images") as client:
            return local_images(client.images())

    def find_id(self, reference: str) -> str:
        """Return the id of a local image, '' when it is not here."""
        found = self._local(reference)
        return str(found["Id"]) if found else ""

    def find_image(self, reference: str) -> Image | None:
        """Return the local image of this name, None when it would have to be pulled."""
        found = self._local(reference)
        if found is None:
            return None
        (image,) = local_images([{**found, **_config_labels(found), "RepoTags": [reference]}])
        return image

    def _local(self, reference: str) -> dict[str, Any] | None:
        from docker.errors import ImageNotFound as Missing  # noqa: PLC0415

        with self._asking("inspect an image") as client:
            try:
                return dict(client.inspect_image(reference))  # type: ignore[no-untyped-call]
            except Missing:
                return None

    def pull(self, reference: str) -> DockerPull:
        """Begin a pull and return its events; credentials come from the person's Docker config."""
        with self._asking("pull an image") as client:
            return DockerPull.begin(client, self.socket, reference)

    def image_facts(self, reference: str) -> ImageFacts:
        """Return what the image says, read once per image id from a container never started.

        Raises ImageNotFound when it is not here.
        """
        found = self._inspect(reference)
        with self._asking("read an image") as client, self._facts_lock:
            if found["Id"] not in self._facts:
                self._facts[found["Id"]] = read_facts(client, found)
            return self._facts[found["Id"]]

    def known_facts(self, image_id: str) -> ImageFacts | None:
        """Return what was read of an image before, None when it was not; asks nobody."""
        return self._facts.get(image_id)

    def _inspect(self, reference: str) -> dict[str, Any]:
        found = self._local(reference)
        if found is None:
            raise ImageNotFound(
                f"image {reference} is not on this machine", cure="pull it first", field="image"
            )
        return found

    # Folders

    def prove_mount(
        self, folder: str, reference: str, host_paths: Mapping[str, str] | None = None
    ) -> None:
        """Prove that the daemon mounts this engine's files: a nonce written here, read there.

        ``folder`` is one the engine may write; ``reference`` any local image. Raises
        RuntimeUnavailable when the daemon is on another machine, or in another container.
        """
        found = self._inspect(reference)
        with self._asking("mount a folder") as client:
            prove_mount(client, folder, found["Id"], host_paths or {})

    def own_mounts(self) -> dict[str, str]:
        """Return, where this engine runs in a container of this daemon, path here → path there."""
        with self._asking("inspect this engine's container") as client, _unless(404):
            return own_mounts(client)
        return {}


@contextmanager
def _unless(*statuses: int) -> Iterator[list[int]]:
    """Let an answer of one of these statuses pass, noting it in the list."""
    from docker.errors import APIError  # noqa: PLC0415

    missed: list[int] = []
    try:
        yield missed
    except APIError as error:
        if error.status_code not in statuses:
            raise
        missed.append(error.status_code)


def _explanation(error: Any) -> str:
    return str(error.explanation or error)


def _container(entry: Mapping[str, Any]) -> Container:
    labels = entry.get("Labels") or {}
    return Container(
        id=entry["Id"],
        name=(entry.get("Names") or [""])[0].lstrip("/"),
        job_id=int(labels.get(LABEL_JOB) or 0),
        attempt=int(labels.get(LABEL_ATTEMPT) or 0),
        state=str(entry.get("State", "")),
    )


def _container_state(found: Mapping[str, Any]) -> ContainerState:
    state = found["State"]
    return ContainerState(
        id=found["Id"],
        state=str(state.get("Status", "")),
        pid=int(state.get("Pid") or 0),
        exit_code=int(state.get("ExitCode") or 0),
        oom_killed=bool(state.get("OOMKilled")),
        started_at=str(state.get("StartedAt") or ""),
        ended_at=str(state.get("FinishedAt") or ""),
        error=str(state.get("Error") or ""),
    )


def _config_labels(found: Mapping[str, Any]) -> dict[str, Any]:
    return {"Labels": (found.get("Config") or {}).get("Labels")}
