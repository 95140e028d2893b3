"""What a form asks for, as the request the engine reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..request import python_request

#: The fields of a form, all of them text, as an empty form has them.
EMPTY: Mapping[str, str] = {
    "image": "",
    "command": "",
    "cores": "1",
    "memory": "",
    "gpus": "0",
    "time_limit": "",
    "name": "",
    "runtime": "auto",
}

_SHELL = re.compile(r"[\n|&;<>$`*?#~(){}]")


def form_request(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request; what is no number stays text, for the engine to refuse by field.

    A command that needs a shell (several lines, or words only a shell understands) becomes a
    script, run by ``/bin/sh`` where its first line names nothing else.
    """
    text = {key: str(form.get(key, EMPTY[key])).strip() for key in EMPTY}
    asked: dict[str, Any] = {**text, "mounts": (), "tags": ()}
    command = asked.pop("command")
    if _SHELL.search(command):
        asked["script"] = (command if command.startswith("#!") else f"#!/bin/sh\n{command}") + "\n"
    else:
        asked["command"] = command
    for key in ("cores", "gpus"):
        asked[key] = _number(text[key] or EMPTY[key])
    return python_request(asked)


def _number(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?\d{1,18}", text) else text
