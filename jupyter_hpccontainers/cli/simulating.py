"""``simulate``: replay logs of jobs under several policies, and compare them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ..client.engine import EngineClient
from ..model.errors import InvalidSpec, NotFound
from ..model.job import Job
from ..simulation.comparison import FOR_LAB, FOR_LOGS, POLICIES, Compared, Shaking
from ..simulation.drawing import draw_html, draw_svg
from ..simulation.lab import lab
from ..simulation.picture import draw_png, require_png
from ..simulation.records import from_records
from ..simulation.replay import Ran
from ..simulation.swf import read_swf
from ..simulation.together import compare_all
from ..simulation.workload import Workload, half, without_estimates
from .door import Subparsers, add_json, connect, print_json, subcommand
from .simulated import row, table

_TOLD_EVERY_S = 0.2
_DRAWN: Mapping[str, Callable[[Workload, Mapping[str, Sequence[Ran]]], str | bytes]] = {
    ".svg": draw_svg,
    ".html": draw_html,
    ".png": draw_png,
}
#: So many records are asked of the engine at a time.
_PAGE = 1000


def declare(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subcommand(
        subparsers, "simulate", "replay a log of jobs through the scheduler, compare policies", _run
    )
    add = parser.add_argument
    add("logs", type=Path, nargs="*", metavar="LOG.swf[.gz]", help="in Standard Workload Format")
    add(
        "--workload", choices=["lab"], help="instead of a log: lab, a small machine made up by seed"
    )
    add("--history", action="store_true", help="instead of a log: the jobs this engine has run")
    add(
        "--policy",
        action="append",
        metavar="NAME",
        help=f"one or more, with commas or repeated, of {', '.join(POLICIES)}"
        f" ({', '.join(FOR_LOGS)}; lab: {', '.join(FOR_LAB)})",
    )
    add(
        "--repeat",
        type=int,
        default=1,
        metavar="N",
        help="replay N times, figures are means; of what is made up N seeds",
    )
    add("--shake", type=float, default=0.0, metavar="S", help="submissions later by 0 to S seconds")
    add("--seed", type=int, default=1, metavar="K", help="of the shaking, and of what is made up")
    add("--half", choices=["first", "second"], help="only these jobs of the log")
    add("--no-estimates", action="store_true", help="as if every user asked for the longest limit")
    add("--draw", type=Path, metavar="FILE", help="draw waits and use: FILE.svg, .html or .png")
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    _check(options)
    usual = ",".join(FOR_LAB if options.workload else FOR_LOGS)
    names = [name for given in options.policy or [usual] for name in given.split(",")]
    remake = lab if options.workload else None
    shaking = Shaking(options.repeat, options.shake, options.seed, remake)
    # A damaged log is said before any of them is replayed.
    workloads = list(_workloads(options))
    compared = compare_all(workloads, names, shaking, _Teller())
    if options.draw:
        _draw(options.draw, workloads[0], compared[0])
    both = list(zip(workloads, compared, strict=True))
    if options.json:
        several = len(both) > 1
        print_json([row(one, w.name if several else "") for w, some in both for one in some])
    else:
        print("\n\n".join(table(workload, shaking, some) for workload, some in both))
    return 0


def _check(options: argparse.Namespace) -> None:
    """Raise InvalidSpec for what can't be done, before anything is replayed."""
    if options.repeat < 1 or options.shake < 0:
        raise InvalidSpec(
            "nothing to replay", cure="repeat at least once, shake by 0 s or more", field="repeat"
        )
    if bool(options.logs) + bool(options.workload) + options.history != 1:
        raise InvalidSpec(
            "what to replay?", cure="give a log, or --workload lab, or --history", field="log"
        )
    if options.draw and options.draw.suffix not in _DRAWN:
        known = " or ".join(_DRAWN)
        raise InvalidSpec(f"can't draw {options.draw}", cure=f"name it {known}", field="draw")
    if options.draw and len(options.logs) > 1:
        raise InvalidSpec("one picture shows one log", cure="draw each by itself", field="draw")
    if options.draw and options.draw.suffix == ".png":
        require_png()


def _draw(path: Path, workload: Workload, compared: Sequence[Compared]) -> None:
    drawn = _DRAWN[path.suffix](workload, {one.mean.policy: one.first for one in compared})
    try:
        path.write_bytes(drawn if isinstance(drawn, bytes) else drawn.encode())
    except OSError as error:
        raise NotFound(
            f"can't write {path}: {error.strerror}", cure="name a folder that is there"
        ) from None


def _workloads(options: argparse.Namespace) -> Iterator[Workload]:
    for workload in _given(options):
        part = half(workload, second=options.half == "second") if options.half else workload
        yield without_estimates(part) if options.no_estimates else part


def _given(options: argparse.Namespace) -> Iterator[Workload]:
    if options.history:
        client = connect()
        yield from_records(_records(client), len(client.machine().machine.cores))
    elif options.workload:
        yield lab(options.seed)
    yield from map(read_swf, options.logs)


def _records(client: EngineClient) -> Iterator[Job]:
    """Yield every record of the engine, newest first."""
    before = None
    while page := client.jobs(limit=_PAGE, before=before):
        yield from page
        before = page[-1].id


class _Teller:
    """Shows a person which policy replays and how far it is; nothing where nobody looks."""

    def __init__(self) -> None:
        self._shown_at = 0.0

    def __call__(self, policy: str, number: int, of: int, share: float) -> None:
        due = time.monotonic() - self._shown_at >= _TOLD_EVERY_S
        if not sys.stderr.isatty() or not (due or share >= 1):
            return
        self._shown_at = time.monotonic()
        which = f" {number} of {of}" if of > 1 else ""
        done = "\r\033[K" if share >= 1 else ""
        print(f"\r\033[K{policy}{which}: {share:.0%}{done}", end="", file=sys.stderr, flush=True)
