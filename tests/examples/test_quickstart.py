"""The quickstart, as ``make demo`` runs it: a real kernel, a real engine, real containers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
import pytest

TREE = Path(__file__).resolve().parents[2]
CARD = "application/vnd.hpccontainers.job+json"


@pytest.mark.timeout(300)
def test_quickstart_runs_queues_and_shows_what_goes_wrong(engine: Any, run_image: Any) -> None:
    notebook = engine.workdir / "quickstart.ipynb"
    shutil.copy(TREE / "examples/quickstart.ipynb", notebook)
    done = subprocess.run(
        [sys.executable, str(TREE / "scripts/run_notebook.py"), str(notebook)],
        env={**engine.env, "HPCC_DEMO_IMAGE": run_image.reference},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

    jobs = engine.client.jobs()
    assert {job.runtime.value for job in jobs} == {run_image.runtime}
    results = Counter(str(job.result.value) for job in jobs)
    assert results == {"COMPLETED": 7, "TIMEOUT": 1, "FAILED": 1}
    assert_half_of_the_machine_each([job for job in jobs if job.spec.name.startswith("part")])

    for shown in ("5 squared is 25", "PENDING", "waits for", "TIMEOUT", "exit code 3"):
        assert shown in done.stdout
    squares = engine.workdir / "squares.txt"
    assert squares.read_text() == "1 1\n2 4\n3 9\n4 16\n5 25\n"
    assert squares.stat().st_uid == engine.workdir.stat().st_uid
    assert sum(CARD in data for data in shown_bundles(notebook)) >= 2


def assert_half_of_the_machine_each(jobs: list[Any]) -> None:
    """At no moment did more than two of them run."""
    assert len(jobs) == 6
    for job in jobs:
        running = [other for other in jobs if other.started_at <= job.started_at < other.ended_at]
        assert len(running) <= 2


def shown_bundles(notebook: Path) -> list[dict[str, Any]]:
    cells = nbformat.read(notebook, as_version=4).cells
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    return [output.data for output in outputs if "data" in output]
