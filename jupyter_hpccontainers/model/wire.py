"""Dataclasses into JSON and back; the only file that knows the form words take on the wire."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import InvalidSpec

T = TypeVar("T")


def encode(value: Any) -> Any:
    """Return plain JSON data: enums by value, tuples and sets as lists, dataclasses as objects."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(encode(item) for item in value)
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    return value


def decode(kind: type[T], data: Any, where: str = "") -> T:
    """Return ``data`` as an instance of ``kind``; raises InvalidSpec naming the field at fault.

    Unknown keys are ignored, so an older door can read what a newer engine says.
    """
    return _decode(kind, data, where or kind.__name__)  # type: ignore[no-any-return]


def _decode(kind: Any, data: Any, where: str) -> Any:
    if kind is Any:
        return data
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        return _decode_optional(arguments, data, where)
    if origin in {tuple, frozenset}:
        return _decode_items(origin, arguments[0], data, where)
    if origin in {Mapping, dict}:
        _expect(isinstance(data, Mapping), where, "an object")
        return {str(k): _decode(arguments[1], v, f"{where}.{k}") for k, v in data.items()}
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, data, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _decode_enum(kind, data, where)
    return _decode_scalar(kind, data, where)


def _decode_optional(arguments: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in arguments:
        return None
    return _decode(next(a for a in arguments if a is not type(None)), data, where)


def _decode_items(origin: Any, kind: Any, data: Any, where: str) -> Any:
    _expect(isinstance(data, list | tuple), where, "a list")
    return origin(_decode(kind, item, f"{where}[{n}]") for n, item in enumerate(data))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode_dataclass(kind: Any, data: Any, where: str) -> Any:
    _expect(isinstance(data, Mapping), where, "an object")
    hints = _hints(kind)
    known = {
        f.name: _decode(hints[f.name], data[f.name], f.name)
        for f in dataclasses.fields(kind)
        if f.name in data
    }
    try:
        return kind(**known)
    except TypeError as error:
        raise InvalidSpec(f"{where} is incomplete: {error}", field=where) from None


def _decode_enum(kind: type[Enum], data: Any, where: str) -> Enum:
    try:
        return kind(data)
    except ValueError:
        choices = ", ".join(str(member.value) for member in kind)
        raise InvalidSpec(
            f"{where} {str(data)[:40]!r} is not known", cure=f"one of {choices}", field=where
        ) from None


def _decode_scalar(kind: Any, data: Any, where: str) -> Any:
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    wrong_bool = isinstance(data, bool) and kind is not bool
    names = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    _expect(isinstance(data, kind) and not wrong_bool, where, names.get(kind, str(kind)))
    return data


def _expect(holds: bool, where: str, wanted: str) -> None:
    if not holds:
        raise InvalidSpec(f"{where} is not {wanted}", cure=f"give {wanted}", field=where)
