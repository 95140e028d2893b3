"""The last lines of a log, as a terminal would show them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_hpccontainers.notebook.tail import TAIL_BYTES, Tail, rendered


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"plain\nlines\n", "plain\nlines\n"),
        (b"10 %\r 50 %\r100 %\n", "100 %\n"),
        (b"a long line\rshort\n", "shortg line\n"),
        (b"a long line\r\x1b[Kshort\n", "short\n"),
        (b"gone\x1b[2K\rkept\n", "kept\n"),
        (b"dos\r\nlines\r\n", "dos\nlines\n"),
        (b"|\b/\b-\bdone\n", "done\n"),
        (b"\x1b[1;31mred\x1b[0m and \x1b]8;;http://x\x1b\\link\x1b]8;;\x07\n", "red and link\n"),
        (b"bell\x07 null\x00 c1\xc2\x9b\n", "bell null c1\n"),
        ("é 漢字 🚀\n".encode(), "é 漢字 🚀\n"),
        (b"bad \xff\xfe bytes\n", "bad �� bytes\n"),
        (b"half a character \xe6\xbc", "half a character "),
        (b"half an escape \x1b[3", "half an escape "),
        (b"a\tb\n", "a\tb\n"),
    ],
)  # fmt: skip
def test_bytes_show_as_in_a_terminal(written: bytes, shown: str) -> None:
    assert rendered(written) == shown


@given(data=st.binary(max_size=400), cut=st.integers(0, 400))
def test_a_tail_shows_the_same_however_the_bytes_come(data: bytes, cut: int) -> None:
    whole, pieces = Tail(), Tail()
    whole.add(data)
    pieces.add(data[:cut])
    pieces.add(data[cut:])
    assert pieces.text() == whole.text()


@given(st.binary(max_size=3000))
def test_no_control_character_but_newline_and_tab_is_shown(data: bytes) -> None:
    assert all(c in "\n\t" or (ord(c) >= 32 and not 127 <= ord(c) < 160) for c in rendered(data))


def test_only_whole_lines_of_the_end_are_shown_within_the_limit() -> None:
    tail = Tail()
    for n in range(100_000):
        tail.add(f"line {n}\n".encode())
    lines = tail.text().splitlines()
    assert lines[-1] == "line 99999"
    assert lines == [f"line {n}" for n in range(100_000 - len(lines), 100_000)]
    assert TAIL_BYTES - 12 < len(tail.text().encode()) <= TAIL_BYTES


def test_one_endless_line_is_held_in_bounded_memory_and_its_end_is_shown() -> None:
    tail = Tail()
    for _ in range(100):
        tail.add(b"x" * 50_000)
    tail.add(b"end")
    assert tail.text().endswith("xend")
    assert len(tail.text()) <= TAIL_BYTES
    assert len(tail._raw) <= 2**16


def test_an_hour_of_progress_bar_leaves_the_lines_above_it_in_the_tail() -> None:
    tail = Tail()
    tail.add(b"epoch 1\nloading\n")
    for n in range(20_000):
        tail.add(f"\r{n / 200:5.1f} % |{'#' * (n // 500):40}|".encode())
    assert tail.text().splitlines()[:2] == ["epoch 1", "loading"]
    assert tail.text().splitlines()[2].startswith("100.0 %")
