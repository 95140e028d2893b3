"""One container of ours: made at most once, stopped as a tree, looked at, removed."""

from __future__ import annotations

import time

from ..light import signal
from ..processes import Process, descendants, process, send, signal_main
from .docker_api import Docker, DockerGone, Reply
from .docker_failures import failure_of
from .exit_file import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_RETRY_S = 0.2


class Container:
    """A created container; ``init`` is its first process as this machine sees it, when it does."""

    def __init__(self, docker: Docker, container_id: str) -> None:
        self._docker = docker
        self.id = container_id
        self.init: Process | None = None

    def state(self) -> dict[str, Any] | None:
        """Return Docker's ``State``, or None when the container is not there any more."""
        reply = self._docker.call("GET", f"/containers/{self.id}/json")
        if reply.status == 404:
            return None
        state: dict[str, Any] = reply.json()["State"]
        return state

    def find_init(self) -> int:
        """Look up the container's first process; 0 when it has ended or lives elsewhere.

        Where Docker runs in a virtual machine the number would mean somebody else's process
        here: only one whose control group names the container is believed.
        """
        state = self.state() or {}
        pid = int(state.get("Pid") or 0)
        found = process(pid) if pid > 1 else None
        if found is not None and self.id in _cgroup_text(pid):
            self.init = found
        return self.init.pid if self.init is not None else 0

    def init_gone(self) -> bool:
        """Whether its first process was seen here and has ended."""
        if self.init is None:
            return False
        now = process(self.init.pid)
        return now is None or now.dead or now.start_ticks != self.init.start_ticks

    def terminate(self) -> bool:
        """TERM to every process of the job; through Docker, to the main one, where we may not."""
        return self._signal_tree(signal.SIGTERM) or self._kill("TERM")

    def kill(self) -> bool:
        """KILL to init, with which the kernel ends all; by ourselves while Docker is away."""
        if self._kill("KILL"):
            return True
        try:
            return self.init is not None and send(self.init, signal.SIGKILL)
        except PermissionError:
            return False

    def suspend(self) -> bool:
        """Freeze it; True also when there is nothing left to freeze."""
        return self._verb("pause")

    def resume(self) -> bool:
        """Thaw it."""
        return self._verb("unpause")

    def signal(self, name: str) -> bool:
        """A signal to the main process: by init, which passes it on; by ourselves without Docker.

        True also when there is nobody left to give it to.
        """
        if self._kill(name):
            return True
        try:
            return self.init is not None and signal_main(self.init.pid, name)
        except PermissionError:
            return False

    def remove(self) -> None:
        """Remove it with its anonymous volumes; an absent one is removed."""
        self._docker.call("DELETE", f"/containers/{self.id}?force=1&v=1")

    def _signal_tree(self, number: int) -> bool:
        if self.init is None:
            return False
        try:
            inside = [one for one in descendants(self.init.pid) if not one.dead]
            return any({send(one, number) for one in inside})
        except PermissionError:
            return False

    def _kill(self, name: str) -> bool:
        """True also when it no longer runs: the wait will tell. False: ask again."""
        try:
            reply = self._docker.call("POST", f"/containers/{self.id}/kill?signal={name}")
        except DockerGone:
            return False
        return reply.ok or reply.status in {404, 409}

    def _verb(self, verb: str) -> bool:
        try:
            return self._docker.call("POST", f"/containers/{self.id}/{verb}").status < 500
        except DockerGone:
            return False


def create(docker: Docker, name: str, body: dict[str, Any], timeout_s: float) -> Container:
    """Create the container, whose name is the token against a second start.

    A name that is taken is ours only if it has our labels and was never started (our own request
    of which the answer was lost). Raises Failure.
    """
    give_up = time.monotonic() + timeout_s
    while True:
        try:
            reply = docker.call("POST", f"/containers/create?name={name}", body, timeout_s)
            return Container(docker, _id_of(docker, reply, name, body))
        except DockerGone as gone:
            if time.monotonic() > give_up:
                raise Failure("StartTimeout", f"Docker does not answer: {gone}") from None
            time.sleep(_RETRY_S)


def _id_of(docker: Docker, reply: Reply, name: str, body: dict[str, Any]) -> str:
    if reply.ok:
        return str(reply.json()["Id"])
    if reply.status != 409 and "already in use" not in reply.message:
        raise failure_of(reply, "create the container")
    found = docker.call("GET", f"/containers/{name}/json")
    there = found.json() if found.ok else {}
    # The image's own labels are among the container's, so ours are a part of them.
    wanted = body.get("Labels", {}).items()
    ours = bool(there) and bool(wanted) and wanted <= (there["Config"]["Labels"] or {}).items()
    if ours and there["State"]["Status"] in {"created", "configured"}:
        return str(there["Id"])
    raise Failure(
        "StartFailed", f"name taken: a container {name} is there already; nothing is started twice"
    )


def _cgroup_text(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
