"""The one parser of a submission: what any door sends becomes a JobSpec, or an error by field."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from .arrays import parse_array
from .dependencies import Asked, asked_edges, dependencies_on
from .errors import InvalidSpec
from .job import JobSpec, Mount
from .limit_signal import check_signal, parse_signal
from .moments import check_moment, parse_begin
from .quantities import parse_duration, parse_memory
from .wants import check_name, check_names, parse_tokens
from .wire import decode, encode

#: Largest request body in bytes; a script larger than this belongs in a file.
MAX_REQUEST_BYTES = 2**20

_NAME = re.compile(r"[\w .:@+=,\-\[\]()]{0,128}")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHORT = {
    "cores",
    "memory",
    "memory_bytes",
    "gpus",
    "time_limit",
    "begin",
    "after",
}
_RESERVED_ENV = "HPCC_"
_MAX_COUNT = 1_000_000
_MAX_RETRIES = 1_000
#: Docker refuses less ("Minimum memory limit allowed is 6MB").
_LEAST_MEMORY_BYTES = 6 * 2**20


def spec_from_request(body: Mapping[str, Any], now: float | None = None) -> JobSpec:
    """Return the JobSpec a request asks for.

    Beside the JobSpec's own fields it accepts the short ones people type: ``cores``, ``memory``
    (``"4g"``), ``gpus``, ``time_limit`` (``"1h30m"``), ``begin`` (``"2026-05-01T20:00"``, or
    ``"+30m"`` from ``now``), ``command`` as one shell-like text, ``mounts`` as ``"/data"`` or
    ``"/data:/in:ro"``, ``tokens`` as ``["matlab=2"]``, ``dependencies`` as ``"afterok:12:13"``,
    ``after`` as ``[12, "13_7", "afterany:14"]`` (a bare job: afterok), ``array`` as
    ``"1-1000:2%8"`` or a list of texts, one for each task, and ``signal`` as ``"USR1@60"``. Raises
    InvalidSpec naming the field.
    """
    if not isinstance(body, Mapping):
        raise InvalidSpec("the request is not an object", cure="send a JSON object")
    known = {f.name for f in fields(JobSpec)} | _SHORT
    for key in body:
        if key not in known:
            raise InvalidSpec(
                f"field {str(key)[:40]!r} is not known",
                cure=f"one of {', '.join(sorted(known))}",
                field=str(key)[:40],
            )
    data = {k: v for k, v in body.items() if k not in _SHORT and v is not None}
    data["resources"] = amounts_asked(body)
    if body.get("time_limit") is not None:
        data["time_limit_s"] = parse_duration(str(body["time_limit"]))
    if body.get("begin") is not None:
        data["begin_at"] = parse_begin(str(body["begin"]), now)
    if isinstance(data.get("command"), str):
        data["command"] = _split(data["command"])
    data |= _lists_asked(data)
    data["dependencies"] = encode(dependencies_on(edges_asked(body)))
    if "image" not in data:
        raise InvalidSpec("no image is named", cure="name one, e.g. python:3.12", field="image")
    spec = decode(JobSpec, data, "request")
    _check(spec)
    return spec


def _lists_asked(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that people type as lists of texts, as the spec has them."""
    lists: dict[str, Any] = {
        "mounts": [_mount(item) for item in _list(data.get("mounts", []), "mounts")]
    }
    if isinstance(data.get("tags"), str):
        lists["tags"] = [tag for tag in re.split(r"[,\s]+", data["tags"]) if tag]
    if "tokens" in data:
        lists["tokens"] = parse_tokens(data["tokens"])
    if "labels" in data:
        lists["labels"] = _list(data["labels"], "labels")
    if "array" in data:
        lists["array"] = encode(parse_array(data["array"]))
    if "signal" in data:
        lists["signal"] = encode(parse_signal(data["signal"]))
    return lists


def edges_asked(body: Mapping[str, Any]) -> tuple[Asked, ...]:
    """Return whom a request waits for, as it is written; raises InvalidSpec."""
    given = [() if body.get(key) is None else body[key] for key in ("dependencies", "after")]
    return asked_edges(*given)


def amounts_asked(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the amounts a request names, checked, memory in bytes; raises InvalidSpec."""
    asked = body.get("resources") or {}
    if not isinstance(asked, Mapping):
        raise InvalidSpec("resources is not an object", field="resources")
    amounts = dict(asked)
    for key in ("cores", "gpus", "memory_bytes"):
        if body.get(key) is not None:
            amounts[key] = body[key]
    if body.get("memory") is not None:
        amounts["memory_bytes"] = parse_memory(str(body["memory"]))
    for key, least in (("cores", 1), ("gpus", 0), ("memory_bytes", 0)):
        value = amounts.get(key, least)
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidSpec(
                f"{key} {str(value)[:40]!r} is not a whole number", cure="give 1, 2, 3 …", field=key
            )
        if value < least or (key != "memory_bytes" and value > _MAX_COUNT):
            raise InvalidSpec(f"{key} {value} is out of range", cure=f"at least {least}", field=key)
    if 0 < amounts.get("memory_bytes", 0) < _LEAST_MEMORY_BYTES:
        raise InvalidSpec(
            "a container needs at least 6 MiB of memory", cure="ask for more", field="memory"
        )
    return amounts


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InvalidSpec(
            f"the command does not parse: {error}", cure="close the quotes", field="command"
        ) from None


def _mount(item: Any) -> dict[str, Any]:
    if isinstance(item, Mapping):
        return {"target": item.get("source"), **item}
    if isinstance(item, Mount):
        return {"source": item.source, "target": item.target, "read_only": item.read_only}
    parts = str(item).split(":")
    read_only = len(parts) > 1 and parts[-1] in {"ro", "rw"} and parts.pop() == "ro"
    if not 1 <= len(parts) <= 2:
        raise InvalidSpec(
            f"mount {str(item)[:80]!r} is not understood",
            cure="write /path, /path:/target or /path:/target:ro",
            field="mounts",
        )
    return {"source": parts[0], "target": parts[-1], "read_only": read_only}


def _list(value: Any, field: str) -> list[Any]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list | tuple):
        raise InvalidSpec(f"{field} is not a list", cure="give a list", field=field)
    return list(value)


def _check(spec: JobSpec) -> None:
    if spec.command and spec.script is not None:
        raise InvalidSpec(
            "both a command and a script are given", cure="give one of them", field="command"
        )
    if not _NAME.fullmatch(spec.name):
        raise InvalidSpec(
            f"name {spec.name[:40]!r} has characters that are not allowed",
            cure="letters, digits, space and .:@+=,-_[]()",
            field="name",
        )
    if spec.begin_at is not None:
        check_moment(spec.begin_at)
    _check_retries(spec)
    check_signal(spec.signal, spec.time_limit_s)
    for tag in spec.tags:
        if not tag or not _NAME.fullmatch(tag):
            raise InvalidSpec(f"tag {tag[:40]!r} is not allowed", field="tags")
    check_names(spec.labels, "labels")
    if spec.project:
        check_name(spec.project, "project")
    _check_texts(spec)
    _check_env(spec)
    _check_paths(spec)


def _check_retries(spec: JobSpec) -> None:
    if not 0 <= spec.retries <= _MAX_RETRIES:
        raise InvalidSpec(
            f"retries {spec.retries} is out of range",
            cure=f"ask for 0 to {_MAX_RETRIES}",
            field="retries",
        )
    for code in spec.retry_on:
        if not 1 <= code <= 255:
            raise InvalidSpec(
                f"retry_on {code} is no exit code of a failure",
                cure="name exit codes from 1 to 255",
                field="retry_on",
            )
    if spec.retry_on and not spec.retries:
        raise InvalidSpec(
            "retry_on is given without retries", cure="say how many times: retries", field="retries"
        )


def _check_env(spec: JobSpec) -> None:
    for key in spec.env:
        if not _ENV_NAME.fullmatch(key) or key.startswith(_RESERVED_ENV):
            raise InvalidSpec(
                f"environment variable {key[:40]!r} is not allowed",
                cure=f"letters, digits and _, not beginning with {_RESERVED_ENV}",
                field="env",
            )


def _check_paths(spec: JobSpec) -> None:
    for mount in spec.mounts:
        for path in (mount.source, mount.target):
            if not path.startswith("/") or ".." in path.split("/"):
                raise InvalidSpec(
                    f"mount path {path[:80]!r} is not absolute",
                    cure="write the whole path from /, without ..",
                    field="mounts",
                )
    if spec.workdir and not spec.workdir.startswith("/"):
        raise InvalidSpec(
            f"workdir {spec.workdir[:80]!r} is not absolute", cure="begin with /", field="workdir"
        )


def _check_texts(spec: JobSpec) -> None:
    """Refuse what no kernel call can carry: a NUL byte or a lone surrogate."""
    texts = {
        "image": [spec.image],
        "command": spec.command,
        "script": [spec.script or ""],
        "workdir": [spec.workdir],
        "description": [spec.description],
        "env": [*spec.env.values()],
        "mounts": [p for m in spec.mounts for p in (m.source, m.target)],
    }
    for field, values in texts.items():
        for value in values:
            if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
                raise InvalidSpec(f"{field} holds a character no program can receive", field=field)
