"""What a widget's page is sent: the newest state, each byte once, never more than its window."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_hpccontainers.model.job import Job, JobSpec
from jupyter_hpccontainers.model.states import State
from jupyter_hpccontainers.notebook.widgets.outbox import MESSAGE_BYTES, WINDOW_BYTES, Outbox
from jupyter_hpccontainers.notebook.widgets.ring import Ring

BUDGET = MESSAGE_BYTES


class Sent:
    """Takes what an outbox sends."""

    def __init__(self) -> None:
        self.contents: list[dict[str, Any]] = []
        self.data = b""

    def __call__(self, content: Any, buffers: Any = None) -> None:
        self.contents.append(content)
        self.data += b"".join(buffers)


def job(number: int = 1, state: State = State.RUNNING) -> Job:
    spec = JobSpec(image="an/image:1", command=("true",))
    return Job(id=number, engine="e", spec=spec, state=state, submitted_at=0.0, user="u")


def drawn(sent: Sent) -> Outbox:
    outbox = Outbox(sent)
    outbox.hello("a view")
    return outbox


@given(st.lists(st.binary(max_size=300)), st.integers(1, 200), st.integers(0, 400))
def test_a_ring_holds_the_end_of_what_it_was_given(
    parts: list[bytes], capacity: int, offset: int
) -> None:
    ring, whole = Ring(0, capacity), b"".join(parts)
    for part in parts:
        ring.append(part)
    assert ring.end == len(whole)
    assert ring.start == max(0, len(whole) - capacity)
    begin, data = ring.read(offset, 10**6)
    assert begin == max(offset, ring.start)
    assert data == whole[begin:]


def test_states_in_between_are_not_told() -> None:
    sent = Sent()
    outbox = drawn(sent)
    for state in (State.PENDING, State.STARTING, State.RUNNING):
        outbox.state(job(state=state))
    outbox.flush({}, BUDGET)
    (content,) = sent.contents
    assert [told["state"] for told in content["jobs"]] == ["RUNNING"]
    assert outbox.flush({}, BUDGET) == 0
    assert len(sent.contents) == 1


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1), st.integers(1, 50))
def test_every_byte_is_sent_once_and_in_order(parts: list[bytes], budget: int) -> None:
    sent, ring = Sent(), Ring()
    outbox = drawn(sent)
    outbox.log_from(1, 0)
    for part in parts:
        ring.append(part)
        assert outbox.flush({1: ring}, budget) <= budget
    while outbox.owes({1: ring}):
        outbox.flush({1: ring}, budget)
        outbox.heard()
    assert sent.data == b"".join(parts)


def test_a_page_that_does_not_answer_is_sent_its_window_only() -> None:
    sent, ring = Sent(), Ring(capacity=4 * WINDOW_BYTES)
    ring.append(b"x" * 3 * WINDOW_BYTES)
    outbox = drawn(sent)
    outbox.log_from(1, 0)
    while outbox.owes({1: ring}):
        outbox.flush({1: ring}, BUDGET)
    assert WINDOW_BYTES <= len(sent.data) + 2**14 <= WINDOW_BYTES + MESSAGE_BYTES + 2**14
    outbox.state(job(state=State.DONE))
    assert outbox.flush({1: ring}, BUDGET) == 0
    outbox.heard()
    assert outbox.flush({1: ring}, BUDGET) == MESSAGE_BYTES
    assert sent.contents[-1]["jobs"][0]["state"] == "DONE"


def test_several_logs_share_a_message() -> None:
    sent, rings = Sent(), {1: Ring(), 2: Ring(100)}
    outbox = drawn(sent)
    for number, ring in rings.items():
        ring.append(bytes([number]) * 10)
        outbox.log_from(number, 0)
    outbox.flush(rings, 15)
    (content,) = sent.contents
    assert content["logs"] == [
        {"job": 1, "offset": 0, "start": 0},
        {"job": 2, "offset": 100, "start": 100},
    ]
    assert sent.data == b"\1" * 10 + b"\2" * 5


def test_nothing_is_sent_before_the_first_view_nor_after_the_last() -> None:
    sent = Sent()
    outbox = Outbox(sent)
    outbox.state(job())
    assert not outbox.owes({})
    outbox.hello("one")
    outbox.hello("two")
    outbox.bye("one")
    assert outbox.owes({})
    outbox.bye("two")
    outbox.flush({}, BUDGET)
    assert sent.contents == []


@pytest.mark.parametrize("lost", ["", "the engine is gone"])
def test_trouble_is_told_and_told_to_be_over(lost: str) -> None:
    sent = Sent()
    outbox = drawn(sent)
    outbox.trouble(lost)
    outbox.flush({}, BUDGET)
    assert [content["trouble"] for content in sent.contents] == [lost]
