"""docs/states.md says what the table says."""

from __future__ import annotations

import runpy
from pathlib import Path

from jupyter_hpccontainers.scheduler.transitions import TRANSITIONS

DOCS = Path(__file__).parents[2] / "docs"


def written_anew() -> str:
    """Return the page as docs/make_states.py would write it now."""
    return str(runpy.run_path(str(DOCS / "make_states.py"))["page"]())


def test_the_page_is_up_to_date():
    page = (DOCS / "states.md").read_text(encoding="utf-8")
    assert page == written_anew(), "run: python docs/make_states.py"


def test_the_diagram_draws_every_change_of_state():
    page = written_anew()
    for state, row in TRANSITIONS.items():
        for trigger, after in row.items():
            drawn = [
                line for line in page.splitlines() if line.startswith(f"    {state} --> {after}: ")
            ]
            assert after is state or trigger.__name__ in drawn[0]
