"""The same picture as ``drawing`` makes, as PNG, by Matplotlib where that is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from ..model.errors import InvalidSpec
from .drawing import COLOURS, use_by_time, wait_marks, waits_by_share
from .replay import Ran
from .workload import Workload


def draw_png(workload: Workload, replays: Mapping[str, Sequence[Ran]]) -> bytes:
    """Return the picture of replays of one workload, by policy; raises as ``require_png``."""
    figure = _figure_type()(figsize=(8, 7), layout="constrained")
    figure.suptitle(f"{workload.name}, {workload.processors} processors")
    waits, use = figure.subplots(2)
    for at, (name, ran) in enumerate(replays.items()):
        colour = COLOURS[at % len(COLOURS)]
        waits.plot(*_columns(waits_by_share([one.wait_s for one in ran])), colour, label=name)
        use.plot(*_columns(use_by_time(workload, ran)), colour)
    waits.set_title("jobs that waited at most")
    waits.set_xticks(*_columns(wait_marks()))
    waits.legend()
    use.set_title("processors in use")
    use.set_xticks((0, 1), ("begin", "end"))
    for chart in (waits, use):
        chart.set_ylim(0, 1)
        chart.grid(visible=True, axis="y")
    picture = BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def require_png() -> None:
    """Raise InvalidSpec, which says what to install, where no PNG can be drawn."""
    _figure_type()


def _figure_type() -> Any:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - optional, and slow to load
    except ImportError:
        raise InvalidSpec(
            "a PNG is drawn by Matplotlib, which is not installed",
            cure="pip install 'jupyter-hpccontainers[plots]', or name the file .svg or .html",
            field="draw",
        ) from None
    return Figure


def _columns(points: Sequence[tuple[Any, Any]]) -> tuple[list[Any], list[Any]]:
    return [x for x, _ in points], [y for _, y in points]
