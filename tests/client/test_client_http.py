"""Requests and streams over a unix socket, against a small server that really listens."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket
from tornado.web import Application, RequestHandler

from jupyter_hpccontainers.client.engine import EngineClient
from jupyter_hpccontainers.client.http import Requests, Stream
from jupyter_hpccontainers.model.errors import EngineError, UnknownJob


class Echo(RequestHandler):
    """Answers with what it was sent, and over which connection."""

    def post(self) -> None:
        self.set_header("X-Connection", str(id(self.request.connection.stream)))
        self.write(self.request.body)


class Refuse(RequestHandler):
    """Knows no job."""

    def get(self) -> None:
        self.set_status(404)
        self.write({"error": {"code": "UnknownJob", "message": "no job 7", "cure": "list them"}})


class Slow(RequestHandler):
    """Never answers in time."""

    async def get(self) -> None:
        await asyncio.sleep(30)


class Drip(RequestHandler):
    """Sends two pieces with a pause that only the reader's going ends."""

    async def get(self) -> None:
        self.write(b"first")
        await self.flush()
        await asyncio.sleep(0.3)
        self.finish(b"second")


class Server:
    """A tornado server on a unix socket, in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(10)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = HTTPServer(
            Application(
                [("/echo", Echo), ("/v1/jobs/7", Refuse), ("/slow", Slow), ("/drip", Drip)],
                log_function=lambda handler: None,
            )
        )
        server.add_socket(bind_unix_socket(self.path))
        self._ready.set()
        await self._stop.wait()
        server.stop()
        await server.close_all_connections()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        os.unlink(self.path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    serving = Server(tmp_path / "s.sock")
    yield serving
    serving.end()


def test_requests_share_one_kept_connection(server: Server) -> None:
    requests = Requests(server.path, 10)
    first, second = (requests.ask("POST", "/echo", {"n": n}) for n in (1, 2))
    requests.close()
    assert (first.json(), second.json()) == ({"n": 1}, {"n": 2})
    assert first.headers["x-connection"] == second.headers["x-connection"]


def test_an_error_comes_out_as_the_class_of_its_code(server: Server) -> None:
    client = EngineClient(server.path)
    with pytest.raises(UnknownJob) as caught:
        client.job(7)
    client.close()
    assert (caught.value.message, caught.value.cure) == ("no job 7", "list them")


def test_a_server_that_does_not_answer_is_named_and_the_next_request_is_clean(
    server: Server,
) -> None:
    requests = Requests(server.path, 0.2)
    with pytest.raises(EngineError, match="did not answer"):
        requests.ask("GET", "/slow")
    assert requests.ask("POST", "/echo", {"after": 1}).json() == {"after": 1}
    requests.close()


def test_a_request_after_the_server_was_replaced_goes_to_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    old = Server(path)
    client = EngineClient(str(path))
    with pytest.raises(UnknownJob):
        client.job(7)
    old.end()
    new = Server(path)
    with pytest.raises(UnknownJob):
        client.job(7)
    client.close()
    new.end()


def test_where_nobody_listens_the_cure_is_named_and_reviving_is_tried_once(tmp_path: Path) -> None:
    tries = []
    client = EngineClient(str(tmp_path / "none.sock"), revive=lambda: tries.append(1) is not None)
    with pytest.raises(EngineError, match="no engine answers"):
        client.health()
    assert tries == [1]


def test_a_revived_engine_answers_the_request_that_found_none(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    started: list[Server] = []

    def revive() -> bool:
        started.append(Server(path))
        return True

    client = EngineClient(str(path), revive=revive)
    with pytest.raises(UnknownJob):
        client.job(7)
    client.close()
    started[0].end()


def test_a_forked_process_does_not_read_the_parents_answers(server: Server) -> None:
    requests = Requests(server.path, 10)
    before = requests.ask("POST", "/echo", {}).headers["x-connection"]
    requests._owner = -1  # What a child sees after a fork: the connection is another process's.
    after = requests.ask("POST", "/echo", {}).headers["x-connection"]
    requests.close()
    assert before != after


def test_a_stream_hands_out_pieces_as_they_come(server: Server) -> None:
    stream = Stream(server.path, "/drip", 10)
    assert stream.read(10) == b"first"
    assert stream.read(0.05) is None
    assert stream.read(10) == b"second"
    assert stream.read(10) == b""
    stream.close()


def test_a_stream_that_is_refused_raises_the_reason(server: Server) -> None:
    with pytest.raises(UnknownJob):
        Stream(server.path, "/v1/jobs/7", 10)


def test_a_listener_that_is_no_engine_is_said_to_be_none(tmp_path: Path) -> None:
    path = str(tmp_path / "s.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def hang_up() -> None:
        for _ in range(2):
            listener.accept()[0].close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    with pytest.raises(EngineError, match="no engine answers"):
        EngineClient(path).health()
    thread.join()
    listener.close()
