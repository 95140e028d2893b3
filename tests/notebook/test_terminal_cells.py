"""A cell in a terminal's IPython: lines are printed as they come, and all of them."""

from __future__ import annotations

import subprocess
import sys

from engine_fixture import IsolatedEngine, RunImage


def terminal(engine: IsolatedEngine, code: str) -> subprocess.CompletedProcess[str]:
    """Run a cell in IPython without a kernel."""
    cell = engine.folder / "cell.ipy"
    cell.write_text(code)
    options = ["--ext", "jupyter_hpccontainers", "--colors=NoColor", "--no-banner"]
    return subprocess.run(
        [sys.executable, "-m", "IPython", *options, str(cell)],
        env=engine.env, cwd=engine.workdir, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


def test_lines_are_printed_each_stream_apart_and_none_is_dropped(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    body = "import sys\nfor n in range(60_000):\n    print('line', n)\nprint('é', file=sys.stderr)"
    done = terminal(
        engine, f"%%container '{run_image.reference}' --runtime {run_image.runtime}\n{body}\n"
    )
    assert done.stdout.splitlines() == [f"line {n}" for n in range(60_000)]
    assert done.stderr.splitlines()[-1] == "é"


def test_a_failure_is_one_line(engine: IsolatedEngine, run_image: RunImage) -> None:
    done = terminal(
        engine,
        f"%%container '{run_image.reference}' --runtime {run_image.runtime}\nraise SystemExit(3)\n",
    )
    said = (done.stdout + done.stderr).strip().splitlines()
    assert [line for line in said if "JobFailed" in line and "exit code 3" in line]
    assert "Traceback" not in done.stdout + done.stderr
