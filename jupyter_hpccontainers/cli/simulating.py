"""``simulate``: replay logs of jobs under several policies, and compare them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..client.engine import EngineClient
from ..model.errors import InvalidSpec, NotFound
from ..model.job import Job
from ..simulation.comparison import FOR_LAB, FOR_LOGS, POLICIES, Compared, Shaking, Spread
from ..simulation.drawing import draw_html, draw_svg
from ..simulation.lab import lab
from ..simulation.picture import draw_png, require_png
from ..simulation.records import from_records
from ..simulation.replay import Ran
from ..simulation.swf import read_swf
from ..simulation.together import compare_all
from ..simulation.workload import Workload, half, without_estimates
from .door import Subparsers, add_json, connect, print_json, subcommand

_HEAD = ("policy", "AVEbsld", "p95", "p99", "mean wait", "longest wait", "used", "replayed in")
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
    add("--repeat", type=int, default=1, metavar="N", help="replay N times; figures are means")
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
    shaking = Shaking(options.repeat, options.shake, options.seed)
    # A damaged log is said before any of them is replayed.
    workloads = list(_workloads(options))
    compared = compare_all(workloads, names, shaking, _Teller())
    if options.draw:
        _draw(options.draw, workloads[0], compared[0])
    both = list(zip(workloads, compared, strict=True))
    if options.json:
        several = len(both) > 1
        print_json([_row(one, w.name if several else "") for w, some in both for one in some])
    else:
        print("\n\n".join(_table(workload, shaking, some) for workload, some in both))
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


def _row(one: Compared, log: str) -> dict[str, Any]:
    """Return one policy's figures for programs; of several logs each row names its own."""
    row = ({"log": log} if log else {}) | asdict(one.mean)
    if len(one.replays) > 1:
        row["replays"] = [asdict(replay) for replay in one.replays]
        row["against_easy"] = {name: asdict(spread) for name, spread in one.against_easy.items()}
    return row


def _table(workload: Workload, shaking: Shaking, compared: Sequence[Compared]) -> str:
    jobs = compared[0].mean.jobs
    about = f"{workload.name}: {jobs} jobs on {workload.processors} processors"
    if shaking.repeat > 1:
        about += f", mean of {shaking.repeat} replays shaken by up to {shaking.most_s:g} s"
    lines = [about, *_columns([_HEAD, *(_figures(one) for one in compared)])]
    ratios = [
        (one.mean.policy, *(_ratio(spread) for spread in one.against_easy.values()))
        for one in compared
        if one.against_easy
    ]
    if len(ratios) > 1:
        head = ("against easy", "AVEbsld", "mean wait", "longest wait")
        lines += ["", *_columns([head, *ratios])]
    return "\n".join(lines)


def _figures(one: Compared) -> tuple[str, ...]:
    mean = one.mean
    return (
        mean.policy,
        f"{mean.avebsld:.2f}",
        f"{mean.p95_bsld:.1f}",
        f"{mean.p99_bsld:.1f}",
        f"{mean.mean_wait_s:.0f} s",
        f"{mean.max_wait_h:.1f} h",
        f"{mean.utilisation:.1%}",
        f"{mean.wall_s:.1f} s",
    )


def _ratio(spread: Spread) -> str:
    return f"{spread.mean:.3f} [{spread.least:.3f}, {spread.most:.3f}]"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
