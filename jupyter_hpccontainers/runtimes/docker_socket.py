"""Where a Docker or Podman daemon listens, and whether it answers."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping

from ..model.errors import RuntimeUnavailable

PING_TIMEOUT_S = 2.0


def candidate_sockets(explicit: str, environ: Mapping[str, str], uid: int) -> tuple[str, ...]:
    """Return the unix sockets to try, best first.

    An explicit address, else ``DOCKER_HOST``, is the only one; else root's Docker, the person's
    rootless Docker, Docker Desktop's, Podman's of root and of the person. Raises
    RuntimeUnavailable for an address that is not a unix socket: jobs are attached to through
    one, and their folders must be this machine's.
    """
    for address in (explicit, environ.get("DOCKER_HOST", "")):
        if address:
            return (_unix_path(address),)
    runtime_dir = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}"
    home = environ.get("HOME", "")
    return (
        "/var/run/docker.sock",
        f"{runtime_dir}/docker.sock",
        *(
            [f"{home}/.docker/run/docker.sock", f"{home}/.docker/desktop/docker.sock"]
            if home
            else []
        ),
        "/run/podman/podman.sock",
        f"{runtime_dir}/podman/podman.sock",
    )


def _unix_path(address: str) -> str:
    path = address.removeprefix("unix://")
    if not path.startswith("/"):
        raise RuntimeUnavailable(
            f"the Docker address {address!r} is not a unix socket",
            cure="set DOCKER_HOST=unix:///path/to/docker.sock, or unset it",
        )
    return path


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket; ``timeout_s`` is for each wait, connecting and reading."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect; raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ping(path: str, timeout_s: float = PING_TIMEOUT_S) -> None:
    """Ask ``GET /_ping``; raises RuntimeUnavailable with what is wrong and its cure."""
    connection = UnixConnection(path, timeout_s)
    try:
        connection.request("GET", "/_ping")
        answer = connection.getresponse()
        body = answer.read(200)
    except (OSError, http.client.HTTPException) as error:
        raise _unavailable(path, error, timeout_s) from None
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeUnavailable(
            f"the daemon at {path} answered {answer.status}: {body.decode(errors='replace')}",
            cure="look at the daemon's own log",
        )


def _unavailable(path: str, error: Exception, timeout_s: float) -> RuntimeUnavailable:
    match error:
        case FileNotFoundError():
            return RuntimeUnavailable(
                f"there is no socket {path}", cure="start Docker or Podman, or set DOCKER_HOST"
            )
        case PermissionError():
            return RuntimeUnavailable(
                f"you may not use {path}",
                cure="add yourself to its group (sudo usermod -aG docker $USER) and log in again",
            )
        case ConnectionRefusedError():
            return RuntimeUnavailable(f"nobody listens at {path}", cure="start the daemon")
        case TimeoutError() | BlockingIOError():
            return RuntimeUnavailable(
                f"the daemon at {path} did not answer within {timeout_s:g} s",
                cure="restart it (sudo systemctl restart docker)",
            )
    return RuntimeUnavailable(
        f"what listens at {path} does not speak Docker's API: {error}", cure="set DOCKER_HOST"
    )


def find_socket(
    explicit: str, environ: Mapping[str, str], uid: int, timeout_s: float = PING_TIMEOUT_S
) -> str:
    """Return the first socket that answers; raises RuntimeUnavailable saying why none did.

    Sockets that are simply absent are named only when no other was there.
    """
    failures: list[RuntimeUnavailable] = []
    for path in candidate_sockets(explicit, environ, uid):
        try:
            ping(path, timeout_s)
        except RuntimeUnavailable as error:
            failures.append(error)
        else:
            return path
    present = [error for error in failures if "there is no socket" not in error.message]
    if len(failures) > 1 and not present:
        raise RuntimeUnavailable(
            "neither Docker nor Podman is here (no socket was found)",
            cure="install Docker or Podman, or set DOCKER_HOST",
        )
    told = present or failures
    raise RuntimeUnavailable("; ".join(error.message for error in told), cure=told[0].cure)
