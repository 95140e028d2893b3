"""Widgets: submit, watch and cancel container jobs without writing code; loaded when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .job_view import JobView
    from .launcher import Launcher
    from .queue_view import QueueView

__all__ = ["JobView", "Launcher", "QueueView"]

_NEEDED = {"anywidget", "ipywidgets", "traitlets"}


def __getattr__(name: str) -> Any:
    """Load a widget; raises ImportError with what to install where ipywidgets is missing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from . import job_view, launcher, queue_view  # noqa: PLC0415 - a kernel may lack them
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        raise ImportError("widgets need ipywidgets: pip install ipywidgets anywidget") from None
    kinds = (job_view.JobView, launcher.Launcher, queue_view.QueueView)
    return next(kind for kind in kinds if kind.__name__ == name)
