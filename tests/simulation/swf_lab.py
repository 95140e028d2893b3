"""Small logs, written by the tests that read them."""

from __future__ import annotations

import gzip
from pathlib import Path

from jupyter_hpccontainers.simulation.workload import LoggedJob, Workload

HEAD = "; Version: 2.2\n; MaxProcs: 4\n"


def line(
    number: int, submit: float, run: float, given: int = 1, asked: int = -1, limit: float = 100
) -> str:
    """Return one job's line; its user is 7."""
    return f"{number} {submit} 5 {run} {given} -1 -1 {asked} {limit} -1 1 7 1 -1 -1 -1 -1 -1\n"


def log(folder: Path, *lines: str, head: str = HEAD, name: str = "small.swf") -> Path:
    """Write a log, compressed where its name says so."""
    path = folder / name
    text = head + "".join(lines)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def logged(number: int, submit: float, run: float, size: int = 1, limit: float = 0) -> LoggedJob:
    """Return a job; its limit is its run time unless told."""
    return LoggedJob(number, float(submit), float(run), size, float(limit or run))


def workload(*jobs: LoggedJob, processors: int = 4) -> Workload:
    """Return a workload."""
    return Workload("small", processors, jobs)
