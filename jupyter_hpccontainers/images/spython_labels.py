"""A program that reads the labels of SIF files by spython, apart from the engine.

spython prints what it does, ends the process on some mistakes and runs the literal command
``singularity``: so it has a process, a standard output and a PATH of its own. Paths come as a
JSON list on standard input; the last line of output is an object of path → labels.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def labels(path: str) -> dict[str, str]:
    """Return a file's labels; none when it can't be inspected (spython answers a return code)."""
    from spython.main import Client  # noqa: PLC0415

    try:
        found: Any = Client.inspect(path, quiet=True)
    except (Exception, SystemExit):
        return {}
    attributes = found.get("attributes", {}) if isinstance(found, dict) else {}
    given = attributes.get("labels") or {}
    return {str(key): str(value) for key, value in given.items()} if isinstance(given, dict) else {}


if __name__ == "__main__":
    answers = {path: labels(path) for path in json.load(sys.stdin)}
    print("\n" + json.dumps(answers))
