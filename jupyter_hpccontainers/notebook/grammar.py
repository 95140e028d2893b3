"""The options of the magics, declared: parsing, help and completion read them here."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from functools import partial

from IPython.core.error import UsageError
from IPython.core.magic_arguments import MagicArgumentParser

from ..client.options import add_change_options, add_job_options, split_command

_CELL_HELP = """Run this cell in a container: by its shebang, else by python3.

The job queues for its cores, memory and GPUs, its last lines are shown here while it runs, and
it fails the cell when it fails. Interrupt once to stop it, twice to kill it. Sets _job and
_exit_code. The working folder is this notebook's, mounted read-write at its own path."""

_LINE_HELP = """
%container run IMAGE [options] [-- ARGV…]   run a command, or the image's own
%container ps [-a] [--tag TAG] [-n N] [--tasks]  jobs that wait and run; -a: also those that ended
%container logs JOB [-f] [--stream both|stdout|stderr] [--tail LINES]
%container stop JOB… [--now] [--tag TAG]     stop jobs: TERM, grace, KILL; --now: KILL
%container hold JOB…, release JOB…           keep waiting jobs back; let them go on
%container suspend JOB…, resume JOB…         let running jobs stand still; let them run on
%container change JOB [-t TIME] [--priority CLASS] [-c N] [-m SIZE] [-g N] [--begin TIME]
%container extend JOB TIME                   more time than its limit, also while it runs
%container explain JOB                       why it waits and when it starts, or why it ended
%container explain IMAGE [options]           when such a job would start, what would start it now
%container images [TEXT]                     images on this machine
%container info                              the machine, what is in use, the engine"""


def cell_parser() -> argparse.ArgumentParser:
    """Return the parser of ``%%container`` and ``%container run``."""
    parser = _parser("container", _CELL_HELP)
    add_job_options(parser)
    add = parser.add_argument
    add("--dry-run", action="store_true", help="say when it would start; submit nothing")
    add("--detach", action="store_true", help="return at once with the job's card")
    add("--out", metavar="VAR", help="bind what it prints on stdout to this variable, as text")
    add("--no-raise", action="store_true", help="let the notebook go on when the job fails")
    add("--stream", action="store_true", help="print lines instead of showing the last ones")
    add("--expand", action="store_true", help="fill {expressions} of line and cell in")
    return parser


def parse_run(line: str) -> tuple[argparse.Namespace, list[str]]:
    """Return the options of a run and the argv after ``--``; raises UsageError."""
    before, command = split_command(words(line))
    return cell_parser().parse_args(before), command


def ps_parser() -> argparse.ArgumentParser:
    """Return the parser of ``ps``."""
    parser = _parser("container ps")
    parser.add_argument("-a", "--all", action="store_true")
    parser.add_argument("--tag", default="")
    parser.add_argument("-n", "--limit", type=int, default=20)
    parser.add_argument("--tasks", action="store_true")
    return parser


def logs_parser() -> argparse.ArgumentParser:
    """Return the parser of ``logs``."""
    parser = _parser("container logs")
    parser.add_argument("job")
    parser.add_argument("-f", "--follow", action="store_true")
    parser.add_argument("--stream", choices=["both", "stdout", "stderr"], default="both")
    parser.add_argument("--tail", type=int, metavar="LINES")
    return parser


def stop_parser() -> argparse.ArgumentParser:
    """Return the parser of ``stop``."""
    parser = _parser("container stop")
    parser.add_argument("jobs", nargs="*")
    parser.add_argument("--now", action="store_true")
    parser.add_argument("--tag", default="")
    return parser


def jobs_parser(name: str) -> argparse.ArgumentParser:
    """Return the parser of a subcommand that only names jobs."""
    parser = _parser(f"container {name}")
    parser.add_argument("jobs", nargs="+")
    return parser


def change_parser() -> argparse.ArgumentParser:
    """Return the parser of ``change``."""
    parser = _parser("container change")
    parser.add_argument("job")
    add_change_options(parser)
    return parser


def extend_parser() -> argparse.ArgumentParser:
    """Return the parser of ``extend``."""
    parser = _parser("container extend")
    parser.add_argument("job")
    parser.add_argument("more", metavar="TIME")
    return parser


def names_job(line: str) -> bool:
    """Whether ``explain`` is asked about a job by number, or for help; else it names an image."""
    first = line.split(maxsplit=1)[:1]
    return not first or first[0].isdigit() or first[0].startswith("-")


def explain_parser() -> argparse.ArgumentParser:
    """Return the parser of ``explain``."""
    parser = _parser("container explain")
    parser.add_argument("job")
    return parser


def images_parser() -> argparse.ArgumentParser:
    """Return the parser of ``images``."""
    parser = _parser("container images")
    parser.add_argument("search", nargs="?", default="")
    return parser


def info_parser() -> argparse.ArgumentParser:
    """Return the parser of ``info``."""
    return _parser("container info")


#: The parser of every ``%container`` subcommand.
SUBCOMMANDS: dict[str, Callable[[], argparse.ArgumentParser]] = {
    "run": cell_parser,
    "ps": ps_parser,
    "logs": logs_parser,
    "stop": stop_parser,
    "hold": partial(jobs_parser, "hold"),
    "release": partial(jobs_parser, "release"),
    "suspend": partial(jobs_parser, "suspend"),
    "resume": partial(jobs_parser, "resume"),
    "change": change_parser,
    "extend": extend_parser,
    "info": info_parser,
    "images": images_parser,
    "explain": explain_parser,
}


def words(line: str) -> list[str]:
    """Return the words of a line, quoted as in a shell; raises UsageError."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"the line does not parse: {error}; close the quotes") from None


def help_text() -> str:
    """Return what ``%%container?`` shows."""
    return f"{cell_parser().format_help().rstrip()}\n{_LINE_HELP}\n"


def _parser(name: str, description: str = "") -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = MagicArgumentParser(  # type: ignore[no-untyped-call]
        name, description=description
    )
    parser.allow_abbrev = False
    return parser
