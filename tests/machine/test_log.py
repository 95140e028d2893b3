"""Reading a log by offset, whole and by stream, while it grows."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from jupyter_hpccontainers.machine.log import BOTH, STDERR, STDOUT, Log, Segment
from jupyter_hpccontainers.machine.supervisor.output_file import OutputFile


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """``out1 err1 err2 out2``, written as the supervisor writes."""
    output = OutputFile(str(tmp_path))
    for stream, data in ((1, b"out1 "), (2, b"err1 "), (2, b"err2 "), (1, b"out2 ")):
        output.append(stream, data)
    return Log(tmp_path)


def test_the_whole_is_in_order_of_arrival(log: Log) -> None:
    assert log.read(0, 100) == b"out1 err1 err2 out2 "
    assert log.size() == 20


def test_each_stream_has_its_own_offsets(log: Log) -> None:
    assert log.read(0, 100, STDOUT) == b"out1 out2 "
    assert log.read(0, 100, STDERR) == b"err1 err2 "
    assert log.read(3, 5, STDOUT) == b"1 out"
    assert (log.size(STDOUT), log.size(STDERR)) == (10, 10)


@pytest.mark.parametrize(("stream", "tail"), [(BOTH, b"out2 "), (STDERR, b"err2 ")])
def test_a_negative_offset_counts_from_the_end(log: Log, stream: int, tail: bytes) -> None:
    assert log.read(-5, 100, stream) == tail
    assert log.read(-1000, 100, stream)[:3] in {b"out", b"err"}


def test_beyond_the_end_there_is_nothing(log: Log) -> None:
    assert log.read(20, 100) == b""
    assert log.read(10, 100, STDERR) == b""


def test_segments_name_who_wrote_what(log: Log) -> None:
    assert list(log.segments()) == [Segment(0, 5, 1), Segment(5, 15, 2), Segment(15, 20, 1)]
    assert list(log.segments(7, 16)) == [Segment(7, 15, 2), Segment(15, 16, 1)]


def test_an_index_ahead_of_its_bytes_promises_nothing(tmp_path: Path, log: Log) -> None:
    """The index is written first: a reader may come between the two."""
    with (tmp_path / "output").open("r+b") as file:
        file.truncate(15)
    assert list(log.segments()) == [Segment(0, 5, 1), Segment(5, 15, 2)]
    assert log.read(0, 100, STDOUT) == b"out1 "


def test_a_job_that_has_not_begun_has_an_empty_log(tmp_path: Path) -> None:
    empty = Log(tmp_path)
    assert (empty.size(), empty.size(STDERR)) == (0, 0)
    assert empty.read(0, 10) == b""
    assert empty.read(-5, 10, STDOUT) == b""
    assert list(empty.segments()) == []


def test_any_range_of_any_stream_equals_a_slice_of_what_was_written(tmp_path: Path) -> None:
    chance = random.Random(5)
    output, written = OutputFile(str(tmp_path)), {BOTH: b"", STDOUT: b"", STDERR: b""}
    for _ in range(3000):
        stream, data = chance.choice([1, 2]), chance.randbytes(chance.randrange(1, 9))
        output.append(stream, data)
        written[BOTH] += data
        written[stream] += data
    log = Log(tmp_path)
    for _ in range(500):
        stream = chance.choice([BOTH, STDOUT, STDERR])
        whole = written[stream]
        offset, length = chance.randrange(len(whole)), chance.randrange(1, 200)
        assert log.read(offset, length, stream) == whole[offset : offset + length]
        assert log.size(stream) == len(whole)
