"""Parts of the standard library without what their modules drag in: half of a supervisor's start.

``json``, ``signal``, ``socket`` and ``re`` bring enum, collections and functools, together 13 ms of
processor time before each job. The C parts under them are used where they are as known; where
not, the modules themselves.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
    from typing import Any
else:
    try:
        import _signal as signal
        import _socket as socket
    except ImportError:
        import signal
        import socket

__all__ = ["from_json", "signal", "socket", "to_json"]


class _Strict:
    """What the C scanner asks of a decoder (json.scanner)."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


def from_json(text: bytes) -> Any:
    """Return what JSON text says; raises ValueError when it is none."""
    try:
        from _json import make_scanner  # noqa: PLC0415

        # The stub wants an instance of a decoder; the scanner only reads these attributes.
        scan = make_scanner(_Strict)  # type: ignore[arg-type]
        return scan(text.decode().strip(), 0)[0]
    except StopIteration:
        raise ValueError("no JSON") from None
    except (ImportError, AttributeError, TypeError):
        import json  # noqa: PLC0415

        return json.loads(text)


def to_json(value: Any) -> bytes:
    """Return a value made of dicts, lists, texts, numbers, truths and None as JSON."""
    return _text(value).encode("ascii")


def _text(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _quoted(value)
        case dict():
            return "{" + ", ".join(f"{_quoted(k)}: {_text(v)}" for k, v in value.items()) + "}"
    return "[" + ", ".join(map(_text, value)) + "]"


def _quoted(text: str) -> str:
    try:
        from _json import encode_basestring_ascii as quote  # noqa: PLC0415
    except ImportError:
        from json.encoder import encode_basestring_ascii as quote  # noqa: PLC0415
    return quote(text)
