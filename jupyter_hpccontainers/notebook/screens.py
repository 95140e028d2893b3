"""What a cell shows of a job while it waits for it: one card in place, or printed lines."""

from __future__ import annotations

import codecs
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any, Protocol, TextIO

from IPython.display import publish_display_data

from ..model.job import Job
from . import card
from .pace import Pace
from .tail import Tail

_HEAD_BYTES, _END_BYTES = 2**18, 2**14


class Screen(Protocol):
    """Shows a job; ``tick`` comes several times a second, ``end`` once and last."""

    def say(self, text: str) -> None:
        """Show what is waited for before there is a job."""

    def state(self, job: Job, hint: str = "") -> None:
        """Take the record after a change."""

    def wrote(self, stream: str, data: bytes) -> None:
        """Take bytes of the log."""

    def tick(self) -> None:
        """Show what is due."""

    def wait_s(self) -> float | None:
        """Return in how many seconds something will be due; None: nothing is held back."""

    def end(self) -> None:
        """Show what is left."""


class CardScreen:
    """One display, updated in place at the pace of ``Pace``."""

    def __init__(self, *, with_tail: bool = True, clock: Callable[[], float] = time.monotonic):
        self._with_tail = with_tail
        self._clock = clock
        self._display_id = uuid.uuid4().hex
        self._tail = Tail()
        self._job: Job | None = None
        self._hint = ""
        self._pace = Pace()
        self._shown = self._stale = self._urgent = False

    def say(self, text: str) -> None:
        """Show a line in the card's place."""
        self._publish({"text/plain": text})

    def state(self, job: Job, hint: str = "") -> None:
        """Take the record."""
        self._job, self._hint, self._stale = job, hint, True

    def wrote(self, stream: str, data: bytes) -> None:
        """Take bytes into the tail."""
        if self._with_tail:
            self._tail.add(data)
            self._stale = self._urgent = True

    def tick(self) -> None:
        """Update the display when it is stale and due."""
        if self.wait_s() == 0.0:
            self._update()

    def wait_s(self) -> float | None:
        """Return when the next update is due."""
        if not self._stale or self._job is None:
            return None
        return self._pace.wait_s(self._clock(), urgent=self._urgent)

    def end(self) -> None:
        """Send the last update, however short ago the one before was."""
        if self._stale:
            self._update()

    def _update(self) -> None:
        if self._job is not None:
            self._stale = self._urgent = False
            self._pace.spend(self._clock())
            self._publish(card.bundle(self._job, self._tail.text(), self._hint))

    def _publish(self, bundle: dict[str, Any]) -> None:
        shown = {"display_id": self._display_id}
        publish_display_data(bundle, transient=shown, update=self._shown)  # type: ignore[no-untyped-call]
        self._shown = True


class LineScreen:
    """Printed lines, each stream on its own; ``head_bytes`` caps what is printed as it comes.

    Jupyter drops output above 1 MB/s, so a notebook gets the head and, at the end, the tail.
    """

    def __init__(
        self, *, states: bool, only: str | None = None, head_bytes: int | None = _HEAD_BYTES
    ) -> None:
        self._states = states
        self._only = only
        self._left_bytes = head_bytes
        self._decoders = {
            name: codecs.getincrementaldecoder("utf-8")("replace") for name in ("stdout", "stderr")
        }
        self._end = b""
        self._dropped_bytes = 0
        self._job: Job | None = None
        self._said = ""

    def say(self, text: str) -> None:
        """Print what is waited for."""
        if self._states:
            print(text, file=sys.stderr, flush=True)

    def state(self, job: Job, hint: str = "") -> None:
        """Print why the job waits, once for each reason."""
        self._job = job
        line = card.plain(job, "", hint)
        if job.state.waits and line != self._said:
            self._said = line
            self.say(line)

    def wrote(self, stream: str, data: bytes) -> None:
        """Print bytes, or hold their end once the cap is reached."""
        if self._only not in {None, stream}:
            return
        now = data if self._left_bytes is None else data[: self._left_bytes]
        if self._left_bytes is not None:
            self._left_bytes -= len(now)
        if now:
            _out(stream).write(self._decoders[stream].decode(now))
        if rest := data[len(now) :]:
            self._end += rest
            self._dropped_bytes += max(len(self._end) - _END_BYTES, 0)
            self._end = self._end[-_END_BYTES:]

    def tick(self) -> None:
        """Let what was printed be seen."""
        sys.stdout.flush()
        sys.stderr.flush()

    def wait_s(self) -> float | None:
        """Return nothing: lines are never held back."""
        return None

    def end(self) -> None:
        """Print what an unfinished character left, and the held end of a long log."""
        for stream, decoder in self._decoders.items():
            _out(stream).write(decoder.decode(b"", final=True))
        if self._end:
            if self._dropped_bytes and self._job:
                print(
                    f"\n… {self._dropped_bytes} bytes not shown, all of it: "
                    f"%container logs {self._job.id}"
                )
            sys.stdout.write(self._end.decode(errors="replace"))
        self.tick()


class Screens:
    """Several screens as one."""

    def __init__(self, *screens: Screen) -> None:
        self._screens = screens

    def say(self, text: str) -> None:
        """Show on each."""
        for screen in self._screens:
            screen.say(text)

    def state(self, job: Job, hint: str = "") -> None:
        """Tell each."""
        for screen in self._screens:
            screen.state(job, hint)

    def wrote(self, stream: str, data: bytes) -> None:
        """Tell each."""
        for screen in self._screens:
            screen.wrote(stream, data)

    def tick(self) -> None:
        """Let each show what is due."""
        for screen in self._screens:
            screen.tick()

    def wait_s(self) -> float | None:
        """Return the shortest wait."""
        return min((s for s in (x.wait_s() for x in self._screens) if s is not None), default=None)

    def end(self) -> None:
        """Let each show what is left."""
        for screen in self._screens:
            screen.end()


def _out(stream: str) -> TextIO:
    return sys.stderr if stream == "stderr" else sys.stdout
