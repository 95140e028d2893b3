"""What ``simulate`` prints: figures of policies side by side, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from ..simulation.comparison import Compared, Shaking, Spread, groups_against_easy, waits_of
from ..simulation.workload import Workload

_HEAD = ("policy", "AVEbsld", "p95", "p99", "mean wait", "longest wait", "used", "replayed in")
_GROUPS_HEAD = ("policy", "jobs", "mean wait", "÷ easy", "longest wait", "÷ easy", "by next night")


def row(one: Compared, log: str) -> dict[str, Any]:
    """Return one policy's figures for programs; of several logs each row names its own."""
    figures = ({"log": log} if log else {}) | asdict(one.mean)
    if len(one.replays) > 1:
        figures["replays"] = [asdict(replay) for replay in one.replays]
        figures["against_easy"] = {
            name: asdict(spread) for name, spread in one.against_easy.items()
        }
    if one.groups:
        figures["groups"] = [{name: asdict(w) for name, w in some.items()} for some in one.groups]
    return figures


def table(workload: Workload, shaking: Shaking, compared: Sequence[Compared]) -> str:
    jobs = compared[0].mean.jobs
    about = f"{workload.name}: {jobs} jobs on {workload.processors} processors"
    if shaking.repeat > 1:
        about += f", mean of {shaking.repeat} replays"
        about += ", each with the next seed" if shaking.remake else ""
        about += f", shaken by up to {shaking.most_s:g} s" if shaking.most_s else ""
    lines = [about, *_columns([_HEAD, *(_figures(one) for one in compared)])]
    ratios = [
        (one.mean.policy, *(_ratio(spread) for spread in one.against_easy.values()))
        for one in compared
        if one.against_easy
    ]
    if len(ratios) > 1:
        head = ("against easy", "AVEbsld", "mean wait", "longest wait")
        lines += ["", *_columns([head, *ratios])]
    for group in compared[0].groups[0] if compared[0].groups else ():
        rows = [_group(compared, one, group) for one in compared]
        lines += ["", f"{group}:", *_columns([_GROUPS_HEAD, *rows])]
    return "\n".join(lines)


def _group(compared: Sequence[Compared], one: Compared, group: str) -> tuple[str, ...]:
    waits = waits_of(one, group)
    ratios = groups_against_easy(compared, one).get(group, {})
    longest = [some.max_wait_h for some in waits]
    return (
        one.mean.policy,
        str(sum(some.jobs for some in waits)),
        f"{fmean(some.mean_wait_s for some in waits):.0f} s",
        _ratio(ratios["mean_wait_s"]) if ratios else "",
        f"{min(longest):.0f}–{max(longest):.0f} h",
        _ratio(ratios["max_wait_h"]) if ratios else "",
        f"{fmean(some.by_next_night for some in waits):.1%}",
    )


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
