"""The one empty mapping, shared by all words that have no entries: an empty dict takes 64 bytes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

EMPTY: Mapping[str, Any] = MappingProxyType({})


def empty() -> Mapping[str, Any]:
    """Return it; nobody can put anything in."""
    return EMPTY
