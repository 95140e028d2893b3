"""The site's submission rules, asked one after the other in a process of their own."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ...model.errors import HpccError, NotAllowed, RuleFailed
from ...model.job import JobSpec
from ...model.request import spec_from_request
from ...model.rules import Submitter, amendment
from ...model.wire import encode
from .config import LocalConfig

_log = logging.getLogger(__name__)

_PROGRAM = (sys.executable, "-P", "-m", f"{__package__}.rule_program")
#: What rules import may take so long; much longer than a rule, since it is once.
_LOADING_S = 30.0
#: A request of 1 MiB, escaped.
_LINE_BYTES = 16 * 2**20


class Rules:
    """Asks every rule of the configuration, in its order; each sees what those before it made.

    A rule that raises, hangs or ends its process refuses the submission by name (RuleFailed), and
    so does one that can't be loaded: a site's policy that is missing lets nobody in.
    """

    def __init__(self, config: LocalConfig) -> None:
        self.names = config.rules
        self._folders = config.rule_folders
        self._timeout_s = config.rules_timeout_s
        self._one_at_a_time = asyncio.Lock()
        self._process: Process | None = None
        #: Of those that can't be loaded, why; known once a process was started.
        self.failures: Mapping[str, str] = {}

    async def begin(self) -> None:
        """Load the rules, so that what is wrong is in the log before the first submission."""
        if not self.names:
            return
        async with self._one_at_a_time:
            try:
                await self._started()
            except RuleFailed as error:
                _log.error("%s", error)

    async def close(self) -> None:
        """End the process."""
        await self._end()

    async def applied(self, spec: JobSpec, submitter: Submitter) -> tuple[JobSpec, tuple[str, ...]]:
        """Return the spec as the rules accept it, and what they changed and why.

        Raises NotAllowed with a rule's own text, RuleFailed where one gave no proper answer.
        """
        notes: list[str] = []
        for name in self.names:
            told = await self._ask(name, spec, submitter)
            if "refuse" in told:
                raise NotAllowed(
                    told["refuse"], cure=f"rule {name} of this site refuses it", rule=name
                )
            if "amend" in told:
                amended = _checked(name, told["amend"])
                notes.append(amendment(spec, amended, told["because"], name))
                spec = amended
        return spec, tuple(note for note in notes if note)

    async def _ask(self, name: str, spec: JobSpec, submitter: Submitter) -> dict[str, Any]:
        asked = {"rule": name, "spec": encode(spec), "submitter": encode(submitter)}
        async with self._one_at_a_time:
            process = await self._started()
            if name in self.failures:
                raise failed(name, f"can't be loaded: {self.failures[name]}")
            try:
                told = await _answer(process, asked, self._timeout_s)
            except BaseException as error:
                # Also where the person went away: an answer that came later would be another's.
                await self._end()
                if isinstance(error, TimeoutError):
                    raise failed(name, f"gave no answer within {self._timeout_s:g} s") from None
                if isinstance(error, _Gone):
                    raise failed(name, "ended its process") from None
                raise
        if "failure" in told:
            raise failed(name, told["failure"])
        return told

    async def _started(self) -> Process:
        """Return the process with all rules loaded, a new one where none lives."""
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *_PROGRAM, stdin=PIPE, stdout=PIPE, cwd="/", limit=_LINE_BYTES
            )
            try:
                self.failures = await self._loaded(self._process)
            except BaseException:
                await self._end()
                raise
        return self._process

    async def _loaded(self, process: Process) -> Mapping[str, str]:
        begun = {"rules": self.names, "folders": self._folders, "timeout_s": self._timeout_s}
        every = ", ".join(self.names)
        try:
            told = await _answer(process, begun, _LOADING_S)
        except TimeoutError:
            raise failed(every, f"were not loaded within {_LOADING_S:g} s") from None
        except _Gone:
            raise failed(every, "ended their process as they were loaded") from None
        for name, why in told["failures"].items():
            _log.error("site rule %s can't be loaded, no job is accepted: %s", name, why)
        return told["failures"]  # type: ignore[no-any-return]

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


class _Gone(Exception):
    """The process has ended."""


async def _answer(process: Process, asked: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise _Gone
    line = json.dumps(asked).encode() + b"\n"
    try:
        async with asyncio.timeout(timeout_s):
            process.stdin.write(line)
            await process.stdin.drain()
            answer = await process.stdout.readline()
    except ConnectionError:
        raise _Gone from None
    if not answer.endswith(b"\n"):
        raise _Gone
    return json.loads(answer)  # type: ignore[no-any-return]


def _checked(name: str, amended: Mapping[str, Any]) -> JobSpec:
    """Return the spec a rule made, held to what any door may ask."""
    try:
        return spec_from_request(amended)
    except HpccError as error:
        raise failed(name, f"made a job that can't be accepted: {error.message}") from None


def failed(name: str, what: str) -> RuleFailed:
    """Return the error of a rule that gave no proper answer."""
    return RuleFailed(
        f"site rule {name} failed, so nothing is accepted: {what}",
        cure="tell the administrator; the engine's log says more",
        rule=name,
    )
