"""Log bytes into lines, each stream on its own."""

from __future__ import annotations

from jupyter_hpccontainers.client.follow import Beat, Ended, Event, LogWritten
from jupyter_hpccontainers.notebook.logs import log_lines


def written(*parts: tuple[str, bytes]) -> list[Event]:
    """Return events of these parts, as a follow stream has them."""
    events: list[Event] = [Beat()]
    offset = 0
    for stream, data in parts:
        events.append(LogWritten(1, offset, stream, data))
        offset += len(data)
    return [*events, Ended(1)]


def test_a_line_is_whole_however_its_bytes_come() -> None:
    events = written(("stdout", b"one\ntw"), ("stdout", b"o\nh\xc3"), ("stdout", b"\xa9\n"))
    assert list(log_lines(events, "both")) == ["one", "two", "hé"]


def test_two_streams_do_not_mix_within_a_line() -> None:
    events = written(("stdout", b"out "), ("stderr", b"err\n"), ("stdout", b"still\n"))
    assert list(log_lines(events, "both")) == ["err", "out still"]
    assert list(log_lines(events, "stdout")) == ["out still"]
    assert list(log_lines(events, "stderr")) == ["err"]


def test_the_last_line_needs_no_newline_and_bad_bytes_are_replaced() -> None:
    events = written(("stdout", b"a\r b\n\xff end"), ("stderr", b"\xe6"))
    assert list(log_lines(events, "both")) == ["a\r b", "� end", "�"]
