"""How often a card is updated: twice a second on average, and at once after a quiet time."""

from __future__ import annotations

#: Updates a second on average; Jupyter's front ends redraw the whole card at each.
_RATE = 2.0
_MOST_SAVED = 2.0
_SHORTEST_GAP_S = 0.1


class Pace:
    """A bucket that saves up two updates, of which one is kept for log lines.

    So a line printed twice a second is always shown as it comes, also right after a change of
    state, and a flood of lines is shown twice a second.
    """

    def __init__(self) -> None:
        self._saved = _MOST_SAVED
        self._last: float | None = None

    def wait_s(self, now: float, *, urgent: bool) -> float:
        """Return in how many seconds an update is due; ``urgent`` ones carry log lines."""
        if self._last is None:
            return 0.0
        quiet_s = now - self._last
        saved = self._saved_at(now)
        # A state alone leaves one update for the line that may come next.
        needed = 1.0 if urgent else _MOST_SAVED
        for_rate = max(needed - saved, 0.0) / _RATE
        return max(for_rate, _SHORTEST_GAP_S - quiet_s, 0.0)

    def spend(self, now: float) -> None:
        """Note an update."""
        self._saved = max(self._saved_at(now) - 1.0, 0.0)
        self._last = now

    def _saved_at(self, now: float) -> float:
        if self._last is None:
            return self._saved
        return min(self._saved + (now - self._last) * _RATE, _MOST_SAVED)
