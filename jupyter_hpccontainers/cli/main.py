"""The command line: its subcommands, and errors as one line and an exit status."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence

from ..client.options import split_command
from ..model.errors import HpccError
from ..model.version import __version__
from . import controlling, engine, inspecting, output, simulating, submitting, workflow

#: Exit status of what went wrong at the door; jobs' own are passed through.
DOOR_ERROR = 2
_INTERRUPTED = 128 + signal.SIGINT

Subcommand = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit status."""
    words, command = split_command(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    options = parser.parse_args(words)
    if command and options.run is not submitting.submit:
        parser.error("only submit takes a command after --")
    options.command = command
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except HpccError as error:
        print(f"jupyter hpccontainers: {' '.join(str(error).split())}", file=sys.stderr)
        return DOOR_ERROR
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output is gone; nothing may be written while Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jupyter hpccontainers",
        description="Container jobs on this machine: submit, watch, stop.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    subcommands = parser.add_subparsers(title="subcommands", metavar="", required=True)
    for room in (submitting, workflow, inspecting, output, controlling, simulating, engine):
        room.declare(subcommands)
    return parser
