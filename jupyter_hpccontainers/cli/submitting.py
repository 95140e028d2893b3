"""``submit``: send a job, and with ``--wait`` be it."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from ..client import tables
from ..client.lines import exit_status, failure, headline
from ..client.options import add_job_options, request_from
from ..model.errors import InvalidSpec
from ..model.request import MAX_REQUEST_BYTES
from ..model.states import Result
from .door import Subparsers, add_json, connect, print_json, subcommand
from .following import Follower, Output


def declare(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subcommand(subparsers, "submit", "submit a job: IMAGE [options] [-- ARGV…]", submit)
    add_job_options(parser)
    add = parser.add_argument
    add("--script", metavar="FILE", help="run this file in the container (-: standard input)")
    add("--key", help="submit at most once for this key, however often it is repeated")
    add("--wait", action="store_true", help="stream its output and exit as it does")
    add("--dry-run", action="store_true", help="say when it would start; submit nothing")
    add("--parsable", action="store_true", help="print the bare job number")
    add_json(parser)


def submit(options: argparse.Namespace) -> int:
    """Submit, print the number, and with ``--wait`` stream until the end."""
    request = {**request_from(options, os.environ), **_program(options)}
    client = connect()
    if options.dry_run:
        told = client.dry_run(request)
        print_json(told) if options.json else print(tables.dry_run_lines(told))
        return 0
    job = client.submit(request, key=options.key)
    if options.json:
        print_json(job)
    elif options.parsable:
        print(job.id)
    elif not options.wait:
        print(headline(job), *job.notes, sep="\n  ")
    sys.stdout.flush()
    if not options.wait:
        return 0
    follower = Follower(client, {job.id: 0}, Output(apart=True))
    ended = follower.until_done(stops=True)[job.id]
    if ended.result is not Result.COMPLETED:
        print(f"jupyter hpccontainers: {failure(ended).message}", file=sys.stderr)
    return exit_status(ended)


def _program(options: argparse.Namespace) -> dict[str, Any]:
    if options.script is None:
        return {"command": options.command} if options.command else {}
    if options.command:
        raise InvalidSpec("both --script and a command are given", cure="give one of them")
    return {"script": _script(options.script)}


def _script(path: str) -> str:
    try:
        if path == "-":
            data = sys.stdin.buffer.read(MAX_REQUEST_BYTES + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(MAX_REQUEST_BYTES + 1)
        return data.decode()
    except OSError as error:
        raise InvalidSpec(
            f"the script {path} cannot be read: {error.strerror}", cure="name a readable file"
        ) from None
    except UnicodeDecodeError:
        raise InvalidSpec(
            f"the script {path} is not UTF-8 text", cure="run a program with: -- ARGV…"
        ) from None
