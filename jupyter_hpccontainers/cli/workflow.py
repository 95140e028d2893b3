"""``workflow``: submit jobs that name each other, all of them or none."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..client.options import seen_from_here
from ..client.tables import jobs_table
from ..model.errors import InvalidSpec
from ..model.workflow import NamedSpec, workflow_from_request
from .door import Subparsers, add_json, connect, print_json, subcommand


def declare(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    text = "submit jobs that name each other, all of them or none"
    parser = subcommand(subparsers, "workflow", text, _workflow)
    add = parser.add_argument
    add(
        "file",
        metavar="FILE",
        help='JSON (-: standard input): {"jobs": {"a": {"image": …}, "b": {"image": …, '
        '"after": "a"}}}; dependencies take afternotok:a and a_3, a task of the array a',
    )
    add("--key", help="submit at most once for this key, however often it is repeated")
    add("--dot", action="store_true", help="print the graph for Graphviz; submit nothing")
    add_json(parser)


def _workflow(options: argparse.Namespace) -> int:
    jobs = _read(options.file)
    if options.dot:
        asked = workflow_from_request({"jobs": jobs}, time.time())
        print("digraph workflow {", *_dot(asked), "}", sep="\n")
        return 0
    # What is no job the engine refuses, in the words of every door.
    seen = {n: seen_from_here(job) if isinstance(job, Mapping) else job for n, job in jobs.items()}
    accepted = connect().submit_workflow(seen, key=options.key)
    if options.json:
        print_json(accepted)
    else:
        print(jobs_table(accepted.values()))
    return 0


def _read(file: str) -> Mapping[str, Any]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).expanduser().read_text("utf-8")
        asked = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidSpec(
            f"the workflow {file} cannot be read: {error}", cure="name a readable file of JSON"
        ) from None
    jobs = asked.get("jobs") if isinstance(asked, Mapping) and asked.keys() == {"jobs"} else None
    if not isinstance(jobs, Mapping):
        raise InvalidSpec(f"{file} holds no workflow", cure='write {"jobs": {"a": {"image": …}}}')
    return jobs


def _dot(jobs: Sequence[NamedSpec]) -> Iterator[str]:
    for job in jobs:
        yield f'  "{job.name}";'
        for edge in job.after:
            task = "" if edge.index is None else f" {edge.index}"
            yield f'  "{edge.name}" -> "{job.name}" [label="{edge.kind}{task}"];'
        for outer in job.spec.dependencies:
            yield f'  "{outer.parent}" -> "{job.name}" [label="{outer.kind}"];'
