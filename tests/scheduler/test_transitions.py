"""The table: one first state, one last, and nothing but what is listed."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_hpccontainers.model.errors import StateConflict
from jupyter_hpccontainers.model.states import State
from jupyter_hpccontainers.scheduler.events import CancelRequested, Exited, Held, Started
from jupyter_hpccontainers.scheduler.transitions import (
    FIRST,
    LAST,
    TRANSITIONS,
    Chosen,
    Requeued,
    Trigger,
    next_state,
)

EVERY_TRIGGER = get_args(Trigger)


def test_a_job_goes_from_pending_to_done():
    state = FIRST
    for trigger in (Chosen, Started, CancelRequested, Exited):
        state = next_state(1, state, trigger)
    assert state is State.DONE is LAST


def test_every_state_can_be_reached_and_leads_to_the_last():
    reached = {FIRST}
    for _ in State:
        reached |= {after for state in reached for after in TRANSITIONS[state].values()}
    assert reached == set(TRANSITIONS)
    for state in TRANSITIONS:
        ahead = {state}
        for _ in State:
            ahead |= {after for one in ahead for after in TRANSITIONS[one].values()}
        assert LAST in ahead


@given(st.sampled_from(EVERY_TRIGGER))
def test_done_never_changes(trigger):
    assert TRANSITIONS[LAST].get(trigger, LAST) is LAST


def test_every_trigger_is_legal_somewhere():
    assert {trigger for row in TRANSITIONS.values() for trigger in row} == set(EVERY_TRIGGER)


def test_what_holds_an_allocation_waits_again_only_with_another_attempt():
    for state, row in TRANSITIONS.items():
        if state.holds_allocation:
            assert [kind for kind, after in row.items() if after.waits] == [Requeued]


def test_a_pair_that_is_not_listed_is_refused_by_name():
    with pytest.raises(StateConflict, match="job 7 is RUNNING and can't be held") as refused:
        next_state(7, State.RUNNING, Held)
    assert refused.value.details == {"job_id": 7, "state": "RUNNING"}
    with pytest.raises(StateConflict, match="job 7 is PENDING, where Exited can't happen"):
        next_state(7, State.PENDING, Exited)
