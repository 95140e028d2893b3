"""A gate in front of a registry, and images made to be pulled through it."""

from __future__ import annotations

import io
import os
import socket
import tarfile
import threading
import time
import uuid
from contextlib import suppress
from typing import Any, Self

from jupyter_hpccontainers.runtimes.docker import Docker

#: Answers up to here pass a shut gate: enough for names and manifests, not for a layer.
_SMALL_BYTES = 64 * 1024
LAYER_BYTES = 2 * 2**20


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int) -> None:
    """Wait until somebody listens there."""
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens on port {port}")


class Gate:
    """Passes bytes between a port of its own and the registry's; ``shut`` holds large answers."""

    def __init__(self, target: int) -> None:
        self.layers_fetched = 0
        self.connections = 0
        self._target = target
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.set()
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(10)

    def shut(self) -> None:
        """Hold what is larger than a manifest from now on."""
        self._open.clear()

    def open(self) -> None:
        """Let everything pass again."""
        self._open.set()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            self.connections += 1
            self._sockets += [near, far]
            for pair in ((near, far, True), (far, near, False)):
                thread = threading.Thread(target=self._pass, args=pair)
                self._threads.append(thread)
                thread.start()

    def _pass(self, source: socket.socket, sink: socket.socket, asking: bool) -> None:
        passed = 0
        try:
            while chunk := source.recv(16_384):
                if asking:
                    self.layers_fetched += chunk.startswith(b"GET") and b"/blobs/" in chunk
                else:
                    passed += len(chunk)
                    if passed > _SMALL_BYTES:
                        self._open.wait(60)
                sink.sendall(chunk)
        except OSError:
            return
        finally:
            for each in (source, sink):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)


class Registry:
    """Images in the registry, each with content that is nowhere else."""

    def __init__(self, docker: Docker, port: int, gate: Gate) -> None:
        self._client = docker._client
        self._port = port
        self._gate = gate
        self._names: list[str] = []

    def push(self, tag: str = "1") -> str:
        """Push a new image of one random layer; return the name to pull it by."""
        name = f"team/{uuid.uuid4().hex[:12]}"
        self.push_again(name, tag)
        return f"127.0.0.1:{self._gate.port}/{name}:{tag}"

    def push_again(self, name: str, tag: str) -> None:
        """Push other content under a name of before, without the way through the gate."""
        direct = f"127.0.0.1:{self._port}/{name}"
        self._client.import_image_from_data(_layer(), repository=direct, tag=tag)
        for event in self._client.push(direct, tag=tag, stream=True, decode=True):
            assert "error" not in event, event
        self._client.remove_image(f"{direct}:{tag}", force=True)
        self._names.append(f"127.0.0.1:{self._gate.port}/{name}:{tag}")

    def forget(self) -> None:
        """Remove from Docker what was pulled of these."""
        import docker  # noqa: PLC0415

        for name in self._names:
            with suppress(docker.errors.ImageNotFound):
                self._client.remove_image(name, force=True)


def _layer() -> bytes:
    """A tar with one file that doesn't compress."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        member: Any = tarfile.TarInfo("data/random")
        member.size = LAYER_BYTES
        tar.addfile(member, io.BytesIO(os.urandom(LAYER_BYTES)))
    return file.getvalue()
