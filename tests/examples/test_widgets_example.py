"""The widgets' example through a real kernel: the form's job runs, every widget is shown."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat

TREE = Path(__file__).resolve().parents[2]
CARD = "application/vnd.hpccontainers.job+json"
VIEW = "application/vnd.jupyter.widget-view+json"


def test_the_example_runs_and_shows_every_widget(engine: Any, tiny_image: str) -> None:
    notebook = engine.workdir / "widgets.ipynb"
    shutil.copy(TREE / "examples/widgets.ipynb", notebook)
    done = subprocess.run(
        [sys.executable, str(TREE / "scripts/run_notebook.py"), str(notebook)],
        env={**engine.env, "HPCC_DEMO_IMAGE": tiny_image},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (job,) = engine.client.jobs()
    assert job.result == "COMPLETED"
    assert job.spec.name == "five steps"
    assert job.spec.resources.memory_bytes == 128 * 2**20

    launcher, listed, view, printed, queue = shown(notebook)
    assert VIEW in launcher
    assert "five steps" in listed["text/plain"]
    assert view[CARD]["job"] == job.id
    assert printed["text"].splitlines()[-1] == "step 5 of 5"
    assert VIEW in queue


def shown(notebook: Path) -> list[dict[str, Any]]:
    """Return what each cell with an output shows."""
    cells = nbformat.read(notebook, as_version=4).cells
    outputs = [cell.outputs[0] for cell in cells if cell.cell_type == "code" and cell.outputs]
    return [output.get("data", output) for output in outputs]
