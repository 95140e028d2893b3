"""What ``%%container`` and ``%container`` do, once a line is parsed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from ..client import tables
from ..client.engine import EngineClient
from ..client.options import CHANGES
from ..model.errors import InvalidSpec
from ..model.job import Job as Record
from . import grammar
from .connection import connect
from .listing import Listing, images_listing, jobs_listing
from .one_line import one_line_errors
from .python import Job, say
from .run import Run, attend
from .script import expanded, written_body

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def cell_command(shell: InteractiveShell, line: str, cell: str) -> None:
    """Run the body of a cell; raises what went wrong, shown as one line."""
    with one_line_errors():
        options, command = grammar.parse_run(line)
        body = written_body(shell, line, cell)
        if options.expand:
            options, command = grammar.parse_run(expanded(shell, line))
            body = expanded(shell, body)
        if command:
            raise InvalidSpec(
                "a cell has a script and can have no command after --",
                cure="use %container run, or put the command into the cell",
                field="command",
            )
        Run(shell, options).start({"script": body})


def line_command(shell: InteractiveShell, line: str) -> Any:
    """Do what a subcommand says and return what there is to see."""
    name, _, rest = line.strip().partition(" ")
    if name in {"", "help", "--help", "-h"}:
        print(grammar.help_text())
        return None
    command = _COMMANDS.get(name)
    if command is None:
        raise UsageError(
            f"%container {name[:40]} is not known; one of {', '.join(_COMMANDS)} "
            "(%%container IMAGE runs a cell)"
        )
    with one_line_errors():
        return command(shell, rest)


def _run(shell: InteractiveShell, line: str) -> None:
    options, command = grammar.parse_run(line)
    if options.expand:
        options, command = grammar.parse_run(expanded(shell, line))
    Run(shell, options).start({"command": command} if command else {})


def _ps(shell: InteractiveShell, line: str) -> Listing[Job]:
    options = grammar.ps_parser().parse_args(grammar.words(line))
    client = connect(say)
    state = "" if options.all else "active"
    found = client.jobs(state=state, tag=options.tag, limit=options.limit, tasks=options.tasks)
    return jobs_listing(found, [Job(record, client) for record in found])


def _logs(shell: InteractiveShell, line: str) -> None:
    options = grammar.logs_parser().parse_args(grammar.words(line))
    client = connect(say)
    if options.follow:
        attend(shell, client.job(client.number(options.job)), client, stream=options.stream)
        return
    text = client.whole_log(client.number(options.job), stream=options.stream).decode(
        errors="replace"
    )
    if options.tail is not None:
        text = "".join(text.splitlines(keepends=True)[-options.tail :] if options.tail > 0 else [])
    print(text, end="" if text.endswith("\n") else os.linesep)


def _stop(shell: InteractiveShell, line: str) -> Listing[Job]:
    options = grammar.stop_parser().parse_args(grammar.words(line))
    if bool(options.jobs) == bool(options.tag):
        raise UsageError("name jobs by number, or a --tag")
    client = connect(say)
    if options.now and options.jobs:
        told = tuple(client.cancel(job_id, kill=True) for job_id in client.numbers(options.jobs))
    else:
        told = client.cancel_many(client.numbers(options.jobs), tag=options.tag)
    return _listed(told, client)


def _hold(shell: InteractiveShell, line: str) -> Listing[Job]:
    options = grammar.jobs_parser("hold").parse_args(grammar.words(line))
    client = connect(say)
    return _listed([client.hold(job_id) for job_id in client.numbers(options.jobs)], client)


def _release(shell: InteractiveShell, line: str) -> Listing[Job]:
    options = grammar.jobs_parser("release").parse_args(grammar.words(line))
    client = connect(say)
    return _listed([client.release(job_id) for job_id in client.numbers(options.jobs)], client)


def _suspend(shell: InteractiveShell, line: str) -> Listing[Job]:
    options = grammar.jobs_parser("suspend").parse_args(grammar.words(line))
    client = connect(say)
    return _listed([client.suspend(job_id) for job_id in client.numbers(options.jobs)], client)


def _resume(shell: InteractiveShell, line: str) -> Listing[Job]:
    options = grammar.jobs_parser("resume").parse_args(grammar.words(line))
    client = connect(say)
    return _listed([client.resume(job_id) for job_id in client.numbers(options.jobs)], client)


def _change(shell: InteractiveShell, line: str) -> Listing[Job]:
    options = grammar.change_parser().parse_args(grammar.words(line))
    changes = {name: getattr(options, name) for name in CHANGES}
    client = connect(say)
    return _listed([client.change(client.number(options.job), **changes)], client)


def _extend(shell: InteractiveShell, line: str) -> Listing[Job]:
    options = grammar.extend_parser().parse_args(grammar.words(line))
    client = connect(say)
    return _listed([client.extend(client.number(options.job), options.more)], client)


def _listed(records: Sequence[Record], client: EngineClient) -> Listing[Job]:
    return jobs_listing(records, [Job(record, client) for record in records])


def _explain(shell: InteractiveShell, line: str) -> None:
    if not grammar.names_job(line):
        _run(shell, f"--dry-run {line}")
        return
    options = grammar.explain_parser().parse_args(grammar.words(line))
    client = connect(say)
    print(tables.explanation_lines(client.explain(client.number(options.job))))


def _images(shell: InteractiveShell, line: str) -> Listing[Any]:
    options = grammar.images_parser().parse_args(grammar.words(line))
    return images_listing(connect(say).images(options.search))


def _info(shell: InteractiveShell, line: str) -> None:
    grammar.info_parser().parse_args(grammar.words(line))
    client = connect(say)
    print(tables.machine_lines(client.machine(), client.health()))


_COMMANDS = {
    "run": _run,
    "ps": _ps,
    "logs": _logs,
    "stop": _stop,
    "hold": _hold,
    "release": _release,
    "suspend": _suspend,
    "resume": _resume,
    "change": _change,
    "extend": _extend,
    "info": _info,
    "images": _images,
    "explain": _explain,
}
