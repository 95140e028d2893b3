"""The last lines of a log as text: what a terminal would show, in at most 4 kB."""

from __future__ import annotations

import codecs
import re

#: Most bytes of text a card carries.
TAIL_BYTES = 4096
_HELD_BYTES = 2**15

_CLEAR_LINE, _CLEAR_REST = "\x1d", "\x1c"
_ERASE = re.compile(r"\x1b\[([02]?)K")
# ECMA-48: CSI sequences, OSC and other strings up to their terminator, two-character escapes.
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[PX^_][^\x1b\n]*\x1b\\"
    r"|[ -/]*[0-Z\\^-~])"
)
_UNFINISHED_ESCAPE = re.compile(r"\x1b[^\n]*\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MOVES = re.compile(r"[\r\b\x1c\x1d]")


class Tail:
    """Takes the bytes of a log as they come and holds what its end looks like."""

    def __init__(self) -> None:
        self._raw = b""

    def add(self, data: bytes) -> None:
        """Take more bytes."""
        self._raw += data[-2 * _HELD_BYTES :]
        if len(self._raw) > 2 * _HELD_BYTES:
            self._raw = _settled(self._raw)[-_HELD_BYTES:]

    def text(self, limit_bytes: int = TAIL_BYTES) -> str:
        """Return the last lines; what is no UTF-8 is replaced, what moves a cursor is obeyed."""
        return _last(rendered(self._raw), limit_bytes)


def rendered(raw: bytes) -> str:
    """Return bytes as the text a terminal would end up with.

    Carriage returns and backspaces overwrite, as progress bars want; colours and other escape
    sequences and control characters are left out; an unfinished character at the end waits.
    """
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(raw)
    text = _ERASE.sub(lambda m: _CLEAR_LINE if m[1] == "2" else _CLEAR_REST, text)
    text = _UNFINISHED_ESCAPE.sub("", _ESCAPE.sub("", text))
    return "\n".join(_overwritten(line) for line in text.split("\n"))


def _overwritten(line: str) -> str:
    if not _MOVES.search(line):
        return _CONTROL.sub("", line)
    shown: list[str] = []
    column = 0
    for part in re.split(r"([\r\b\x1c\x1d])", line):
        match part:
            case "\r":
                column = 0
            case "\b":
                column = max(column - 1, 0)
            case "\x1c":
                del shown[column:]
            case "\x1d":
                shown.clear()
            case _:
                clean = _CONTROL.sub("", part)
                shown.extend(" " * (column - len(shown)))
                shown[column : column + len(clean)] = clean
                column += len(clean)
    return "".join(shown).rstrip()


def _settled(raw: bytes) -> bytes:
    """Return the bytes with everything before the last line replaced by what it looks like.

    So an hour of progress bar does not push the lines above it out of the tail.
    """
    cut = max(raw.rfind(b"\n"), raw.rfind(b"\r"))
    if cut <= 0:
        return raw
    return _last(rendered(raw[:cut]), TAIL_BYTES * 2).encode() + raw[cut:]


def _last(text: str, limit_bytes: int) -> str:
    encoded = text.encode()
    if len(encoded) <= limit_bytes:
        return text
    kept = encoded[-limit_bytes:].decode(errors="ignore")
    _, newline, whole_lines = kept.partition("\n")
    return whole_lines if newline and whole_lines else kept
