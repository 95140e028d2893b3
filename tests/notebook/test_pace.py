"""A card is updated at once after a quiet time and twice a second in a flood."""

from __future__ import annotations

import itertools

from jupyter_hpccontainers.notebook.pace import Pace


def flood(pace: Pace, seconds: float, *, urgent: bool) -> list[float]:
    """Return when updates happen while there is always something new to show."""
    now, shown = 0.0, []
    while now < seconds:
        if pace.wait_s(now, urgent=urgent) == 0.0:
            pace.spend(now)
            shown.append(now)
        now += 0.01
    return shown


def test_a_flood_is_shown_twice_a_second() -> None:
    shown = flood(Pace(), 10.0, urgent=True)
    assert 20 <= len(shown) <= 22
    assert all(b - a >= 0.49 for a, b in itertools.pairwise(shown[2:]))


def test_states_alone_are_shown_twice_a_second() -> None:
    shown = flood(Pace(), 10.0, urgent=False)
    assert 19 <= len(shown) <= 22


def test_a_line_every_half_second_is_shown_as_it_comes_right_after_a_change_of_state() -> None:
    pace = Pace()
    pace.spend(0.0)
    for n in range(5):
        printed = 0.15 + n * 0.5
        assert pace.wait_s(printed, urgent=True) == 0.0
        pace.spend(printed)


def test_a_state_alone_never_takes_the_update_of_the_next_line() -> None:
    pace = Pace()
    pace.spend(0.0)
    pace.spend(pace.wait_s(0.0, urgent=False))
    for n in range(8):
        printed = 0.65 + n * 0.5
        assert pace.wait_s(printed, urgent=True) == 0.0
        pace.spend(printed)
        assert pace.wait_s(printed + 0.42, urgent=False) > 0.0


def test_what_waits_is_told_for_how_long() -> None:
    pace = Pace()
    pace.spend(0.0)
    pace.spend(0.1)
    wait = pace.wait_s(0.2, urgent=True)
    assert 0 < wait <= 0.5
    assert pace.wait_s(0.2 + wait, urgent=True) == 0.0
