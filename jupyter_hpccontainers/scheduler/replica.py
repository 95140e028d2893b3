"""A copy of a scheduler that shares nothing that changes, so that one may try things on it."""

from __future__ import annotations

import dataclasses
import types
from collections import Counter, defaultdict, deque
from enum import Enum
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

#: A class statement made this type (Py_TPFLAGS_HEAPTYPE); so are some of C, but with a ``__new__``.
_HEAP_TYPE = 1 << 9
_EMPTY = object()

_ATOMS = (int, float, str, bytes, bool, type(None), frozenset, type, types.BuiltinFunctionType)


def replica(value: T) -> T:
    """Return a copy; frozen dataclasses and enums are shared, all else is copied once.

    As ``copy.deepcopy`` but an order of magnitude faster, since most of what a scheduler holds is
    frozen. Raises TypeError for what can't be copied faithfully (an iterator, a closure).
    """
    copied: T = _Copying().of(value)
    return copied


class _Copying:
    """One copy being made: what has been copied already, and which types are shared."""

    def __init__(self) -> None:
        self._copies: dict[int, Any] = {}
        self._shared: set[type] = set(_ATOMS)

    def of(self, value: Any) -> Any:
        kind: type = type(value)
        if kind in self._shared:
            return value
        if _is_frozen(kind):
            self._shared.add(kind)
            return value
        known = self._copies.get(id(value))
        if known is not None:
            return known
        return self._tuple(value) if isinstance(value, tuple) else self._changeable(kind, value)

    def _tuple(self, value: Any) -> Any:
        shared = self._shared
        for item in value:
            if type(item) not in shared:
                break
        else:
            return value
        items = [item if type(item) in shared else self.of(item) for item in value]
        if any(copy is not item for copy, item in zip(items, value, strict=True)):
            return type(value)(items) if type(value) is tuple else type(value)(*items)
        self._copies[id(value)] = value
        return value

    def _changeable(self, kind: type, value: Any) -> Any:
        if kind in {dict, defaultdict, Counter}:
            return self._dict(value)
        if kind is list or kind is deque or kind is set:
            return self._items(kind, value)
        if kind is types.MethodType:
            return types.MethodType(value.__func__, self.of(value.__self__))
        if kind is types.FunctionType and value.__closure__ is None:
            return value
        if not _is_written_in_python(kind):
            raise TypeError(f"a {kind.__name__} can't be copied")
        return self._object(kind, value)

    def _dict(self, value: Any) -> Any:
        shared = self._shared
        copy = value.copy()
        self._copies[id(value)] = copy
        for key, item in value.items():
            if type(item) not in shared:
                copy[key] = self.of(item)
        return copy

    def _items(self, kind: type, value: Any) -> Any:
        copy: Any = kind()
        self._copies[id(value)] = copy
        shared = self._shared
        items = [item if type(item) in shared else self.of(item) for item in value]
        (copy.update if kind is set else copy.extend)(items)
        return copy

    def _object(self, kind: type, value: Any) -> Any:
        copy: Any = object.__new__(kind)
        self._copies[id(value)] = copy
        shared = self._shared
        for name in _slots(kind):
            # A slot may be empty still.
            item = getattr(value, name, _EMPTY)
            if item is _EMPTY:
                continue
            setattr(copy, name, item if type(item) in shared else self.of(item))
        for name, item in getattr(value, "__dict__", {}).items():
            copy.__dict__[name] = item if type(item) in shared else self.of(item)
        return copy


@cache
def _is_frozen(kind: type) -> bool:
    if issubclass(kind, Enum):
        return True
    parameters = getattr(kind, "__dataclass_params__", None)
    return dataclasses.is_dataclass(kind) and bool(parameters and parameters.frozen)


@cache
def _is_written_in_python(kind: type) -> bool:
    """Whether all an object of this class holds is in its slots and its ``__dict__``."""
    plain = kind is not object and getattr(kind, "__new__", None) is object.__new__
    return plain and all(base is object or base.__flags__ & _HEAP_TYPE for base in kind.__mro__)


@cache
def _slots(kind: type) -> tuple[str, ...]:
    names = []
    for base in kind.__mro__:
        own = base.__dict__.get("__slots__", ())
        names += [own] if isinstance(own, str) else [*own]
    return tuple(name for name in names if name not in {"__dict__", "__weakref__"})
