"""Where the engine keeps its state on disk."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir


def default_state_folder(environ: dict[str, str]) -> Path:
    """Return where database, logs and job folders go when nobody says otherwise.

    A root engine's jobs belong to other people, who must be able to reach their job folder:
    nothing below root's own home would do.
    """
    named = environ.get("HPCCONTAINERS_STATE_DIR")
    if named:
        return Path(named)
    if os.geteuid() == 0:
        return Path("/var/lib/hpccontainers")
    return Path(jupyter_data_dir()) / "hpccontainers" / socket.gethostname()
