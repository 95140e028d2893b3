"""Reads logs in the Standard Workload Format, version 2.2, plain or compressed with gzip.

Source: Chapin et al., "Benchmarks and standards for the evaluation of parallel job schedulers",
JSSPP 1999. A job is a line of 18 numbers, -1 where unknown; a line that begins with ``;`` is the
header's. Jobs are filtered as in Gaussier et al., SC'15 ("strong filter"): dropped are those that
were given or asked for more processors than the machine has, those that ran or asked for no time,
and those submitted before the log begins; what ran past its limit is cut at it.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from ..model.errors import InvalidSpec, NotFound
from .workload import LoggedJob, Workload, in_order

_FIELDS = 18
_PROCESSORS = re.compile(r";\s*MaxProcs:\s*(\d+)")


def read_swf(path: Path) -> Workload:
    """Return the jobs of a log.

    Raises NotFound without such a file, and InvalidSpec naming the line that is damaged, or when
    the header does not say how many processors there were, or when no job is left.
    """
    processors = 0
    jobs: list[LoggedJob] = []
    for number, line in enumerate(_lines(path), start=1):
        if line.startswith(";"):
            found = _PROCESSORS.match(line)
            processors = int(found[1]) if found else processors
        elif line.strip():
            _require_processors(path, processors)
            job = _job(path, number, line, processors)
            jobs += [] if job is None else [job]
    if not jobs:
        raise InvalidSpec(f"{path} holds no job", cure="give a log of jobs in SWF", field="log")
    return Workload(path.name.split(".swf")[0], processors, in_order(jobs))


def _lines(path: Path) -> Iterator[str]:
    try:
        with gzip.open(path, "rt", errors="replace") as lines:
            yield from lines
    except gzip.BadGzipFile:
        with path.open(errors="replace") as lines:
            yield from lines
    except EOFError:
        raise InvalidSpec(f"{path} ends too early", cure="fetch it again", field="log") from None
    except OSError as error:
        reason = error.strerror or error
        raise NotFound(f"can't read {path}: {reason}", cure="name a log that is there") from None


def _require_processors(path: Path, processors: int) -> None:
    if processors < 1:
        raise InvalidSpec(
            f"{path} does not say how many processors the machine had",
            cure="add a line '; MaxProcs: 100' at its beginning",
            field="log",
        )


def _job(path: Path, number: int, line: str, processors: int) -> LoggedJob | None:
    """Return the job of a line; None when the filter drops it."""
    words = line.split()
    try:
        if len(words) != _FIELDS:
            raise ValueError(f"{len(words)} numbers instead of {_FIELDS}")
        job, submit, _, run, given, _, _, asked, limit = (float(word) for word in words[:9])
    except ValueError as error:
        raise InvalidSpec(
            f"line {number} of {path} is damaged: {error}", cure="mend or remove it", field="log"
        ) from None
    if max(given, asked) > processors or run <= 0 or limit <= 0 or submit < 0:
        return None
    size = int(asked if asked > 0 else given)
    if size < 1:
        return None
    return LoggedJob(int(job), submit, min(run, limit), size, limit, user=words[11])
