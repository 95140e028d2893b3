"""The logs of a job's attempts read as one, whatever is asked for."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_hpccontainers.backends.local.job_log import JobLog
from jupyter_hpccontainers.machine import folder as names

#: Attempts, each of pieces (stream, bytes).
ATTEMPTS = st.lists(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=6)), max_size=4),
    min_size=1,
    max_size=4,
)


def written(root: Path, attempts: list[list[tuple[int, bytes]]]) -> JobLog:
    """Write the attempts as supervisors do; one without output has no files."""
    folders = []
    for number, pieces in enumerate(attempts, start=1):
        folder = root / str(number)
        folder.mkdir()
        folders.append(folder)
        output, index = b"", b""
        for stream, data in pieces:
            index += struct.pack(names.INDEX_RECORD, len(output), stream)
            output += data
        if pieces:
            (folder / names.OUTPUT).write_bytes(output)
            (folder / names.INDEX).write_bytes(index)
    return JobLog(folders)


@settings(max_examples=200)
@given(ATTEMPTS, st.integers(-30, 60), st.integers(0, 60), st.sampled_from([0, 1, 2]))
def test_any_part_is_that_of_the_attempts_one_after_the_other(attempts, offset, length, stream):
    with tempfile.TemporaryDirectory() as root:
        log = written(Path(root), attempts)
        pieces = [piece for attempt in attempts for piece in attempt]
        whole = b"".join(data for of, data in pieces if stream in (0, of))
        begin = offset if offset >= 0 else max(0, len(whole) + offset)
        assert log.size(stream) == len(whole)
        assert log.read(offset, length, stream) == whole[begin : begin + length]


@settings(max_examples=200)
@given(ATTEMPTS, st.integers(0, 40), st.integers(0, 40))
def test_every_byte_between_two_offsets_is_told_with_its_stream(attempts, start, end):
    with tempfile.TemporaryDirectory() as root:
        log = written(Path(root), attempts)
        pieces = [piece for attempt in attempts for piece in attempt]
        streams = [of for of, data in pieces for _ in data]
        told = [
            (at, part.stream)
            for part in log.segments(start, end)
            for at in range(part.start, part.end)
        ]
        assert told == list(enumerate(streams))[start : max(start, end)]
