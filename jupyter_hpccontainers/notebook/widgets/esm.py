"""The page's side of a widget: the modules in ``static/`` joined into the one a widget carries."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_IMPORT = re.compile(r"""^import \{[^}]*\} from ["']\./(\w+)\.js["'];\n""", re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


@cache
def joined_module(name: str) -> str:
    """Return ``static/<name>.js`` after everything it imports, as one module without imports.

    A widget carries its module as text (anywidget's ``_esm``), in which nothing beside it can be
    imported; modules that are joined share one scope, so their names differ.
    """
    ordered: dict[str, str] = {}
    _collect(name, ordered)
    return "\n".join(ordered.values())


@cache
def style_sheet() -> str:
    """Return the style sheet that all widgets share."""
    return _text("widgets.css")


def _collect(name: str, ordered: dict[str, str]) -> None:
    source = _text(f"{name}.js")
    for imported in _IMPORT.findall(source):
        if imported not in ordered:
            _collect(imported, ordered)
    ordered[name] = _EXPORT.sub("", _IMPORT.sub("", source))


def _text(name: str) -> str:
    return (files(__package__) / "static" / name).read_text(encoding="utf-8")
