"""The version of this package, for doors and engine to agree on."""

from __future__ import annotations

__version__ = "0.1.0"
