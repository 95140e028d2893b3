"""The body of a cell as the person wrote it, byte for byte, and filled in where asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from IPython.utils.text import FullEvalFormatter

from ..model.errors import InvalidSpec


def written_body(shell: Any, line: str, cell: str) -> str:
    """Return the body as it was sent.

    IPython adds a newline at the end of a cell and strips what looks like prompts, ``>>>`` in a
    doctest included, before a magic sees it. The cell as it came is taken instead where it can be
    shown to be this one: where IPython makes exactly this call of it.
    """
    call = f"get_ipython().run_cell_magic({'container'!r}, {line!r}, {cell!r})\n"
    for raw in _raw_cells(shell, cell):
        if raw.lstrip().startswith("%%") and shell.transform_cell(raw) == call:
            return _after_first_line(raw)
    return cell


def expanded(shell: Any, text: str) -> str:
    """Return text with ``{expression}`` filled in from the notebook; ``{{`` is a brace.

    Raises InvalidSpec for an expression that fails.
    """
    try:
        return str(FullEvalFormatter().vformat(text, (), shell.user_ns))
    except Exception as error:
        raise InvalidSpec(
            f"--expand cannot fill in {str(error)[:80]!r} ({type(error).__name__})",
            cure="define it in the notebook, or write {{ and }} for braces",
            field="script",
        ) from None


def _raw_cells(shell: Any, cell: str) -> Iterable[str]:
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    code = (parent or {}).get("content", {}).get("code")
    if isinstance(code, str):
        yield code
    history = getattr(shell.history_manager, "input_hist_raw", None)
    if history:
        # The history keeps no newlines at the end; a terminal's cell always ends with one.
        yield history[-1] + cell[len(cell.rstrip("\n")) :]


def _after_first_line(raw: str) -> str:
    lines = raw.splitlines(keepends=True)
    first = next(n for n, line in enumerate(lines) if line.strip())
    return "".join(lines[first + 1 :])
