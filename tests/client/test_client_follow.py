"""Frames cut anywhere, streams cut anywhere: the bytes add up to the log, each once."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_hpccontainers.client.follow import (
    Beat,
    Ended,
    Event,
    Follow,
    FrameParser,
    LogWritten,
    StateChanged,
)
from jupyter_hpccontainers.model.errors import EngineError
from jupyter_hpccontainers.model.job import Job, JobSpec
from jupyter_hpccontainers.model.states import State
from jupyter_hpccontainers.model.wire import encode

ENGINE = "6f2c"


def line(frame: Mapping[str, Any]) -> bytes:
    return json.dumps(frame).encode() + b"\n"


def state(job_id: int, now: State) -> bytes:
    job = Job(
        id=job_id, engine=ENGINE, spec=JobSpec(image="i"), state=now, submitted_at=1.0, user="me"
    )
    return line({"type": "state", "job": encode(job)})


def log(job_id: int, offset: int, data: bytes, stream: str = "stdout") -> bytes:
    head = {"type": "log", "job": job_id, "offset": offset, "length": len(data), "stream": stream}
    return line(head) + data


def end(job_id: int) -> bytes:
    return line({"type": "end", "job": job_id})


def parsed(pieces: list[bytes]) -> list[Event]:
    parser = FrameParser()
    return [event for piece in pieces for event in parser.feed(piece)]


class Engine:
    """Streams logs from the offsets asked for, and cuts each stream at a random byte."""

    def __init__(self, logs: Mapping[int, bytes], seed: int, cuts: int) -> None:
        self.logs = logs
        self.random = random.Random(seed)
        self.cuts = cuts
        self.opened = 0

    def open(self, offsets: Mapping[int, int]) -> Source | None:
        self.opened += 1
        body = b"".join(self._frames(job, offset) for job, offset in offsets.items())
        if self.cuts:
            self.cuts -= 1
            body = body[: self.random.randrange(len(body))]
        return Source(body, self.random)

    def _frames(self, job: int, offset: int) -> bytes:
        frames, whole = [state(job, State.RUNNING)], self.logs[job]
        while offset < len(whole):
            data = whole[offset : offset + self.random.randint(1, 5000)]
            frames.append(log(job, offset, data, self.random.choice(["stdout", "stderr"])))
            offset += len(data)
        return b"".join([*frames, state(job, State.DONE), end(job)])


class Source:
    """A stream that arrives in pieces of random size, with silences."""

    def __init__(self, body: bytes, chance: random.Random) -> None:
        self.body = body
        self.chance = chance

    def read(self, timeout_s: float) -> bytes | None:
        if self.chance.random() < 0.1:
            return None
        size = self.chance.randint(1, 9000)
        piece, self.body = self.body[:size], self.body[size:]
        return piece

    def close(self) -> None:
        self.body = b""


@given(cuts=st.lists(st.integers(0, 400), max_size=8))
def test_frames_come_out_the_same_however_the_bytes_are_cut(cuts: list[int]) -> None:
    whole = (
        state(1, State.RUNNING)
        + log(1, 0, b'{"type":"end","job":1}\n\n\x00\xff')
        + line({"type": "beat"})
        + log(1, 26, b"", "stderr")
        + end(1)
    )
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[a:b] for a, b in itertools.pairwise(edges)]
    assert parsed(pieces) == parsed([whole])


def test_a_frame_is_read_as_its_event() -> None:
    running, written, beat, ended = parsed(
        [state(3, State.RUNNING) + log(3, 5, b"a\nb") + line({"type": "beat"}) + end(3)]
    )
    assert isinstance(running, StateChanged)
    assert running.job.state is State.RUNNING
    assert written == LogWritten(3, 5, "stdout", b"a\nb")
    assert (beat, ended) == (Beat(), Ended(3))


def test_a_frame_of_a_newer_engine_is_passed_over() -> None:
    assert parsed([line({"type": "usage", "job": 3, "cores": 0.5}) + end(3)]) == [Beat(), Ended(3)]


@pytest.mark.parametrize("nonsense", [b"<html>\n", b"[1]\n", b'{"type":"end"}\n'])
def test_what_is_no_frame_is_said_to_be_none(nonsense: bytes) -> None:
    with pytest.raises(EngineError, match="no frame"):
        parsed([nonsense])


@pytest.mark.parametrize("seed", range(20))
def test_streams_cut_at_random_bytes_add_up_to_the_logs(seed: int) -> None:
    chance = random.Random(seed)
    logs = {job: chance.randbytes(chance.randint(0, 60_000)) for job in (1, 2, 3)}
    engine = Engine(logs, seed, cuts=6)
    sums = {job: hashlib.sha256() for job in logs}
    ended = []
    with Follow(engine.open, dict.fromkeys(logs, 0)) as follow:
        for event in follow:
            if isinstance(event, LogWritten):
                sums[event.job_id].update(event.data)
            if isinstance(event, Ended):
                ended.append(event.job_id)
    assert {job: s.hexdigest() for job, s in sums.items()} == {
        job: hashlib.sha256(data).hexdigest() for job, data in logs.items()
    }
    assert sorted(ended) == [1, 2, 3]


def test_a_stream_goes_on_at_the_offset_it_was_asked_for() -> None:
    engine = Engine({1: b"0123456789"}, seed=1, cuts=0)
    data = b"".join(e.data for e in Follow(engine.open, {1: 4}) if isinstance(e, LogWritten))
    assert data == b"456789"


def test_a_state_that_was_shown_before_the_cut_is_not_shown_again() -> None:
    bodies = [state(1, State.RUNNING), state(1, State.RUNNING) + state(1, State.DONE) + end(1)]
    follow = Follow(lambda offsets: Source(bodies.pop(0), random.Random(1)), {1: 0})
    shown = [event.job.state for event in follow if isinstance(event, StateChanged)]
    assert shown == [State.RUNNING, State.DONE]


def test_a_gap_in_the_log_is_an_error_and_never_passed_over() -> None:
    body = log(1, 0, b"abc") + log(1, 4, b"e")
    follow = Follow(lambda offsets: Source(body, random.Random(1)), {1: 0})
    with pytest.raises(EngineError, match="went on at byte 4, not at 3"):
        list(follow)


def test_patience_with_an_engine_that_does_not_come_back_ends() -> None:
    follow = Follow(lambda offsets: None, {1: 0}, patience_s=0.2)
    with pytest.raises(EngineError, match="has not answered"):
        list(follow)
