"""``logs``: what a job wrote, so far or as it comes."""

from __future__ import annotations

import argparse
import sys

from ..client.engine import EngineClient
from ..model.errors import InvalidSpec
from .door import Subparsers, connect, subcommand
from .following import Follower, Output


def declare(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subcommand(subparsers, "logs", "print what a job wrote, byte for byte", _logs)
    add = parser.add_argument
    add("job", metavar="JOB")
    add("--attempt", type=int, metavar="N", help="only this attempt's (all, one after the other)")
    add("-f", "--follow", action="store_true", help="go on until it ends")
    add("--stream", choices=["both", "stdout", "stderr"], default="both", help="only this one")
    add(
        "--offset",
        type=int,
        default=0,
        metavar="BYTE",
        help="begin at this byte of the log; negative counts from its end",
    )


def _logs(options: argparse.Namespace) -> int:
    if options.offset and options.stream != "both":
        raise InvalidSpec(
            "--offset counts bytes of the whole log", cure="leave --stream away", field="offset"
        )
    if options.follow and options.attempt:
        raise InvalidSpec("only the whole log can be followed", cure="leave --attempt away")
    client = connect()
    job_id = client.number(options.job)
    if options.follow:
        begin = options.offset
        if begin < 0:
            begin = max(client.job(job_id).log_bytes + begin, 0)
        Follower(client, {job_id: begin}, output=Output(options.stream)).until_done()
        return 0
    _copy(client, job_id, options)
    return 0


def _copy(client: EngineClient, job_id: int, options: argparse.Namespace) -> None:
    """Write a log to stdout part by part: it may be larger than memory."""
    offset = options.offset
    while True:
        part = client.log(job_id, stream=options.stream, offset=offset, attempt=options.attempt)
        sys.stdout.buffer.write(part.data)
        offset = part.end
        if not part.data or offset >= part.size:
            return
