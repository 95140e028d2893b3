"""The table of what people, or projects, may hold together: read, and checked once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from ..model.errors import InvalidSpec

#: By name, ``*`` for whoever is not named: the most cores, jobs and GPUs held at once.
Limits: TypeAlias = Mapping[str, Mapping[str, int]]

UNITS = ("cores", "jobs", "gpus")
_EVERYONE = "*"


def limits_of(limits: Limits, name: str) -> Mapping[str, int]:
    """Return the limits of one name, empty where there is none; nobody's name has none."""
    if not name:
        return {}
    return limits.get(name, limits.get(_EVERYONE, {}))


def check_limits(limits: Limits, field: str) -> None:
    """Raise InvalidSpec naming ``field`` where a unit is not known or a number is negative."""
    for name, units in limits.items():
        for unit, most in units.items():
            if unit not in UNITS:
                raise InvalidSpec(
                    f"{field}: {name} is limited in {unit!r}, which is not counted",
                    cure=f"one of {', '.join(UNITS)}",
                    field=field,
                )
            if isinstance(most, bool) or not isinstance(most, int) or most < 0:
                raise InvalidSpec(
                    f"{field}: {most!r} {unit} for {name} is not a number from 0",
                    cure="give 0, 1, 2 …",
                    field=field,
                )
