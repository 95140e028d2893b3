"""A real kernel whose magics and Python door meet an isolated, real engine."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from engine_fixture import IsolatedEngine
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

CARD = "application/vnd.hpccontainers.job+json"
_WITHIN_S = 90


@dataclass
class Ran:
    """What a cell did: printed text by stream, displays by id with every update, its error."""

    printed: dict[str, str] = field(default_factory=lambda: {"stdout": "", "stderr": ""})
    displays: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None

    @property
    def cards(self) -> list[dict[str, Any]]:
        """Every state of the one card the cell showed, oldest first."""
        (updates,) = self.displays.values()
        return [bundle[CARD] for bundle in updates if CARD in bundle]

    @property
    def text(self) -> str:
        """The card's text as the saved notebook keeps it."""
        (updates,) = self.displays.values()
        return str(updates[-1]["text/plain"])

    @property
    def red_line(self) -> str:
        """The one line of the error, without its colour."""
        assert self.error is not None, self
        (line,) = self.error["traceback"]
        return re.sub(r"\x1b\[\d+m", "", line)


class Kernel:
    """A kernel with the extension loaded, in the engine's working folder."""

    def __init__(self, engine: IsolatedEngine) -> None:
        self.manager = KernelManager()
        self.manager.start_kernel(env=engine.env, cwd=str(engine.workdir))
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=_WITHIN_S)
        self.run("%load_ext jupyter_hpccontainers")

    def run(self, code: str, watch: Callable[[Ran], None] = lambda ran: None) -> Ran:
        """Run a cell to its end; ``watch`` sees what it did so far after each of its messages."""
        message_id = self.client.execute(code)
        ran, deadline = Ran(), time.monotonic() + _WITHIN_S
        while True:
            message = self.client.get_iopub_msg(timeout=max(deadline - time.monotonic(), 0.1))
            if message["parent_header"].get("msg_id") != message_id:
                continue
            if message["content"].get("execution_state") == "idle":
                return ran
            _note(ran, message["msg_type"], message["content"])
            watch(ran)

    def value(self, expression: str) -> str:
        """Return the repr of an expression."""
        ran = self.run(f"print(repr(({expression})))")
        assert ran.error is None, ran.error
        return ran.printed["stdout"].rstrip("\n")

    def ask(self, message_id: str) -> dict[str, Any]:
        """Return the kernel's reply to a request other than running code."""
        while True:
            reply = self.client.get_shell_msg(timeout=_WITHIN_S)
            if reply["parent_header"].get("msg_id") == message_id:
                content: dict[str, Any] = reply["content"]
                return content

    def interrupt(self) -> None:
        """Press the stop button."""
        self.manager.interrupt_kernel()

    def end(self) -> None:
        """Kill it, as a crash would."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.context.destroy()


def _note(ran: Ran, kind: str, content: dict[str, Any]) -> None:
    match kind:
        case "stream":
            ran.printed[content["name"]] += content["text"]
        case "display_data" | "update_display_data":
            ran.displays.setdefault(content["transient"]["display_id"], []).append(content["data"])
        case "execute_result":
            ran.result = content["data"]
        case "error":
            ran.error = content


@pytest.fixture
def make_kernel(engine: IsolatedEngine) -> Iterator[Callable[[], Kernel]]:
    """Make kernels of this test."""
    made: list[Kernel] = []

    def make() -> Kernel:
        made.append(Kernel(engine))
        return made[-1]

    yield make
    for kernel in made:
        kernel.end()


@pytest.fixture
def kernel(make_kernel: Callable[[], Kernel]) -> Kernel:
    """A kernel whose doors use the test's engine."""
    return make_kernel()
