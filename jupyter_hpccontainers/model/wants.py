"""What a job may want beside amounts, as people type it: tokens, labels and a project."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import InvalidSpec

_NAME = re.compile(r"[A-Za-z0-9][\w.:@+=\-]{0,63}")
_MOST = 1_000_000


def parse_tokens(given: Any) -> dict[str, int]:
    """Return tokens by name from an object, or from texts as ``matlab`` or ``matlab=2``.

    Raises InvalidSpec for a name or a number that can't be one.
    """
    if isinstance(given, Mapping):
        pairs = [(str(name), count) for name, count in given.items()]
    elif isinstance(given, str | list | tuple):
        pairs = [_pair(str(text)) for text in ([given] if isinstance(given, str) else given)]
    else:
        raise InvalidSpec("tokens are no object", cure='e.g. {"matlab": 1}', field="tokens")
    tokens: dict[str, int] = {}
    for name, count in pairs:
        check_name(name, "tokens")
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= _MOST:
            raise InvalidSpec(
                f"{str(count)[:40]!r} of token {name} is not a number from 1",
                cure="write NAME or NAME=2",
                field="tokens",
            )
        tokens[name] = tokens.get(name, 0) + count
    return tokens


def check_names(names: Iterable[str], field: str) -> None:
    """Raise InvalidSpec naming ``field`` for a name with other than plain characters."""
    for name in names:
        check_name(name, field)


def check_name(name: str, field: str) -> None:
    """Raise InvalidSpec naming ``field`` for a name with other than plain characters."""
    if not _NAME.fullmatch(name):
        raise InvalidSpec(
            f"{field}: {name[:40]!r} is no name",
            cure="letters, digits and _.:@+=-, at most 64",
            field=field,
        )


def _pair(text: str) -> tuple[str, Any]:
    name, equals, count = text.rpartition("=")
    if not equals:
        return text.strip(), 1
    return name.strip(), int(count) if count.strip().isdecimal() else count
