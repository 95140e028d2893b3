"""How subcommands reach the engine and print: progress and errors on stderr, data on stdout."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

from ..client.engine import EngineClient
from ..client.start import open_engine
from ..model.wire import encode

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def connect() -> EngineClient:
    """Return a client of the engine, started if need be; says so only to a person."""
    return open_engine(progress=_say)


def subcommand(
    subparsers: Subparsers, name: str, help_text: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """Declare a subcommand and return its parser."""
    parser = subparsers.add_parser(name, help=help_text, description=help_text, allow_abbrev=False)
    parser.set_defaults(run=run)
    return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    """Declare ``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def print_json(data: Any) -> None:
    """Print data, or what becomes data, as one JSON document."""
    print(json.dumps(encode(data), indent=2, ensure_ascii=False))


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"jupyter hpccontainers: {text}", file=sys.stderr, flush=True)
