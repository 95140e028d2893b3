"""The one parser of a change to a job: what any door sends becomes a SpecChange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from .errors import InvalidSpec
from .job import JobSpec, Priority
from .limit_signal import check_signal
from .moments import parse_begin
from .quantities import parse_duration
from .request import amounts_asked
from .wire import decode

_FIELDS = ("time_limit", "priority", "cores", "memory", "gpus", "begin")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecChange:
    """What a person wants otherwise; None leaves it as it is.

    Of a job that runs only the time limit can be changed, of one that waits all.
    """

    time_limit_s: int | None = None
    priority: Priority | None = None
    cores: int | None = None
    memory_bytes: int | None = None
    gpus: int | None = None
    begin_at: float | None = None

    @property
    def only_time_limit(self) -> bool:
        """Whether nothing but the time limit is to change."""
        return self._given().keys() == {"time_limit_s"}

    def applied_to(self, spec: JobSpec) -> JobSpec:
        """Return the spec as it is to be; raises InvalidSpec where its parts contradict."""
        given = self._given()
        amounts = {key: given.pop(key) for key in ("cores", "memory_bytes", "gpus") if key in given}
        changed = replace(spec, resources=replace(spec.resources, **amounts), **given)
        check_signal(changed.signal, changed.time_limit_s)
        return changed

    def _given(self) -> dict[str, Any]:
        named = {f.name: getattr(self, f.name) for f in fields(self)}
        return {key: value for key, value in named.items() if value is not None}


def change_from_request(body: Mapping[str, Any], now: float) -> SpecChange:
    """Return the change a request asks for; raises InvalidSpec naming the field.

    ``now`` (seconds since the epoch) is what ``+30m`` counts from.
    """
    for key in body:
        if key not in _FIELDS:
            raise InvalidSpec(
                f"{str(key)[:40]!r} can't be changed",
                cure=f"change {', '.join(_FIELDS)}",
                field=str(key)[:40],
            )
    given = {key: value for key, value in body.items() if value is not None}
    if not given:
        raise InvalidSpec("no change is named", cure=f"name one of {', '.join(_FIELDS)}")
    changed = {key: value for key, value in amounts_asked(given).items()}
    if "time_limit" in given:
        changed["time_limit_s"] = parse_duration(str(given["time_limit"]))
    if "priority" in given:
        changed["priority"] = given["priority"]
    if "begin" in given:
        changed["begin_at"] = parse_begin(str(given["begin"]), now)
    return decode(SpecChange, changed, "change")
