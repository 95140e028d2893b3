"""One pull by a Docker daemon, as a stream of its events that any thread may end."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from ..model.errors import RuntimeUnavailable
from .docker_socket import UnixConnection

if TYPE_CHECKING:
    from docker import APIClient

#: A daemon that tells nothing for so long waits for a registry that never answers.
_SILENCE_S = 600.0


class DockerPull:
    """Iterate for the daemon's events (``{"status", "id", "progressDetail", "error"}``).

    A refusal is the last event, with ``error``: one way for callers to read failures. It has a
    connection of its own: the daemon answers nothing, not even a header, until the registry
    does, and a pull must be ended before that too.
    """

    def __init__(self, connection: UnixConnection) -> None:
        self._connection = connection

    @classmethod
    def begin(cls, client: APIClient, socket_path: str, reference: str) -> Self:
        """Send ``POST /images/create``; the daemon takes the work up at once."""
        from docker import auth, utils  # noqa: PLC0415

        repository, tag = utils.parse_repository_tag(reference)
        registry, _ = auth.resolve_repository_name(repository)
        credentials = auth.get_config_header(client, registry)
        query = urlencode({"fromImage": repository, "tag": tag or "latest"})
        connection = UnixConnection(socket_path, _SILENCE_S)
        connection.request(
            "POST",
            f"/v{client.api_version}/images/create?{query}",
            headers={"X-Registry-Auth": credentials} if credentials else {},
        )
        return cls(connection)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Yield events to the end; raises RuntimeUnavailable when the daemon goes away."""
        try:
            with self._connection.getresponse() as answer:
                while line := answer.readline():
                    if line.strip():
                        yield _event(line)
        except TimeoutError:
            yield {"error": f"the registry timed out: nothing for {_SILENCE_S:g} s"}
        except (OSError, HTTPException) as error:
            raise RuntimeUnavailable(
                f"the daemon went away during a pull: {error!r}", cure="look whether it runs"
            ) from None
        finally:
            self._connection.close()

    def close(self) -> None:
        """End the stream from any thread; the daemon then gives the pull up."""
        sock = self._connection.sock
        if sock is not None:
            # close() alone would leave a reader in another thread asleep in recv(2).
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def _event(line: bytes) -> Mapping[str, Any]:
    """One event; an error body of HTTP (``{"message"}``, Podman: ``{"cause"}``) is an error too."""
    event = json.loads(line)
    refused = event.get("message") or event.get("cause")
    return {"error": refused} if refused and "status" not in event else event
