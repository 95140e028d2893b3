"""One job under Docker or Podman, from its container's creation to its ending."""

from __future__ import annotations

import select
import time

from .docker_api import Docker, DockerGone, Pending, Reply
from .docker_attach import Attached
from .docker_container import Container, create
from .docker_failures import failure_of, init_refusal
from .exit_file import Ending, Failure
from .signals import Stopping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .exit_file import Report
    from .output_file import OutputFile
    from .signals import Requests

#: How long after the exit the rest of the output may take to arrive.
_DRAIN_S = 10.0
_PING_S, _PING_LATER_S = 0.1, 1.0
#: How long Docker may take to come back and tell the code of a job that has ended.
_GIVE_UP_S = 30.0
_ROWS, _COLUMNS = 24, 80


def run_docker(
    order: dict[str, Any], output: OutputFile, report: Report, requests: Requests
) -> Ending:
    """Create, attach, start, wait, look, remove; raises Failure when the program did not run.

    ``candidates`` are entrypoints, of which the first that the image has is used.
    """
    last: Failure | None = None
    for entrypoint in order["candidates"] or [None]:
        body = order["create"] if entrypoint is None else {
            **order["create"], "Entrypoint": entrypoint, "Cmd": [],
        }  # fmt: skip
        try:
            return _once({**order, "create": body}, output, report, requests)
        except Failure as failure:
            if failure.code != "CommandNotFound":
                raise
            last = failure
    assert last is not None  # noqa: S101 -- the loop ran at least once
    output.append(2, f"{last.message}\n".encode())
    raise last


def _once(order: dict[str, Any], output: OutputFile, report: Report, requests: Requests) -> Ending:
    if requests.stop or requests.kill:
        raise Failure("StartFailed", "stopped before it was started")
    docker = Docker(order["socket"])
    container = create(docker, order["name"], order["create"], order["start_timeout_s"])
    try:
        return _Run(order, docker, container, output, report, requests).to_the_end()
    finally:
        _remove(container)


def _remove(container: Container) -> None:
    """Remove it; what a daemon that is away keeps, the engine finds by its labels."""
    try:
        container.remove()
    except DockerGone:
        return


class _Run:
    def __init__(
        self,
        order: dict[str, Any],
        docker: Docker,
        container: Container,
        output: OutputFile,
        report: Report,
        requests: Requests,
    ) -> None:
        self._docker = docker
        self._container = container
        self._output = output
        self._report = report
        self._requests = requests
        self._tty: bool = order["tty"]
        self._merge: bool = order["merge_stderr"]
        self._stopping = Stopping(requests, order["grace_s"], order.get("signal"))
        self._start_timeout_s: float = order["start_timeout_s"]
        self._end_seen_at: float | None = None
        self._warnings: list[str] = []
        self._attached: Attached | None = None
        self._waiting: Pending | None = None
        self._starting: Pending | None = None

    def to_the_end(self) -> Ending:
        """Attach and wait before the start, so that nothing of either can be missed."""
        try:
            self._connect("next-exit")
            self._start()
        except DockerGone as gone:
            raise Failure(
                "RuntimeRestarted", f"Docker stopped answering at start: {gone}"
            ) from None
        finally:
            if self._starting is not None:
                self._starting.close()
        exit_code = self._wait()
        self._drain()
        return self._ending(exit_code)

    # What a stop can do; nothing while the start is still on its way: it is asked again.

    def terminate(self) -> bool:
        """TERM to the job."""
        return self._starting is None and self._container.terminate()

    def kill(self) -> bool:
        """KILL to the job."""
        return self._starting is None and self._container.kill()

    def suspend(self) -> bool:
        """Freeze the job."""
        return self._starting is None and self._container.suspend()

    def resume(self) -> bool:
        """Thaw the job."""
        return self._starting is None and self._container.resume()

    def signal(self, name: str) -> bool:
        """A signal to the job's main process."""
        return self._starting is None and self._container.signal(name)

    def _connect(self, condition: str) -> None:
        connection, rest = self._docker.attach(self._container.id)
        self._attached = Attached(connection, rest, self._output, raw=self._tty, merge=self._merge)
        path = f"/containers/{self._container.id}/wait?condition={condition}"
        self._waiting = self._docker.begin("POST", path)

    def _start(self) -> None:
        """Start it and read meanwhile; raises Failure when Docker refuses or takes too long."""
        give_up = time.monotonic() + self._start_timeout_s
        if self._stopping.asked:
            raise Failure("StartFailed", "stopped before it was started")
        self._starting = self._docker.begin("POST", f"/containers/{self._container.id}/start")
        reply = None
        while reply is None:
            left = give_up - time.monotonic()
            if left <= 0:
                raise Failure(
                    "StartTimeout", f"Docker did not start it within {self._start_timeout_s:g} s"
                )
            ready = self._ready([self._starting], left)
            if self._starting.fileno() in ready:
                reply = self._starting.feed()
        if not reply.ok:
            raise failure_of(reply, "start the container")
        self._starting.close()
        self._starting = None
        self._note_start()

    def _note_start(self) -> None:
        pid = self._container.find_init()
        self._report.started(self._container.id, pid)
        if self._tty:
            path = f"/containers/{self._container.id}/resize?h={_ROWS}&w={_COLUMNS}"
            self._docker.call("POST", path)

    def _wait(self) -> int:
        """Return the exit code of a wait of ours; raises Failure when none can be believed."""
        while True:
            try:
                if self._waiting is None:
                    self._reconnect()
                code = self._turn()
            except DockerGone:
                self._close()
                continue
            if code is not None:
                return code

    def _turn(self) -> int | None:
        assert self._waiting is not None  # noqa: S101 -- _connect made it
        pause = self._stopping.step(self)
        ready = self._ready([self._waiting], pause)
        if self._waiting.fileno() not in ready:
            return None
        reply = self._waiting.feed()
        return None if reply is None else _exit_code(reply)

    def _ready(self, pending: list[Pending], timeout_s: float | None) -> set[int]:
        """Wait for any of them; output is read and wake-ups are taken on the way."""
        poll = select.poll()
        poll.register(self._requests, select.POLLIN)
        for one in pending:
            poll.register(one, select.POLLIN)
        attached = self._attached
        if attached is not None and attached.open:
            poll.register(attached, select.POLLIN)
        ready = {handle for handle, _ in poll.poll(None if timeout_s is None else timeout_s * 1000)}
        if self._requests.fileno() in ready:
            self._requests.drain()
        if attached is not None and attached.open and attached.fileno() in ready:
            attached.read()
        return ready

    def _reconnect(self) -> None:
        """Docker went away: wait for it, then go on with a job that survived (live-restore).

        Raises Failure for one that did not: what Docker tells of an end it did not see is shown,
        never believed.
        """
        self._await_docker()
        state = self._container.state()
        if state is None:
            raise Failure("RuntimeRestarted", "Docker was restarted and has lost the container")
        if not state["Running"]:
            code = int(state["ExitCode"])
            raise Failure(
                "RuntimeRestarted",
                f"Docker was restarted while the job ran; the exit code {code} that it reports is "
                "not to be believed",
                exit_code=code,
            )
        self._connect("not-running")
        self._warnings.append(
            f"Docker was restarted: output may be missing at byte {self._output.size} of the log"
        )

    def _await_docker(self) -> None:
        """Wait until it answers; a stop is obeyed meanwhile. Raises Failure when that is idle."""
        pause = _PING_S
        while True:
            step = self._stopping.step(self)
            self._ready([], pause if step is None else min(step, pause))
            try:
                if self._docker.call("GET", "/_ping", timeout_s=5).ok:
                    return
            except DockerGone:
                pause = min(pause * 1.5, _PING_LATER_S)
            self._give_up_on_an_ended_job()

    def _give_up_on_an_ended_job(self) -> None:
        """A job whose init is gone needs its cores no more: Docker may never come back."""
        if not self._container.init_gone():
            return
        now = time.monotonic()
        if self._end_seen_at is None:
            self._end_seen_at = now
        if now - self._end_seen_at > _GIVE_UP_S:
            raise Failure(
                "RuntimeRestarted", "the job ended while Docker was away; its exit code is unknown"
            )

    def _drain(self) -> None:
        """Read the rest of the output, to its end."""
        give_up = time.monotonic() + _DRAIN_S
        while self._attached is not None and self._attached.open:
            left = give_up - time.monotonic()
            if left <= 0:
                return
            self._ready([], left)

    def _close(self) -> None:
        """Let go of a daemon that is gone; what it sent before is read first."""
        self._drain()
        if self._attached is not None:
            self._attached.release()
            self._attached.close()
        if self._waiting is not None:
            self._waiting.close()
        self._attached = self._waiting = None

    def _ending(self, exit_code: int) -> Ending:
        self._raise_if_refused(exit_code)
        ending = Ending(exit_code)
        ending.warnings = self._warnings
        try:
            state = self._container.state() or {}
        except DockerGone:
            ending.warnings.append("Docker went away at the end: whether memory ran out is unknown")
            return ending
        ending.oom_seen = bool(state.get("OOMKilled"))
        ending.oom_killed = ending.oom_seen and exit_code == 137 and not self._stopping.killed
        return ending

    def _raise_if_refused(self, exit_code: int) -> None:
        """Raise CommandNotFound when all there was is the container's init saying so."""
        held = self._attached.held if self._attached is not None else b""
        refusal = init_refusal(exit_code, held)
        if refusal is None and self._attached is not None:
            self._attached.release()
        if refusal is not None:
            raise refusal


def _exit_code(reply: Reply) -> int:
    """Raises DockerGone for an answer that is not one: the daemon was ended while it waited."""
    if not reply.ok:
        raise DockerGone(reply.message)
    code = reply.json().get("StatusCode")
    if code is None:
        raise DockerGone("the daemon's answer has no exit code")
    return int(code)
