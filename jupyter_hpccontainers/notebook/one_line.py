"""Errors in a cell: one red line that says what happened and what to do, and no traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..model.errors import HpccError

_RED, _PLAIN = "\x1b[31m", "\x1b[0m"


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Let what goes wrong inside be shown as one line; it is raised all the same."""
    try:
        yield
    except HpccError as error:
        _show_as(error, f"{error.code}: {error}")
        raise
    except KeyboardInterrupt as error:
        _show_as(error, "KeyboardInterrupt")
        raise


def _show_as(error: BaseException, line: str) -> None:
    # IPython asks an exception for its traceback before it makes one
    # (InteractiveShell.showtraceback); on the instance, so that Python code sees the usual.
    words = " ".join(line.split())
    error._render_traceback_ = lambda: [f"{_RED}{words}{_PLAIN}"]  # type: ignore[attr-defined]
