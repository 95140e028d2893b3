"""Finding a daemon: which sockets are tried, and what is said when none answers."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jupyter_hpccontainers.model.errors import RuntimeUnavailable
from jupyter_hpccontainers.runtimes.docker import find_docker
from jupyter_hpccontainers.runtimes.docker_pull import DockerPull
from jupyter_hpccontainers.runtimes.docker_socket import (
    UnixConnection,
    candidate_sockets,
    find_socket,
    ping,
)

BRIEF_S = 0.3


@contextmanager
def listening(path: Path, answer: bytes | None) -> Iterator[str]:
    """A socket that sends ``answer`` to whoever connects; with None it never says anything."""
    done = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(0.05)

        def serve() -> None:
            while not done.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    if answer is None:
                        done.wait(10)
                    else:
                        connection.recv(65536)
                        connection.sendall(answer)

        server = threading.Thread(target=serve)
        server.start()
        try:
            yield str(path)
        finally:
            done.set()
            server.join()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


def test_an_explicit_address_is_the_only_one_tried() -> None:
    environ = {"DOCKER_HOST": "unix:///b.sock", "HOME": "/home/p"}
    assert candidate_sockets("unix:///a.sock", environ, 1000) == ("/a.sock",)
    assert candidate_sockets("/a.sock", environ, 1000) == ("/a.sock",)
    assert candidate_sockets("", environ, 1000) == ("/b.sock",)


def test_without_one_roots_docker_comes_before_rootless_and_podman() -> None:
    tried = candidate_sockets("", {"HOME": "/home/p"}, 1000)
    assert tried[0] == "/var/run/docker.sock"
    assert tried[1] == "/run/user/1000/docker.sock"
    assert tried[-2:] == ("/run/podman/podman.sock", "/run/user/1000/podman/podman.sock")
    assert "/x/docker.sock" in candidate_sockets("", {"XDG_RUNTIME_DIR": "/x"}, 1000)


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:2375", "ssh://me@host", "npipe://x", "x"])
def test_an_address_that_is_no_unix_socket_is_refused(address: str) -> None:
    with pytest.raises(RuntimeUnavailable, match="not a unix socket"):
        candidate_sockets(address, {}, 0)


def test_the_first_that_answers_is_taken(tmp_path: Path) -> None:
    with listening(tmp_path / "docker.sock", OK) as path:
        found = find_socket("", {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": ""}, 1000)
        assert found in {path, "/var/run/docker.sock"}
        assert find_socket(path, {}, 1000) == path


def test_a_socket_that_never_answers_is_left_in_time(tmp_path: Path) -> None:
    with listening(tmp_path / "silent.sock", None) as path:
        with pytest.raises(RuntimeUnavailable, match="did not answer within") as refusal:
            find_docker(path, timeout_s=BRIEF_S)
        assert "restart" in refusal.value.cure


@pytest.mark.parametrize("answer", [b"", b"hello\r\n\r\n", b"HTTP/1.1 2"])
def test_what_does_not_speak_http_is_named(tmp_path: Path, answer: bytes) -> None:
    with (
        listening(tmp_path / "odd.sock", answer) as path,
        pytest.raises(RuntimeUnavailable, match="does not speak"),
    ):
        ping(path, BRIEF_S)


def test_a_daemon_that_refuses_says_why(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 500 Oh\r\nContent-Length: 8\r\n\r\nno space"
    with (
        listening(tmp_path / "sick.sock", answer) as path,
        pytest.raises(RuntimeUnavailable, match="500: no space"),
    ):
        ping(path)


CUT = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n" + b'{"status": "Waiting"}'


def test_a_daemon_that_goes_away_during_a_pull_is_unavailable(tmp_path: Path) -> None:
    with listening(tmp_path / "dying.sock", CUT) as path:
        connection = UnixConnection(path, BRIEF_S)
        connection.request("POST", "/images/create")
        with pytest.raises(RuntimeUnavailable, match="went away"):
            list(DockerPull(connection))


def test_a_pull_of_which_nothing_is_heard_ends_as_timed_out(tmp_path: Path) -> None:
    with listening(tmp_path / "silent.sock", None) as path:
        connection = UnixConnection(path, BRIEF_S)
        connection.request("POST", "/images/create")
        (event,) = DockerPull(connection)
    assert "timed out" in event["error"]


def test_a_socket_nobody_listens_on_and_none_at_all_differ(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left.sock"))
    with pytest.raises(RuntimeUnavailable, match="nobody listens"):
        ping(str(tmp_path / "left.sock"))
    with pytest.raises(RuntimeUnavailable, match="there is no socket"):
        ping(str(tmp_path / "absent.sock"))


def test_a_socket_without_permission_names_the_group(tmp_path: Path) -> None:
    with listening(tmp_path / "closed.sock", OK) as path:
        os.chmod(path, 0)
        refusal = _ping_as_nobody(path)
    assert "you may not use" in refusal
    assert "usermod -aG docker" in refusal


def _ping_as_nobody(path: str) -> str:
    """Ping in a child that is no root, for whom permissions count."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                for folder in list(Path(path).parents)[:-1]:
                    folder.chmod(folder.stat().st_mode | 0o011)
                os.setresuid(65534, 65534, 65534)
            ping(path)
        except RuntimeUnavailable as refused:
            os.write(writing, str(refused).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


def test_with_no_socket_anywhere_one_line_says_so(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)}
    present = [p for p in candidate_sockets("", environ, 1) if os.path.exists(p)]
    if not present:
        with pytest.raises(RuntimeUnavailable, match="neither Docker nor Podman"):
            find_socket("", environ, 1)
    with pytest.raises(RuntimeUnavailable, match="there is no socket"):
        find_socket(str(tmp_path / "none.sock"), environ, 1)
