"""What the demo prints of a display that changes in place: each line once."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/run_notebook.py"


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_notebook", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("before", "now", "printed"),
    [
        ([], ["PENDING"], ["PENDING"]),
        (["PENDING"], ["RUNNING"], ["RUNNING"]),
        (["RUNNING"], ["RUNNING", "a"], ["a"]),
        (["RUNNING", "a", "b"], ["RUNNING", "b", "c"], ["c"]),
        (["RUNNING", "a"], ["DONE", "a", "b"], ["DONE", "b"]),
        (["DONE", "a"], ["DONE", "a"], []),
        (["RUNNING", "a", "lin"], ["RUNNING", "a", "line", "b"], ["line", "b"]),
        (["RUNNING", "a", "a"], ["RUNNING", "a", "a", "a"], ["a"]),
    ],
)
def test_only_what_is_new_is_printed(
    runner: ModuleType, before: list[str], now: list[str], printed: list[str]
) -> None:
    assert runner.added(before, now) == printed


def notebook(folder: Path, *sources: str) -> Path:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    path = folder / "given.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def run(path: Path) -> subprocess.CompletedProcess[str]:
    command: list[Any] = [sys.executable, SCRIPT, path]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


def test_outputs_are_printed_and_saved(tmp_path: Path) -> None:
    path = notebook(tmp_path, "print('one')", "6 * 7")
    done = run(path)
    assert done.returncode == 0, done.stderr
    assert "one" in done.stdout.splitlines()
    assert "42" in done.stdout.splitlines()
    assert nbformat.read(path, as_version=4).cells[1].outputs[0].data["text/plain"] == "42"


def test_a_failed_cell_ends_the_run_with_its_error(tmp_path: Path) -> None:
    done = run(notebook(tmp_path, "1 / 0", "print('never')"))
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout
    assert "never" not in done.stdout.replace("print('never')", "")
