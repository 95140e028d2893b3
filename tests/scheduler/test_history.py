"""What jobs are expected to take, from what alike ones took."""

from __future__ import annotations

import pytest
from scheduler_lab import ask

from jupyter_hpccontainers.scheduler.entry import Kind
from jupyter_hpccontainers.scheduler.history import History

DAY_S = 86_400.0
ANNS = Kind("ann", "train", 4000.0)


def test_without_history_half_the_limit():
    assert History(DAY_S).expect(ANNS, ask()).run_s == 2000


def test_without_history_or_limit_what_the_policy_says():
    assert History(DAY_S).expect(Kind("ann", "train"), ask()).run_s == DAY_S


def test_the_last_runs_of_the_same_kind_count_most():
    history = History(DAY_S)
    for run_s in (3000.0, 100.0, 100.0):
        history.learn(ANNS, ask(), run_s)
    history.learn(Kind("ann", "other", 4000.0), ask(), 4000.0)
    assert 100 < history.expect(ANNS, ask()).run_s < 700


def test_runs_of_a_kind_tell_of_other_amounts_and_those_of_a_person_of_other_kinds():
    history = History(DAY_S)
    history.learn(ANNS, ask(), 100.0)
    same, wider, other, bobs = (
        history.expect(kind, asked).run_s
        for kind, asked in (
            (ANNS, ask()),
            (ANNS, ask(cores=2)),
            (Kind("ann", "other", 4000.0), ask()),
            (Kind("bob", "train", 4000.0), ask()),
        )
    )
    assert 100 < same < wider < other < bobs == 2000


def test_nothing_is_expected_beyond_the_limit():
    history = History(DAY_S)
    history.learn(Kind("ann", "train"), ask(), DAY_S)
    assert history.expect(Kind("ann", "train", 60.0), ask()).run_s <= 60


def test_a_job_that_is_probably_short_is_urgent_though_it_may_be_long():
    history = History(DAY_S)
    history.learn(ANNS, ask(), 4000.0)
    history.learn(ANNS, ask(), 10.0)
    expected = history.expect(ANNS, ask())
    assert expected.urgency > 10 / expected.run_s


def test_shorter_runs_are_not_more_urgent_than_ten_seconds():
    history = History(DAY_S)
    history.learn(ANNS, ask(), 0.1)
    assert history.expect(ANNS, ask()).urgency <= 1 / 10


def test_the_longest_unseen_are_forgotten(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jupyter_hpccontainers.scheduler.history._MOST_GROUPS", 6)
    history = History(DAY_S)
    for user in "abc":
        history.learn(Kind(user, "x", 4000.0), ask(), 10.0)
    assert history.expect(Kind("a", "x", 4000.0), ask()).run_s == 2000
    assert history.expect(Kind("c", "x", 4000.0), ask()).run_s < 200
