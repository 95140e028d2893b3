"""Commands to jobs that are there: stop, wait for, hold, suspend, change, extend …"""

from __future__ import annotations

import argparse
import time

from ..client.lines import exit_status, headline
from ..client.options import CHANGES, add_change_options
from ..client.tables import jobs_table
from ..model.errors import InvalidSpec
from ..model.job import Job
from ..model.quantities import parse_duration
from .door import Subparsers, add_json, connect, print_json, subcommand
from .following import Follower


def declare(subparsers: Subparsers) -> None:
    """Declare the subcommands."""
    parser = subcommand(subparsers, "cancel", "stop jobs: TERM, grace, KILL", _cancel)
    parser.add_argument("jobs", nargs="*", metavar="JOB")
    parser.add_argument("--tag", default="", help="all jobs with this tag")
    parser.add_argument("--now", action="store_true", help="KILL at once")
    add_json(parser)
    parser = subcommand(subparsers, "wait", "wait for jobs and exit as the first to fail", _wait)
    parser.add_argument("jobs", nargs="+", metavar="JOB")
    parser.add_argument("--timeout", metavar="TIME", help="give up (exit 124) after, e.g., 10m")
    add_json(parser)
    _declare_changes(subparsers)


def _declare_changes(subparsers: Subparsers) -> None:
    text = "change what a waiting job asks for, or the time limit of a running one"
    parser = subcommand(subparsers, "change", text, _change)
    parser.add_argument("job", metavar="JOB")
    add_change_options(parser)
    add_json(parser)
    parser = subcommand(subparsers, "extend", "give a job more time than its limit", _extend)
    parser.add_argument("job", metavar="JOB")
    parser.add_argument("more", metavar="TIME", help="how much more, e.g. 30m")
    add_json(parser)
    for name, text, run in (
        ("hold", "keep waiting jobs back until they are released", _hold),
        ("release", "let held jobs go on", _release),
        ("suspend", "let running jobs stand still: they keep what they hold", _suspend),
        ("resume", "let suspended jobs run on", _resume),
    ):
        parser = subcommand(subparsers, name, text, run)
        parser.add_argument("jobs", nargs="+", metavar="JOB")
        add_json(parser)


def _cancel(options: argparse.Namespace) -> int:
    if bool(options.jobs) == bool(options.tag):
        raise InvalidSpec("no jobs are named", cure="name numbers, or one --tag")
    client = connect()
    ids = client.numbers(options.jobs)
    if options.tag and options.now:
        ids = [job.id for job in client.jobs(state="active", tag=options.tag, limit=10_000)]
    if options.now:
        told = tuple(client.cancel(job_id, kill=True) for job_id in ids)
    else:
        told = client.cancel_many(ids, tag=options.tag)
    if options.json:
        print_json(told)
    else:
        print(jobs_table(told))
    return 0


def _wait(options: argparse.Namespace) -> int:
    limit_s = parse_duration(options.timeout, "timeout") if options.timeout else None
    client = connect()
    ids = client.numbers(options.jobs)
    follower = Follower(client, dict.fromkeys(ids, 0))
    ended = follower.until_done(until=None if limit_s is None else time.monotonic() + limit_s)
    jobs = [ended[job_id] for job_id in ids if job_id in ended]
    if options.json:
        print_json(jobs if len(options.jobs) > 1 else jobs[0])
    else:
        print(*(headline(job) for job in jobs), sep="\n")
    if not all(job.done for job in jobs):
        # As timeout(1) exits.
        return 124
    return next((status for job in jobs if (status := exit_status(job))), 0)


def _change(options: argparse.Namespace) -> int:
    changes = {name: getattr(options, name) for name in CHANGES}
    client = connect()
    return _show([client.change(client.number(options.job), **changes)], options)


def _extend(options: argparse.Namespace) -> int:
    client = connect()
    return _show([client.extend(client.number(options.job), options.more)], options)


def _hold(options: argparse.Namespace) -> int:
    client = connect()
    return _show([client.hold(job_id) for job_id in client.numbers(options.jobs)], options)


def _release(options: argparse.Namespace) -> int:
    client = connect()
    return _show([client.release(job_id) for job_id in client.numbers(options.jobs)], options)


def _suspend(options: argparse.Namespace) -> int:
    client = connect()
    return _show([client.suspend(job_id) for job_id in client.numbers(options.jobs)], options)


def _resume(options: argparse.Namespace) -> int:
    client = connect()
    return _show([client.resume(job_id) for job_id in client.numbers(options.jobs)], options)


def _show(jobs: list[Job], options: argparse.Namespace) -> int:
    if options.json:
        print_json(jobs if len(jobs) > 1 else jobs[0])
    else:
        print(*(headline(job) for job in jobs), sep="\n")
    return 0
