"""What ``%load_ext jupyter_hpccontainers`` costs a fresh IPython process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from rounds import compare, report

ROUNDS = int(os.environ.get("ROUNDS", "12"))

LOAD = "get_ipython().run_line_magic('load_ext', 'jupyter_hpccontainers')"
TIMED = "import time; t = time.perf_counter(); {}; print('TOOK', time.perf_counter() - t)"


def ipython(code: str) -> str:
    """Run code in a fresh IPython without a profile of anybody's, return what it printed."""
    command = [sys.executable, "-m", "IPython", "--no-banner", "--colors=nocolor", "-c", code]
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "IPYTHONDIR": folder}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    return done.stdout


def whole(code: str) -> float:
    """Return the seconds of the whole process."""
    begun = time.perf_counter()
    ipython(code)
    return time.perf_counter() - begun


def inside(statement: str) -> float:
    """Return the seconds of one statement inside the process."""
    return float(ipython(TIMED.format(statement)).rsplit("TOOK", 1)[1])


def main() -> int:
    """Measure both."""
    report(
        "import",
        [
            compare(
                "%load_ext, against import ipywidgets",
                lambda: inside(LOAD),
                lambda: inside("import ipywidgets"),
                ROUNDS,
            ),
            compare(
                "IPython process that loads it, against a bare one",
                lambda: whole(LOAD),
                lambda: whole("pass"),
                ROUNDS,
            ),
        ],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
