"""Completion of the magics: subcommands, options, choices, and images that are here."""

from __future__ import annotations

import argparse

from ..client.start import running_engine
from ..model.errors import HpccError
from .grammar import SUBCOMMANDS, cell_parser


def completions(line: str, word: str) -> list[str]:
    """Return what may stand where ``word`` is being typed at the end of ``line``."""
    first, *before = line[: len(line) - len(word)].split() or [""]
    if "--" in before:
        return []
    parser = cell_parser()
    if not first.startswith("%%"):
        if not before:
            return [name for name in SUBCOMMANDS if name.startswith(word)]
        name = before.pop(0)
        if name not in SUBCOMMANDS:
            return []
        parser = SUBCOMMANDS[name]()
    return [text for text in _candidates(parser, before, word) if text.startswith(word)]


def _candidates(parser: argparse.ArgumentParser, before: list[str], word: str) -> list[str]:
    options = {name: action for action in parser._actions for name in action.option_strings}
    waiting = options.get(before[-1]) if before else None
    if waiting is not None and waiting.nargs != 0:
        return [str(choice) for choice in waiting.choices or ()]
    if word.startswith("-"):
        return list(options)
    takes_image = any(action.dest in {"image", "search"} for action in parser._actions)
    named = any(
        not given.startswith("-") and not (n and _takes_value(options.get(before[n - 1])))
        for n, given in enumerate(before)
    )
    return _images() if takes_image and not named else []


def _takes_value(action: argparse.Action | None) -> bool:
    return action is not None and action.nargs != 0


def _images() -> list[str]:
    """Return the images here; a Tab neither starts an engine nor shows an error."""
    try:
        client = running_engine()
        return [image.path or image.reference for image in client.images()] if client else []
    except HpccError:
        return []
