"""``engine`` and ``doctor``: run, stop, back up and examine the engine itself."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from ..client import tables
from ..client.answers import Check, Health
from ..client.engine import EngineClient
from ..client.locate import interpreter, locate
from ..client.start import running_engine
from ..model.errors import EngineError, HpccError
from .door import Subparsers, add_json, connect, print_json, subcommand

_STOP_WITHIN_S = 30.0
_VERBS = ("run", "status", "stop", "drain", "resume", "backup")


def declare(subparsers: Subparsers) -> None:
    """Declare the subcommands."""
    parser = subcommand(subparsers, "doctor", "examine machine, runtimes and engine", _doctor)
    add_json(parser)
    text = "run the engine here, or: status, stop (jobs go on), drain, resume, backup FILE"
    parser = subcommand(subparsers, "engine", text, _engine)
    parser.add_argument("verb", nargs="?", choices=_VERBS, default="run")
    parser.add_argument("path", nargs="?", help="backup: a file that does not exist yet")
    add_json(parser)


def _doctor(options: argparse.Namespace) -> int:
    try:
        checks = connect().doctor()
    except EngineError as error:
        # The doctor has to say something above all when nothing works.
        checks = (Check("engine", False, error.message, error.cure),)
    if options.json:
        print_json({"checks": checks})
    else:
        print(tables.checks_lines(checks))
    return 0 if all(check.ok for check in checks) else 1


def _engine(options: argparse.Namespace) -> int:
    if options.verb == "run":
        return _run()
    if options.verb in {"drain", "resume"}:
        return _status(connect().drain(options.verb == "drain"), options.json)
    client = running_engine()
    if client is None:
        print("no engine runs", file=sys.stderr)
        return 0 if options.verb == "stop" else 1
    match options.verb:
        case "backup":
            return _backup(client, options.path)
        case "stop":
            return _stop(client, client.health())
        case _:
            return _status(client.health(), options.json)


def _run() -> int:
    """Become the engine, in the foreground; comes back only where it cannot."""
    place = locate(os.environ)
    if place.folder is None:
        raise EngineError(
            f"{place.socket} belongs to an engine that others start",
            cure="unset HPCCONTAINERS_SOCKET to run one of your own",
        )
    python = interpreter(place.folder)
    os.execv(python, [python, "-m", "jupyter_hpccontainers.engine"])  # noqa: S606 - no shell meant


def _status(health: Health, as_json: bool) -> int:
    if as_json:
        print_json(health)
    else:
        print(
            f"engine {health.engine} version {health.version}, user {health.user},"
            f" pid {health.pid}: {health.running} running, {health.pending} waiting"
            f"{', drained: nothing new starts' if health.drained else ''}"
        )
    return 0


def _stop(client: EngineClient, health: Health) -> int:
    client.stop()
    deadline = time.monotonic() + _STOP_WITHIN_S
    while Path(f"/proc/{health.pid}").exists() and _answers(client):
        if time.monotonic() > deadline:
            raise EngineError(
                f"the engine (pid {health.pid}) was told to stop and still answers",
                cure="look at its log; as a last resort kill it: jobs go on all the same",
            )
        time.sleep(0.05)
    print(f"the engine stopped; {health.running} running jobs go on", file=sys.stderr)
    return 0


def _backup(client: EngineClient, path: str | None) -> int:
    if path is None:
        raise EngineError("no file is named for the copy", cure="engine backup /path/of/a/new/file")
    print(client.backup(str(Path(path).absolute())))
    return 0


def _answers(client: EngineClient) -> bool:
    try:
        client.health()
    except HpccError:
        return False
    return True
