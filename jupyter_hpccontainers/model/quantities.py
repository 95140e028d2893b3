"""Amounts people type: memory and durations, parsed and echoed back in one place."""

from __future__ import annotations

import re

from .errors import InvalidSpec

_MEMORY_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt])(?:i?b|i)?", re.IGNORECASE)
_MEMORY_FORMS = "write it with a unit: 500m, 4g, 4Gi or 4GiB (all powers of 1024)"

_UNIT_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WORDED = re.compile(r"(?:\d+[dhms])+", re.IGNORECASE)
_SLURM = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")
_DURATION_FORMS = "write 90 (minutes), 1:30:00, 1-02:00:00 or 1h30m"

#: Longest time limit accepted: a year and a day; more is a typing error.
MAX_DURATION_S = 366 * 86_400
#: Most memory accepted, 1 PiB: more is a typing error.
MAX_MEMORY_BYTES = 2**50


def parse_memory(text: str, field: str = "memory") -> int:
    """Return the bytes meant by ``4g``, ``4G``, ``4Gi``, ``4GiB`` (all 4 x 2**30).

    Raises InvalidSpec for anything else; a bare number is refused because people mean
    different units by it.
    """
    stripped = text.strip()
    match = _MEMORY.fullmatch(stripped)
    if match is None:
        if re.fullmatch(r"\d+(\.\d+)?", stripped):
            raise InvalidSpec(
                f"memory {stripped!r} has no unit",
                cure=f"did you mean {stripped}m? {_MEMORY_FORMS}",
                field=field,
            )
        raise InvalidSpec(
            f"memory {stripped[:40]!r} is not an amount", cure=_MEMORY_FORMS, field=field
        )
    amount = int(float(match[1]) * _MEMORY_UNITS[match[2].lower()])
    if not 0 < amount <= MAX_MEMORY_BYTES:
        raise InvalidSpec(
            f"memory {stripped!r} is out of range",
            cure="ask for more than 0 and at most 1024t",
            field=field,
        )
    return amount


def parse_duration(text: str, field: str = "time_limit") -> int:
    """Return the seconds meant by Slurm's forms (sbatch(1), ``--time``) or ``1h30m``.

    ``90`` = 90 minutes, ``1:30`` = minutes and seconds, ``1:30:00``, ``1-02`` = days and hours,
    ``1-02:30``, ``1-02:30:00``. Raises InvalidSpec for anything else.
    """
    stripped = text.strip()
    seconds = _worded_seconds(stripped) if _WORDED.fullmatch(stripped) else _slurm_seconds(stripped)
    if seconds is None:
        raise InvalidSpec(
            f"time {stripped[:40]!r} is not a duration", cure=_DURATION_FORMS, field=field
        )
    if not 0 < seconds <= MAX_DURATION_S:
        raise InvalidSpec(
            f"time {stripped!r} is out of range",
            cure="ask for more than 0 and at most 366 days",
            field=field,
        )
    return seconds


def _worded_seconds(text: str) -> int | None:
    parts = re.findall(r"(\d+)([dhms])", text.lower())
    return sum(int(amount) * _UNIT_SECONDS[unit] for amount, unit in parts)


def _slurm_seconds(text: str) -> int | None:
    match = _SLURM.fullmatch(text)
    if match is None:
        return None
    days, first, second, third = (int(part) if part else 0 for part in match.groups())
    if match[1] is not None:
        return days * 86_400 + first * 3_600 + second * 60 + third
    if match[4] is not None:
        return first * 3_600 + second * 60 + third
    return first * 60 + second


def format_memory(amount: int) -> str:
    """Return bytes as people write them: ``512 MiB``, ``4 GiB``, ``1.5 GiB``."""
    value, unit = float(amount), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"


def format_duration(seconds: float) -> str:
    """Return seconds in words: ``45 s``, ``1 h 30 min``, ``2 d 4 h``."""
    rest = round(seconds)
    words = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        amount, rest = divmod(rest, size)
        if amount:
            words.append(f"{amount} {unit}")
    return " ".join(words[:2]) or "0 s"
