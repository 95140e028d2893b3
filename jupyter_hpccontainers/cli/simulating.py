"""``simulate``: replay a log of jobs under several policies, and compare them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..model.errors import InvalidSpec, NotFound
from ..simulation.comparison import POLICIES, Compared, Shaking, Spread, compare
from ..simulation.drawing import draw_html, draw_svg
from ..simulation.lab import lab
from ..simulation.swf import read_swf
from ..simulation.workload import Workload, half, without_estimates
from .door import Subparsers, add_json, print_json, subcommand

_HEAD = ("policy", "AVEbsld", "p95", "p99", "mean wait", "longest wait", "used", "replayed in")
_TOLD_EVERY_S = 0.2
_DRAWN = {".svg": draw_svg, ".html": draw_html}


def declare(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subcommand(
        subparsers, "simulate", "replay a log of jobs through the scheduler, compare policies", _run
    )
    add = parser.add_argument
    add("log", type=Path, nargs="?", metavar="LOG.swf[.gz]", help="in Standard Workload Format")
    add(
        "--workload", choices=["lab"], help="instead of a log: lab, a small machine made up by seed"
    )
    add(
        "--policy",
        action="append",
        metavar="NAME",
        help=f"one or more, with commas or repeated, of {', '.join(POLICIES)} (all)",
    )
    add("--repeat", type=int, default=1, metavar="N", help="replay N times; figures are means")
    add("--shake", type=float, default=0.0, metavar="S", help="submissions later by 0 to S seconds")
    add("--seed", type=int, default=1, metavar="K", help="of the shaking, and of what is made up")
    add("--half", choices=["first", "second"], help="only these jobs of the log")
    add("--no-estimates", action="store_true", help="as if every user asked for the longest limit")
    add("--draw", type=Path, metavar="FILE", help="draw waits and use into FILE.svg or FILE.html")
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    if options.repeat < 1 or options.shake < 0:
        raise InvalidSpec(
            "nothing to replay", cure="repeat at least once, shake by 0 s or more", field="repeat"
        )
    if options.draw and options.draw.suffix not in _DRAWN:
        known = " or ".join(_DRAWN)
        raise InvalidSpec(f"can't draw {options.draw}", cure=f"name it {known}", field="draw")
    workload = _workload(options)
    names = [name for given in options.policy or [",".join(POLICIES)] for name in given.split(",")]
    shaking = Shaking(options.repeat, options.shake, options.seed)
    compared = compare(workload, names, shaking, _Teller())
    if options.draw:
        _draw(options.draw, workload, compared)
    if options.json:
        print_json([_row(one) for one in compared])
    else:
        print(_table(workload, shaking, compared))
    return 0


def _draw(path: Path, workload: Workload, compared: Sequence[Compared]) -> None:
    drawn = _DRAWN[path.suffix](workload, {one.mean.policy: one.first for one in compared})
    try:
        path.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise NotFound(
            f"can't write {path}: {error.strerror}", cure="name a folder that is there"
        ) from None


def _workload(options: argparse.Namespace) -> Workload:
    if (options.log is None) == (options.workload is None):
        raise InvalidSpec("what to replay?", cure="give a log, or --workload lab", field="log")
    workload = read_swf(options.log) if options.log else lab(options.seed)
    if options.half:
        workload = half(workload, second=options.half == "second")
    return without_estimates(workload) if options.no_estimates else workload


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


def _row(one: Compared) -> dict[str, Any]:
    """Return one policy's figures for programs."""
    row = asdict(one.mean)
    if len(one.replays) > 1:
        row["replays"] = [asdict(replay) for replay in one.replays]
    if one.against_easy:
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
