"""Messages are values: equal by what they say, and of no other kind."""

from __future__ import annotations

import pytest

from jupyter_hpccontainers.model.states import State
from jupyter_hpccontainers.scheduler import Exited, Record, Started
from jupyter_hpccontainers.scheduler.events import Held, Released


def test_they_are_equal_by_kind_and_content():
    assert Started(3) == Started(3, None)
    assert Started(3) != Started(3, 1.0)
    assert Held(3) != Released(3)
    assert len({Held(3), Held(3), Released(3)}) == 2


def test_those_with_many_words_are_made_by_name():
    with pytest.raises(TypeError):
        Exited(3)
    with pytest.raises(TypeError):
        Record(3, 1, State.DONE, 0.0)


def test_they_hold_nothing_else():
    with pytest.raises(AttributeError):
        Started(3).cause = "unknown"
