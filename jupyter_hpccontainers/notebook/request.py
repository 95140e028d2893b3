"""What Python's arguments ask for, as the request the engine reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ..client.options import seen_from_here
from ..model.job import Mount
from ..model.wire import encode


def python_request(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request: paths made absolute, this folder as working folder, no empty fields."""
    request = {key: value for key, value in asked.items() if not _absent(value)}
    request["image"] = str(asked["image"])
    request |= {key: _TYPED[key](request[key]) for key in _TYPED.keys() & request.keys()}
    if "command" in request and not isinstance(request["command"], str):
        request["command"] = [str(word) for word in request["command"]]
    if "env" in request:
        request["env"] = {str(key): str(value) for key, value in request["env"].items()}
    if isinstance(asked["tags"], str):
        request["tags"] = [asked["tags"]]
    elif "tags" in request:
        request["tags"] = list(request["tags"])
    if "labels" in request and not isinstance(request["labels"], str):
        request["labels"] = list(request["labels"])
    if "after" in request:
        request["after"] = _after(request["after"])
    if "array" in request or "max_running" in request:
        request["array"] = _array(request.get("array", ()), request.pop("max_running", None))
    if asked.get("requeue") is False:
        request["requeue"] = False
    request["mounts"] = [_mount(mount) for mount in asked["mounts"]]
    return seen_from_here(request)


def _absent(value: object) -> bool:
    # Not falsehood: 0 cores is a wrong request, and the engine has to say so.
    return value is None or value is False or value in ("", ())


def _after(after: Any) -> list[str]:
    several = not isinstance(after, str) and isinstance(after, Iterable)
    return [str(getattr(one, "id", one)) for one in (after if several else [after])]


def _array(array: Any, most: int | None) -> Any:
    if isinstance(array, str):
        return array if most is None else f"{array}%{most}"
    items = [item if isinstance(item, str) else str(item) for item in array]
    return {"items": items, "max_running": most}


def _mount(mount: str | Mount) -> Any:
    return encode(mount) if isinstance(mount, Mount) else str(mount)


def change_request(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Python's arguments of a change ask for, as the client sends it."""
    request = dict(asked)
    if request.get("time_limit") is not None:
        request["time_limit"] = typed_time(request["time_limit"])
    if request.get("begin") is not None:
        request["begin"] = typed_moment(request["begin"])
    return request


def typed_moment(begin: str | datetime) -> str:
    """Return a moment as a person would type it."""
    return begin.isoformat() if isinstance(begin, datetime) else str(begin)


def typed_time(limit: str | int | timedelta) -> str:
    """Return a duration as a person would type it."""
    return f"{round(limit.total_seconds())}s" if isinstance(limit, timedelta) else str(limit)


#: What is sent as a person would type it.
_TYPED: Mapping[str, Callable[[Any], Any]] = {
    "memory": str,
    "time_limit": typed_time,
    "begin": typed_moment,
    "retry_on": list,
}
