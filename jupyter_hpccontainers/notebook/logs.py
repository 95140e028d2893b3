"""Log bytes into lines of text, each stream on its own."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from ..client.follow import Event, LogWritten


class _Lines:
    """Whole lines of one stream; invalid UTF-8 is replaced, only a newline ends a line."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def add(self, data: bytes, final: bool = False) -> Iterator[str]:
        text = self._held + self._decoder.decode(data, final)
        *whole, self._held = text.split("\n")
        yield from whole
        if final and self._held:
            yield self._held


def log_lines(events: Iterable[Event], stream: str) -> Iterator[str]:
    """Yield the lines of a stream (or of ``both``) without their newline, as they are whole."""
    streams: dict[str, _Lines] = {}
    for event in events:
        if isinstance(event, LogWritten) and stream in {"both", event.stream}:
            yield from streams.setdefault(event.stream, _Lines()).add(event.data)
    for lines in streams.values():
        yield from lines.add(b"", final=True)
