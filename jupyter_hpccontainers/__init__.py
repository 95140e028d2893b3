"""Container jobs for notebooks: submit, schedule, run and stream them from one machine."""

from __future__ import annotations

from .model.version import __version__

TYPE_CHECKING = False  # each job's supervisor imports this file: typing costs it 10 ms and 1.5 MB
if TYPE_CHECKING:
    from typing import Any

    from IPython.core.interactiveshell import InteractiveShell

    from .notebook.python import Job, dry_run, spec, submit, submit_workflow
    from .notebook.widgets import JobView, Launcher, QueueView

__all__ = [
    "Job",
    "JobView",
    "Launcher",
    "QueueView",
    "__version__",
    "dry_run",
    "load_ipython_extension",
    "spec",
    "submit",
    "submit_workflow",
]


def __getattr__(name: str) -> Any:
    """Load the Python door only when it is asked for: a supervisor must not pay for it."""
    if name in {"submit", "submit_workflow", "spec", "dry_run", "Job"}:
        from .notebook import python

        return getattr(python, name)
    if name in {"Launcher", "JobView", "QueueView"}:
        from .notebook import widgets

        return getattr(widgets, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register ``%container`` and ``%%container`` (``%load_ext jupyter_hpccontainers``)."""
    from .notebook.magics import register

    register(shell)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "jupyter-hpccontainers"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Name the server extension, loading it only now: a kernel's import must stay light."""
    from .server.app import HPCContainersApp

    return [{"module": "jupyter_hpccontainers", "app": HPCContainersApp}]
