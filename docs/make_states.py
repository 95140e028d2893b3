"""Writes docs/states.md from the scheduler's transition table: ``python docs/make_states.py``."""

from __future__ import annotations

import sys
from pathlib import Path

from jupyter_hpccontainers.model.reasons import sentence
from jupyter_hpccontainers.model.states import Reason, ReasonCode, Result, State
from jupyter_hpccontainers.scheduler import transitions
from jupyter_hpccontainers.scheduler.transitions import FIRST, TRANSITIONS, Trigger

PAGE = Path(__file__).with_name("states.md")

_INTRO = """\
# States of a job

<!-- Written by docs/make_states.py from scheduler/transitions.py: change that, not this. -->

A job's **state** says how far it has come, its **result** how its attempt ended, its **reason** why
it waits or why it ended so.
"""

_RESULTS = {
    Result.COMPLETED: "its program ended with exit code 0",
    Result.FAILED: "its program ended otherwise, or could not be started",
    Result.CANCELLED: "a person ended it",
    Result.TIMEOUT: "it reached its time limit",
    Result.OUT_OF_MEMORY: "the kernel ended its main process for using more memory than it asked",
    Result.PREEMPTED: "it made way for a job of a higher class",
    Result.SKIPPED: "a job it depends on ended so that it can never run",
    Result.LOST: "it ended, and nobody can vouch for its exit code",
}


def page() -> str:
    """Return the whole page."""
    theory = (transitions.__doc__ or "").partition("-------------------\n")[2].strip()
    parts = [_INTRO, theory, _diagram(), _table(), _results(), _reasons()]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _diagram() -> str:
    lines = [f"    [*] --> {FIRST}: Submitted"]
    for state, row in TRANSITIONS.items():
        for after in dict.fromkeys(row.values()):
            names = ", ".join(kind.__name__ for kind, to in row.items() if to is after)
            if after is not state:
                lines.append(f"    {state} --> {after}: {names}")
    last = f"    {transitions.LAST} --> [*]"
    return "\n".join(["## Diagram", "", "```mermaid", "stateDiagram-v2", *lines, last, "```"])


def _table() -> str:
    kinds: list[type[Trigger]] = list(
        dict.fromkeys(kind for row in TRANSITIONS.values() for kind in row)
    )
    head = "| what happens | " + " | ".join(TRANSITIONS) + " |"
    rule = "|---" * (len(TRANSITIONS) + 1) + "|"
    rows = [_row(kind) for kind in kinds]
    note = (
        "From the state above, what happens on the left leads to the state in the cell; `=` means "
        "it stays, and an empty cell that it is refused."
    )
    return "\n".join(["## Table", "", note, "", head, rule, *rows])


def _row(kind: type[Trigger]) -> str:
    cells = [_cell(state, kind) for state in TRANSITIONS]
    meaning = (kind.__doc__ or "").split("\n")[0].split(";")[0].rstrip(".")
    return f"| **{kind.__name__}**: {meaning} | " + " | ".join(cells) + " |"


def _cell(state: State, kind: type[Trigger]) -> str:
    after = TRANSITIONS[state].get(kind)
    if after is None:
        return ""
    return "=" if after is state else after


def _results() -> str:
    rows = [f"| {result} | {_RESULTS[result]} |" for result in Result]
    return "\n".join(["## Results", "", "| result | when |", "|---|---|", *rows])


def _reasons() -> str:
    rows = [f"| {code} | {sentence(Reason(code))} |" for code in ReasonCode]
    return "\n".join(["## Reasons", "", "| reason | in words |", "|---|---|", *rows])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE.name}\n")
