"""``list``, ``show``, ``explain``, ``images``, ``info``: what is there, as text or JSON."""

from __future__ import annotations

import argparse

from ..client import tables
from .door import Subparsers, add_json, connect, print_json, subcommand


def declare(subparsers: Subparsers) -> None:
    """Declare the subcommands."""
    _declare_list(subparsers)
    parser = subcommand(subparsers, "show", "show all that is known of jobs", _show)
    parser.add_argument("jobs", nargs="+", metavar="JOB")
    add_json(parser)
    parser = subcommand(subparsers, "explain", "say why a job waits, or why it ended", _explain)
    parser.add_argument("job", metavar="JOB")
    add_json(parser)
    parser = subcommand(subparsers, "images", "list the images on this machine", _images)
    parser.add_argument("search", nargs="?", default="", metavar="TEXT")
    add_json(parser)
    parser = subcommand(subparsers, "info", "show machine, use and engine", _info)
    add_json(parser)


def _declare_list(subparsers: Subparsers) -> None:
    parser = subcommand(subparsers, "list", "list jobs, newest first", _list)
    add = parser.add_argument
    add("-a", "--all", action="store_true", help="also those that ended")
    add("--state", default="", help="comma-separated states")
    add("--result", default="", help="comma-separated results: COMPLETED, FAILED, …")
    add("--tag", default="")
    add("--name", default="")
    add("-n", "--limit", type=int, default=100)
    add("--tasks", action="store_true", help="also each task of an array on a line of its own")
    add("--parsable", action="store_true", help="print bare job numbers")
    add_json(parser)


def _list(options: argparse.Namespace) -> int:
    ended = options.all or options.result
    jobs = connect().jobs(
        state=options.state or ("" if ended else "active"),
        result=options.result,
        tag=options.tag,
        name=options.name,
        limit=options.limit,
        tasks=options.tasks,
    )
    if options.json:
        print_json(jobs)
    elif options.parsable:
        print(*(job.id for job in jobs), sep="\n", end="\n" if jobs else "")
    else:
        print(tables.jobs_table(jobs))
    return 0


def _show(options: argparse.Namespace) -> int:
    client = connect()
    jobs = [client.job(job_id) for job_id in client.numbers(options.jobs)]
    if options.json:
        print_json(jobs if len(jobs) > 1 else jobs[0])
    else:
        print("\n\n".join(tables.job_lines(job) for job in jobs))
    return 0


def _explain(options: argparse.Namespace) -> int:
    client = connect()
    why = client.explain(client.number(options.job))
    if options.json:
        print_json(why)
    else:
        print(tables.explanation_lines(why))
    return 0


def _images(options: argparse.Namespace) -> int:
    images = connect().images(options.search)
    if options.json:
        print_json(images)
    else:
        print(tables.images_table(images))
    return 0


def _info(options: argparse.Namespace) -> int:
    client = connect()
    use, health = client.machine(), client.health()
    if options.json:
        print_json({"machine": use, "engine": health})
    else:
        print(tables.machine_lines(use, health))
    return 0
