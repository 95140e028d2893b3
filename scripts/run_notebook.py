"""Run a notebook through a real kernel and print what each cell shows while it shows it.

run_notebook.py NOTEBOOK    the outputs are saved into the file; exit 1 at the first failed cell
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from traitlets.config import Config

CELL_TIMEOUT_S = 600
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def added(before: list[str], now: list[str]) -> list[str]:
    """Return the lines of an updated display that were not shown: its first line is a state line
    that changes in place, the rest a window on a growing text.

    >>> added(["PENDING"], ["RUNNING", "a"]), added(["RUNNING", "a", "b"], ["RUNNING", "b", "c"])
    (['RUNNING', 'a'], ['c'])
    """
    head = now[:1] if now[:1] != before[:1] else []
    old, new = before[1:], now[1:]
    for start in range(len(old)):
        known = len(old) - start
        if new[: known - 1] == old[start:-1] and "".join(new[known - 1 : known]).startswith(
            old[-1]
        ):
            # The last line may have been cut in the middle.
            grown = new[known - 1 : known] if new[known - 1 : known] != old[-1:] else []
            return head + grown + new[known:]
    return head + new


class PrintingClient(NotebookClient):
    """Executes a notebook and prints its messages as they come."""

    displays: dict[str, list[str]]

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Print a message, then let it become an output of the cell."""
        show(msg, self.displays)
        return super().process_message(msg, cell, cell_index)


def show(msg: dict[str, Any], displays: dict[str, list[str]]) -> None:
    """Print one message of a kernel; ``displays`` holds what each display showed last."""
    content = msg["content"]
    match msg["header"]["msg_type"]:
        case "stream":
            sys.stdout.write(content["text"])
        case "error":
            print(_COLOUR.sub("", "\n".join(content["traceback"])))
        case "display_data" | "execute_result" | "update_display_data":
            lines = str(content["data"].get("text/plain", "")).splitlines()
            name = content.get("transient", {}).get("display_id", "")
            for line in added(displays.get(name, []), lines):
                print(line)
            if name:
                displays[name] = lines
    sys.stdout.flush()


def main(path: Path) -> int:
    """Run the notebook of that path in its own folder."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory(prefix="hpcc-kernel-") as folder:
        client = PrintingClient(
            notebook,
            timeout=CELL_TIMEOUT_S,
            kernel_name="python3",
            # The kernel's channels are sockets in a folder of this user's, not ports.
            config=Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/channel"}}),
            resources={"metadata": {"path": str(path.parent)}},
            on_cell_start=lambda cell, cell_index: announce(cell),
        )
        client.displays = {}
        try:
            client.execute()
        except (CellExecutionError, DeadKernelError) as error:
            print(f"\n{path.name}: a cell failed: {type(error).__name__}", file=sys.stderr)
            return 1
        finally:
            nbformat.write(notebook, path)
    return 0


def announce(cell: Any) -> None:
    """Print a cell's source before it runs, its title when it is text."""
    mark = "In: " if cell.cell_type == "code" else "  # "
    print("\n" + "\n".join(mark + line for line in cell.source.splitlines()), flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
