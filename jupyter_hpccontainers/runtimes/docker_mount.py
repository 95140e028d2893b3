"""Whether a Docker daemon sees this engine's files, and where it finds them if elsewhere."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..model.errors import RuntimeUnavailable
from ..model.job import Mount
from .docker_config import bind
from .docker_image import create_probe, read_text

if TYPE_CHECKING:
    from docker import APIClient

_TARGET = "/hpcc-mount-proof"
_OWN_ID = re.compile(r"/containers/([0-9a-f]{64})/")


class _NotMounted(Exception):
    """The daemon would not mount the folder; the text is its own."""


def prove_mount(
    client: APIClient, folder: str, image_id: str, host_paths: Mapping[str, str]
) -> None:
    """Write a nonce in ``folder`` and read it through a container; see ``Docker.prove_mount``."""
    nonce = secrets.token_hex(16)
    proof = Path(folder) / f".mount-proof-{nonce[:8]}"
    proof.write_text(nonce)
    why = "another folder is there"
    try:
        seen = _read_there(client, image_id, bind(_proof_mount(folder), host_paths), proof)
    except _NotMounted as refused:
        seen, why = "", str(refused)
    finally:
        proof.unlink(missing_ok=True)
    if seen != nonce:
        raise RuntimeUnavailable(
            f"the Docker daemon does not see this machine's folder {folder}: {why}",
            cure="use the daemon of this machine, or set host_path_map to where it finds it",
        )


def _proof_mount(folder: str) -> Mount:
    return Mount(folder, _TARGET, read_only=True)


def _read_there(client: APIClient, image_id: str, mount: Mapping[str, Any], proof: Path) -> str:
    """Return what a container finds there, '' for nothing; raises _NotMounted."""
    from docker.errors import APIError  # noqa: PLC0415

    try:
        container = create_probe(client, image_id, [mount])
    except APIError as error:
        if error.is_client_error() or "no such file" in str(error.explanation):
            raise _NotMounted(error.explanation) from None
        raise
    try:
        return read_text(client, container, f"{_TARGET}/{proof.name}")
    finally:
        client.remove_container(container, v=True, force=True)


def own_mounts(client: APIClient, mountinfo: str = "/proc/self/mountinfo") -> dict[str, str]:
    """Return path here → path on the daemon's host for this process's own container.

    Empty when it runs in none. dockerd mounts ``…/containers/<id>/hostname`` over /etc/hostname,
    which names the container (proc_pid_mountinfo(5)).
    """
    found: re.Match[str] | None = None
    with suppress(OSError):
        found = _OWN_ID.search(Path(mountinfo).read_text(encoding="utf-8", errors="replace"))
    if not found:
        return {}
    mounts = client.inspect_container(found.group(1))["Mounts"]
    return {entry["Destination"]: entry["Source"] for entry in mounts}
