"""What a Docker image says of itself: names, digest, configuration, and which programs it has."""

from __future__ import annotations

import base64
import io
import json
import os
import posixpath
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ..model.job import Image, RuntimeChoice
from .order import ImageFacts

if TYPE_CHECKING:
    from docker import APIClient

#: Programs a script may ask for, looked up on the image's own PATH.
PROGRAMS = ("python3", "python", "bash", "sh", "Rscript", "julia", "perl", "node")
#: Label of the container an image is read through, which is never started: the reader's pid.
LABEL_PROBE = "org.hpccontainers.probe"

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MOST_FILE_BYTES = 2**20


def local_images(entries: Iterable[Mapping[str, Any]]) -> tuple[Image, ...]:
    """Return what a list of images (or one inspected) holds, one entry a tag."""
    return tuple(
        Image(
            reference=tag,
            runtime=RuntimeChoice.DOCKER,
            digest=own_digest(entry),
            size_bytes=int(entry.get("Size") or 0),
            created=_created(entry.get("Created")),
            labels=dict(entry.get("Labels") or {}),
        )
        for entry in entries
        for tag in _names(entry)
    )


def _names(entry: Mapping[str, Any]) -> Sequence[str]:
    """Tags, else digests; an image without a name (``<none>``) can't be asked for."""
    names = entry.get("RepoTags") or entry.get("RepoDigests") or ()
    return [name for name in names if "<none>" not in name]


def own_digest(entry: Mapping[str, Any]) -> str:
    """Return the registry's digest, else the image's id (of its configuration)."""
    for name in entry.get("RepoDigests") or ():
        if "<none>" not in name:
            return str(name).partition("@")[2]
    return str(entry.get("Id", ""))


def _created(value: Any) -> str:
    """RFC 3339 in UTC, from the list's seconds or from inspect's text."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")
    return str(value or "")


def read_facts(client: APIClient, image: Mapping[str, Any]) -> ImageFacts:
    """Read an inspected image's files through a container that is made and never started."""
    config = image.get("Config") or {}
    env = tuple(config.get("Env") or ())
    probe = create_probe(client, str(image["Id"]))
    try:
        return ImageFacts(
            reference=str(image["Id"]),
            digest=own_digest(image),
            env=env,
            entrypoint=_argv(config.get("Entrypoint")),
            cmd=_argv(config.get("Cmd")),
            workdir=config.get("WorkingDir") or "",
            user=config.get("User") or "",
            passwd=read_text(client, probe, "/etc/passwd"),
            group=read_text(client, probe, "/etc/group"),
            programs=_programs(client, probe, env),
        )
    finally:
        client.remove_container(probe, v=True, force=True)


def create_probe(client: APIClient, image_id: str, mounts: Sequence[Mapping[str, Any]] = ()) -> str:
    """Create a container to read files through, and never start it; return its id."""
    created = client.create_container_from_config(  # type: ignore[no-untyped-call]
        {
            "Image": image_id,
            "Entrypoint": ["/never-started"],
            "Labels": {LABEL_PROBE: str(os.getpid())},
            "HostConfig": {
                # As jobs have it, so that a daemon without an init program is found out early.
                "Init": True,
                "NetworkMode": "none",
                "LogConfig": {"Type": "none"},
                "Mounts": list(mounts),
            },
        }
    )
    return str(created["Id"])


def _argv(value: Any) -> tuple[str, ...]:
    """Some old images hold a text in place of a list."""
    return (value,) if isinstance(value, str) else tuple(value or ())


def read_text(client: APIClient, container: str, path: str, hops: int = 8) -> str:
    """Return a file of a container as text, '' when there is none; reads 1 MiB at most."""
    from docker.errors import NotFound  # noqa: PLC0415

    try:
        chunks, stat = client.get_archive(container, path)
    except NotFound:
        return ""
    link = stat.get("linkTarget") or ""
    if link and link != path and hops:
        return read_text(client, container, posixpath.join(posixpath.dirname(path), link), hops - 1)
    return _first_file(_head(chunks))


def _head(chunks: Iterable[bytes]) -> bytes:
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > _MOST_FILE_BYTES:
            break
    return bytes(data[:_MOST_FILE_BYTES])


def _first_file(archive: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r|") as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() else None
            return file.read().decode(errors="replace") if file else ""
    return ""


def _programs(client: APIClient, container: str, env: Sequence[str]) -> dict[str, str]:
    path = next((e[5:] for e in env if e.startswith("PATH=")), _DEFAULT_PATH)
    folders = _folders(client, container, path)
    found = {name: _which(client, container, name, folders) for name in PROGRAMS}
    return {name: path for name, path in found.items() if path}


def _folders(client: APIClient, container: str, path: str) -> list[str]:
    """Return the folders of a PATH that are there, a merged /bin and /usr/bin once: each saves
    the daemon eight looks."""
    seen: dict[str, str] = {}
    for folder in (part.rstrip("/") for part in path.split(":") if part.startswith("/")):
        stat = _stat(client, container, folder)
        if stat is not None:
            seen.setdefault(stat.get("linkTarget") or folder, folder)
    return list(seen.values())


def _which(client: APIClient, container: str, name: str, folders: Iterable[str]) -> str:
    """Return the first folder's program of this name, as exec*p(3) would; '' when none has it."""
    for folder in folders:
        if _stat(client, container, f"{folder}/{name}") is not None:
            return f"{folder}/{name}"
    return ""


def _stat(client: APIClient, container: str, path: str) -> Mapping[str, Any] | None:
    """Ask ``HEAD …/archive`` what lies at a path; None when nothing does."""
    answer = client.head(
        f"{client.base_url}/v{client.api_version}/containers/{container}/archive",
        params={"path": path},
        timeout=client.timeout,
    )
    if answer.status_code != HTTPStatus.OK:
        return None
    told = answer.headers.get("X-Docker-Container-Path-Stat", "")
    return dict(json.loads(base64.b64decode(told))) if told else {}
