"""What every widget shares: its page module, what views ask for, and the feed behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import anywidget
import traitlets

from ...client.engine import EngineClient
from ...model.errors import HpccError
from ...model.job import Job
from ..connection import connect
from .errands import errands
from .esm import joined_module, style_sheet
from .feed import Feed, feed_of
from .outbox import Outbox
from .shown import shown_error

_LONGEST_NAME = 64


class EngineWidget(anywidget.AnyWidget):
    """A widget on an engine.

    Logs go to the page as messages with byte offsets and never as state, which Jupyter would
    send whole with every line. Views ask (``hello``) when they are drawn, so a page that was
    loaded again misses nothing. Nothing here waits for the engine in the kernel's own thread.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    _module: ClassVar[str]

    def __init__(self, engine: EngineClient | None = None, **traits: Any) -> None:
        super().__init__(**traits)
        self._engine = engine
        self._asked: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "hello": self._hello,
            "more": lambda _: self._feed().heard(self),
            "rewind": self._rewind,
            "bye": lambda asked: self._feed().bye(self, str(asked.get("view"))[:_LONGEST_NAME]),
            "cancel": self._cancel,
        }
        self.outbox = Outbox(self.send)
        self.on_msg(self._on_message)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return joined_module(self._module)

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return style_sheet()

    def changed(self, job: Job) -> None:
        """Take the record of a job after a change (in the feed's thread)."""

    def ended(self, job: Job, tail: bytes) -> None:
        """Take the last record of a job (in the feed's thread)."""

    def queue_changed(self) -> None:
        """Know that some job changed (in the feed's thread)."""

    def close(self) -> None:
        """Let go of the jobs and close the view."""
        if self._engine is not None:
            feed_of(self._engine).leave(self)
        super().close()

    def _bundle(self, shown: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the widget's bundle with what other front ends, and a saved notebook, show."""
        data, metadata = super()._repr_mimebundle_() or ({}, {})
        return {**data, **shown}, metadata

    def _client(self) -> EngineClient:
        if self._engine is None:
            self._engine = connect()
        return self._engine

    def _feed(self) -> Feed:
        return feed_of(self._client())

    def _on_message(self, _: object, content: Any, __: object) -> None:
        """Have done what a view asks for; what is no question of ours is passed over."""
        asked = content if isinstance(content, Mapping) else {}
        answer = self._asked.get(str(asked.get("ask")))
        if answer is not None:
            errands().add(lambda: self._attempt(lambda: answer(asked)))

    def _attempt(self, errand: Callable[[], None], kind: str = "refused", **told: Any) -> None:
        try:
            errand()
        except HpccError as error:
            self.send({"kind": kind, **told, **shown_error(error)})

    def _hello(self, asked: Mapping[str, Any]) -> None:
        offsets = asked.get("offsets")
        known = offsets.items() if isinstance(offsets, Mapping) else ()
        has = {number(job): number(offset) for job, offset in known}
        self._feed().hello(self, str(asked.get("view"))[:_LONGEST_NAME], has)

    def _rewind(self, asked: Mapping[str, Any]) -> None:
        self._feed().rewind(self, number(asked.get("job")), number(asked.get("offset")))

    def _cancel(self, asked: Mapping[str, Any]) -> None:
        job = number(asked.get("job"))
        self._attempt(lambda: self._feed().tell(self, [self._client().cancel(job)]), job=job)


def number(value: object) -> int:
    """Return a number a view sent; 0 for what is none."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
