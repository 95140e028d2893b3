"""The signal a job is given some time before its time limit, in Slurm's form ``USR1@60``."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import InvalidSpec

_FORM = re.compile(r"(?:B:)?(?:SIG)?([A-Z0-9]+)(?:@([0-9]{1,9}))?", re.IGNORECASE)
_CURE = "write NAME@SECONDS, e.g. USR1@60"
#: As sbatch(1) has it.
_DEFAULT_S, _MOST_S = 60, 65_535
#: What a program can wait for, and what the init of a container passes on.
_NAMES = ("HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "TERM", "URG", "XCPU")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSignal:
    """A signal (``USR1``) for a job's main process, ``before_s`` seconds before its limit."""

    name: str
    before_s: int = _DEFAULT_S


def parse_signal(given: Any) -> LimitSignal:
    """Return the signal meant by ``USR1@60``, ``SIGUSR1``, ``10@60`` or an object.

    As for sbatch(1), ``--signal``: without seconds it is 60, and ``B:`` before it, the main
    process only, is what is always done here. Raises InvalidSpec for anything else.
    """
    if isinstance(given, Mapping):
        given = f"{given.get('name')}@{given.get('before_s', _DEFAULT_S)}"
    match = _FORM.fullmatch(str(given).strip())
    if match is None:
        raise _refused(f"{str(given)[:40]!r} is no signal before the time limit", _CURE)
    name, before_s = _name(match[1].upper()), int(match[2] or _DEFAULT_S)
    if name not in _NAMES:
        raise _refused(
            f"{match[1][:40]} is none that a program can be warned with",
            f"one of {', '.join(_NAMES)}",
        )
    if not 1 <= before_s <= _MOST_S:
        raise _refused(f"{before_s} seconds before the limit", f"1 to {_MOST_S} seconds")
    return LimitSignal(name=name, before_s=before_s)


def check_signal(asked: LimitSignal | None, limit_s: int | None) -> None:
    """Raise InvalidSpec where there is no time limit, or none that leaves time before it."""
    if asked is None:
        return
    if limit_s is None:
        raise _refused("a signal before the time limit, and no limit", "give a time limit, too")
    if asked.before_s >= limit_s:
        raise _refused(
            f"a signal {asked.before_s} s before a time limit of {limit_s} s would come at once",
            "a longer time limit, or fewer seconds",
        )


def _name(text: str) -> str:
    if not text.isdecimal():
        return text
    return next((known.name[3:] for known in signal.Signals if str(int(known)) == text), text)


def _refused(message: str, cure: str) -> InvalidSpec:
    return InvalidSpec(f"signal: {message}", cure=cure, field="signal")
