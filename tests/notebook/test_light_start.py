"""Loading the extension loads nothing heavy, so that every kernel can afford it."""

from __future__ import annotations

import subprocess
import sys


def loaded_by(code: str) -> set[str]:
    """Return the modules that a statement adds to a Python that has IPython."""
    program = f"""
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
{code}
print(*sorted(set(sys.modules) - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


def test_load_ext_loads_only_the_magic_itself() -> None:
    loaded = loaded_by("shell.run_line_magic('load_ext', 'jupyter_hpccontainers')")
    own = {name for name in loaded if name.startswith("jupyter_hpccontainers.")}
    assert own - {"jupyter_hpccontainers.model", "jupyter_hpccontainers.model.version"} == {
        "jupyter_hpccontainers.notebook",
        "jupyter_hpccontainers.notebook.magics",
    }
    assert not loaded & {"http.client", "argparse", "dataclasses", "asyncio", "subprocess"}


def test_the_doors_need_the_standard_library_and_ipython_only() -> None:
    loaded = loaded_by("import jupyter_hpccontainers.notebook.commands")
    foreign = {"tornado", "traitlets.config.application", "docker", "jupyter_client", "zmq"}
    assert not loaded & (foreign | {"ipywidgets", "anywidget", "jupyter_server", "psutil"})
