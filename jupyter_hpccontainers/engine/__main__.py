"""``python -m jupyter_hpccontainers.engine``: run the engine in the foreground."""

from __future__ import annotations

from .app import Engine

if __name__ == "__main__":
    Engine.launch_instance()
