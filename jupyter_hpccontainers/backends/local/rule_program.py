"""The process in which a site's rules run: what a rule does to it, it does not do to the engine."""

from __future__ import annotations

import importlib
import json
import math
import os
import signal
import sys
import traceback
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any, TextIO

from ...model.job import JobSpec
from ...model.rules import Amend, Refuse, Rule, Submitter
from ...model.wire import decode, encode

#: Installed packages offer rules by short names in this group of entry points.
GROUP = "jupyter_hpccontainers.rules"
#: So much later than the engine gives up a rule's process ends by itself, engine or not.
_LINGER_S = 5


def main() -> None:
    """Load the rules named in the first line, then answer one line for each line."""
    answers = _answers()
    begun = json.loads(sys.stdin.readline())
    sys.path += begun["folders"]
    rules, failures = _load(begun["rules"])
    _say(answers, {"failures": failures})
    for line in sys.stdin:
        asked = json.loads(line)
        # A rule that hangs in C hears no handler: the default action ends the process.
        signal.alarm(math.ceil(begun["timeout_s"]) + _LINGER_S)
        _say(answers, _answer(rules[asked["rule"]], asked))
        signal.alarm(0)


def _answers() -> TextIO:
    """Return where answers go; what a rule prints goes to the engine's log."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _say(answers: TextIO, data: Mapping[str, Any]) -> None:
    answers.write(json.dumps(data) + "\n")
    answers.flush()


def _load(names: Iterable[str]) -> tuple[dict[str, Rule], dict[str, str]]:
    """Return the rules by name, and of those that can't be loaded why."""
    rules: dict[str, Rule] = {}
    failures: dict[str, str] = {}
    for name in names:
        try:
            rules[name] = _found(name)
        except BaseException as error:
            failures[name] = _told(error)
    return rules, failures


def _found(name: str) -> Rule:
    """Return what a name means: ``module.function``, else an entry point."""
    if "." in name or ":" in name:
        module, _, function = name.replace(":", ".").rpartition(".")
        rule = getattr(importlib.import_module(module), function)
    else:
        found = entry_points(group=GROUP, name=name)
        if not found:
            raise LookupError(f"no installed package offers it in {GROUP}")
        rule = next(iter(found)).load()
    if not callable(rule):
        raise TypeError("it is no function")
    return rule  # type: ignore[no-any-return]


def _answer(rule: Rule, asked: Mapping[str, Any]) -> dict[str, Any]:
    spec, submitter = decode(JobSpec, asked["spec"]), decode(Submitter, asked["submitter"])
    try:
        match rule(spec, submitter):
            case None:
                return {}
            case Refuse(str(text)):
                return {"refuse": text}
            case Amend(JobSpec() as amended, str(because)):
                return {"amend": encode(amended), "because": because}
            case other:
                return {"failure": f"it answered {type(other).__name__}, no Refuse or Amend"}
    except BaseException as error:
        return {"failure": _told(error)}


def _told(error: BaseException) -> str:
    traceback.print_exception(error)
    return f"{type(error).__name__}: {error}"[:300]


if __name__ == "__main__":
    main()
