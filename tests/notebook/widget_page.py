"""The page's side of widgets without a browser: comms of a real kernel, as a front end has them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from jupyter_client.session import Session
from kernel_fixture import Kernel

_WITHIN_S = 60


class Page:
    """Every comm of a kernel: what was sent on it, and the logs put together by offset."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.state: dict[str, dict[str, Any]] = {}
        self.messages: list[dict[str, Any]] = []
        self.sent_at: list[float] = []
        self.logs: dict[int, bytearray] = {}
        self.starts: dict[int, int] = {}
        self.jobs: dict[int, dict[str, Any]] = {}
        self.shown: dict[str, dict[str, Any]] = {}
        self.idle: set[str] = set()
        self.errors: list[dict[str, Any]] = []
        self.wire_bytes = 0
        self.answers = True
        self._unanswered = 0

    def start(self, code: str) -> str:
        """Begin to run a cell; return the id of the request."""
        return str(self.kernel.client.execute(code))

    def run(self, code: str) -> None:
        """Run a cell to its end."""
        self.ended(self.start(code))

    def ended(self, request: str) -> None:
        """Wait for the end of a cell; it must not have failed."""
        self.until(lambda: request in self.idle, "the cell ends")
        assert self.errors == []

    def make(self, code: str) -> str:
        """Run a cell that makes one widget; return its comm."""
        before = set(self.state)
        self.run(code)
        (comm,) = (c for c in set(self.state) - before if "_esm" in self.state[c])
        return comm

    def ask(self, comm: str, **question: Any) -> None:
        """Send what a view sends."""
        client = self.kernel.client
        data = {"method": "custom", "content": question}
        client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": comm, "data": data}))

    def hello(self, comm: str, offsets: dict[int, int] | None = None, view: str = "a view") -> None:
        """Do what a view does when it is drawn."""
        self.ask(
            comm, ask="hello", view=view, offsets={str(k): v for k, v in (offsets or {}).items()}
        )

    def until(self, holds: Callable[[], Any], what: str) -> None:
        """Take messages until something holds."""
        deadline = time.monotonic() + _WITHIN_S
        while not holds():
            assert time.monotonic() < deadline, (what, self.messages[-3:])
            self.listen(0.1)

    def listen(self, seconds: float) -> None:
        """Take what comes in that time."""
        deadline = time.monotonic() + seconds
        while (left_s := deadline - time.monotonic()) > 0:
            channel = self.kernel.client.iopub_channel
            if channel.socket.poll(left_s * 1000):
                frames = channel.socket.recv_multipart()
                self.take_frames(channel.session, frames)
            else:
                return

    def take_frames(self, session: Session, frames: list[bytes]) -> None:
        """Take one message as it was on the wire."""
        _, parts = session.feed_identities(frames)
        self.take(session.deserialize(parts), sum(map(len, frames)))

    def take(self, message: dict[str, Any], size: int = 0) -> None:
        """Take one message."""
        content = message["content"]
        match message["msg_type"]:
            case "comm_open":
                self.state[content["comm_id"]] = content["data"]["state"]
            case "comm_msg" if content["data"].get("method") == "custom":
                self.wire_bytes += size
                self._custom(content["comm_id"], content["data"]["content"], message["buffers"])
            case "display_data" | "update_display_data":
                self.shown[content["transient"]["display_id"]] = content["data"]
            case "error":
                self.errors.append(content)
            case "status" if content["execution_state"] == "idle":
                self.idle.add(message["parent_header"].get("msg_id", ""))

    def stands(self, job_id: int, word: str) -> bool:
        """Whether a job is shown to be in a state, or to have ended so."""
        job = self.jobs.get(job_id, {})
        return word in {job.get("state"), job.get("result")}

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return messages of a kind."""
        return [message for message in self.messages if message["kind"] == kind]

    def _custom(self, comm: str, content: dict[str, Any], buffers: list[Any]) -> None:
        self.messages.append(content)
        if content["kind"] != "update":
            return
        self.sent_at.append(content["at"])
        for job in content["jobs"]:
            self.jobs[job["job"]] = job
        for part, buffer in zip(content["logs"], buffers, strict=True):
            self._log(part, bytes(buffer))
        self._unanswered += len(json.dumps(content)) + sum(map(len, buffers))
        if self.answers and self._unanswered > 2**18:
            self._unanswered = 0
            self.ask(comm, ask="more")

    def _log(self, part: dict[str, int], data: bytes) -> None:
        log = self.logs.setdefault(part["job"], bytearray())
        has = self.starts.setdefault(part["job"], part["offset"]) + len(log)
        if part["offset"] > has:
            # Only what the kernel itself has no longer may be left out.
            assert part["start"] > has, "bytes are missing"
            log.clear()
            has = self.starts[part["job"]] = part["offset"]
        log += data[has - part["offset"] :]
