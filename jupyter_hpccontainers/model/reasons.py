"""A reason into the person's sentence: the only place where reasons become words."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .dependencies import Parent
from .quantities import format_duration, format_memory
from .states import Reason, ReasonCode

Details = Mapping[str, Any]
#: Of how many jobs a dependent one waits for the sentence tells.
_EDGES_TOLD = 5


def sentence(reason: Reason) -> str:
    """Return the reason in words, with its figures, without a full stop.

    Details a newer or older engine left out are simply not told.
    """
    told = _TOLD.get(reason.code)
    return told(reason.details) if told else _PLAIN.get(reason.code, reason.code.value)


def amount(resource: str, count: int) -> str:
    """Return an amount of ``cores``, ``memory`` or the like: ``1 core``, ``4 GiB of memory``."""
    if resource == "memory":
        return f"{format_memory(count)} of memory"
    word = {"cores": "core", "gpus": "GPU", "jobs": "job"}.get(resource, resource)
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def has(lack: Details) -> str:
    """Return how much of a lacking resource the machine has."""
    return amount(str(lack["resource"]), int(lack["capacity"]))


def exceeds(lack: Details) -> str:
    """Return ``asks 3 cores, the machine has 2``."""
    asked = amount(str(lack["resource"]), int(lack["requested"]))
    return f"asks {asked}, the machine has {_bare(lack, 'capacity')}"


def _bare(lack: Details, key: str) -> str:
    count = int(lack[key])
    return format_memory(count) if lack["resource"] == "memory" else str(count)


def _lacks(details: Details) -> str:
    return " and ".join(
        f"{amount(str(lack['resource']), int(lack['requested']))} "
        f"({_bare(lack, 'free')} of {_bare(lack, 'capacity')} free)"
        for lack in details.get("lacking", ())
    )


def _resources(details: Details) -> str:
    return f"waits for {_lacks(details) or 'resources'}"


def _others(details: Details) -> str:
    lacks = _lacks(details) or "what is used outside this queue"
    busy: Sequence[int] = details.get("busy_gpus", ())
    used = [f"GPU {number}" for number in busy]
    if details.get("memory_bytes"):
        used.append(f"{format_memory(int(details['memory_bytes']))} of memory")
    by = f": {' and '.join(used)} used outside this queue" if used else ""
    return f"waits for {lacks}{by}"


def _priority(details: Details) -> str:
    ahead = details.get("jobs_ahead")
    if not ahead:
        return "waits for jobs that go first"
    jobs = "1 job that goes" if ahead == 1 else f"{ahead} jobs that go"
    head = details.get("head")
    kept = f"; what is free is kept for job {head}" if head else ""
    return f"waits for {jobs} first{kept}"


def _quota(details: Details) -> str:
    if "limit" not in details:
        return "waits until its quota allows it"
    unit, used, limit = str(details.get("unit")), details.get("used"), details["limit"]
    whose = f"{details.get('scope')} {details.get('name')}"
    asks = amount(unit, int(details.get("requested", 0)))
    return f"waits for its quota: {whose} has {used} of {amount(unit, int(limit))}, it asks {asks}"


def _tokens(details: Details) -> str:
    if "name" not in details:
        return "waits for a token"
    capacity = int(details.get("capacity", 0))
    free = max(capacity - int(details.get("used", 0)), 0)
    asks = amount(f"{details['name']} token", int(details.get("requested", 0)))
    return f"waits for {asks} ({free} of {capacity} free)"


def _headroom(details: Details) -> str:
    if "limit" not in details:
        return "waits because what is free is kept for short jobs"
    limit, used = amount("cores", int(details["limit"])), details.get("used")
    until = f" until {_moment(details['until'])}" if details.get("until") else ""
    return f"waits: long jobs hold {used} of the {limit} they may have{until}"


def _begin_time(details: Details) -> str:
    begin_at = details.get("begin_at")
    if begin_at is None:
        return "waits for its begin time"
    return f"begins at {_moment(begin_at)} or later"


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _array_task_limit(details: Details) -> str:
    most = details.get("max_running")
    if most is None:
        return "waits until fewer tasks of its array run"
    return f"waits because {most} task{'s' * (most != 1)} of its array may run at once"


def _tasks_failed(details: Details) -> str:
    failed, tasks = details.get("failed"), details.get("tasks")
    if failed is None:
        return "not all of its tasks completed"
    return f"{failed} of its {tasks} tasks failed"


_WAITED_FOR = {
    "afterok": "to complete",
    "afternotok": "to end otherwise than COMPLETED",
}


def _dependency(details: Details) -> str:
    unmet: Sequence[Details] = details.get("unmet", ())
    if not unmet:
        return "waits for jobs it depends on"
    told = [
        f"job {_parent(edge)} {_WAITED_FOR.get(str(edge.get('kind')), 'to end')}"
        for edge in unmet[:_EDGES_TOLD]
    ]
    rest = len(unmet) - _EDGES_TOLD
    return f"waits for {', '.join(told)}" + (f" and {rest} more" if rest > 0 else "")


def _never_satisfied(details: Details) -> str:
    kind, result = details.get("kind"), details.get("result")
    if details.get("job") is None:
        return "a job it depends on ended otherwise than asked"
    parent = _parent(details)
    return f"job {parent} ended {result}, so {kind}:{parent} can never be met"


def _parent(edge: Details) -> Parent:
    return Parent(edge.get("job", 0), edge.get("index"))


def _preempted(details: Details) -> str:
    jobs: Sequence[int] = details.get("by", ())
    if not jobs:
        return "made way for a job of a higher class"
    return f"made way for job {', '.join(str(job) for job in jobs[:_EDGES_TOLD])} of a higher class"


def _back_off(details: Details) -> str:
    retry_at, attempt = details.get("retry_at"), details.get("attempt")
    which = f" (attempt {attempt})" if attempt else ""
    if retry_at is None:
        return f"waits before it is tried again{which}"
    return f"is tried again{which} at {datetime.fromtimestamp(retry_at, UTC):%H:%M:%S} UTC or later"


def _non_zero_exit(details: Details) -> str:
    code = details.get("exit_code")
    if code is None:
        return "ended with a non-zero exit code"
    name = _signal_name(code - 128)
    by = f", as after {name}" if name else ""
    return f"ended with exit code {code}{by}"


def _signalled(details: Details) -> str:
    number = details.get("signal")
    if number is None:
        return "ended by a signal"
    return f"ended by {_signal_name(number) or f'signal {number}'}"


def _signal_name(number: Any) -> str:
    return next((known.name for known in signal.Signals if known == number), "")


def _time_limit(details: Details) -> str:
    limit_s = details.get("limit_s")
    of = f" of {format_duration(limit_s)}" if limit_s else ""
    return f"reached its time limit{of}"


def _start_timeout(details: Details) -> str:
    timeout_s = details.get("start_timeout_s")
    within = f" within {format_duration(timeout_s)}" if timeout_s else ""
    return f"did not start{within}"


def _machine_changed(details: Details) -> str:
    lacking = details.get("lacking", ())
    rest = ": " + " and ".join(exceeds(lack) for lack in lacking) if lacking else ""
    return f"can never start since the machine changed{rest}"


def _with_message(words: str) -> Callable[[Details], str]:
    """Return a teller of ``words`` and of what the runtime or registry said, if anything."""

    def tell(details: Details) -> str:
        message = details.get("message")
        return f"{words}: {message}" if message else words

    return tell


_TOLD: Mapping[ReasonCode, Callable[[Details], str]] = {
    ReasonCode.IMAGE: _with_message("waits for its image"),
    ReasonCode.RESOURCES: _resources,
    ReasonCode.OTHERS: _others,
    ReasonCode.PRIORITY: _priority,
    ReasonCode.BEGIN_TIME: _begin_time,
    ReasonCode.DEPENDENCY: _dependency,
    ReasonCode.ARRAY_TASK_LIMIT: _array_task_limit,
    ReasonCode.TASKS_FAILED: _tasks_failed,
    ReasonCode.DEPENDENCY_NEVER_SATISFIED: _never_satisfied,
    ReasonCode.QUOTA: _quota,
    ReasonCode.TOKENS: _tokens,
    ReasonCode.HEADROOM: _headroom,
    ReasonCode.BACK_OFF: _back_off,
    ReasonCode.PREEMPTED: _preempted,
    ReasonCode.RUNTIME_DOWN: _with_message("waits for a container runtime that answers"),
    ReasonCode.NON_ZERO_EXIT: _non_zero_exit,
    ReasonCode.SIGNALLED: _signalled,
    ReasonCode.TIME_LIMIT: _time_limit,
    ReasonCode.START_TIMEOUT: _start_timeout,
    ReasonCode.MACHINE_CHANGED: _machine_changed,
    ReasonCode.IMAGE_NOT_FOUND: _with_message("image not found"),
    ReasonCode.IMAGE_FAILED: _with_message("the image could not be made ready"),
    ReasonCode.NO_INTERPRETER: _with_message("the image has nothing to run the script with"),
    ReasonCode.COMMAND_NOT_FOUND: _with_message("command not found in the image"),
    ReasonCode.START_FAILED: _with_message("could not be started"),
    ReasonCode.NETWORK_UNAVAILABLE: _with_message("the network asked for is unavailable"),
    ReasonCode.GPU_UNAVAILABLE: _with_message("a GPU it was given is unavailable"),
    ReasonCode.SUPERVISOR_LOST: _with_message("its supervisor was lost, its exit code is unknown"),
    ReasonCode.RUNTIME_RESTARTED: _with_message(
        "the container runtime was restarted, its exit code is not to be trusted"
    ),
}

_PLAIN: Mapping[ReasonCode, str] = {
    ReasonCode.USER_HOLD: "held by a person until released",
    ReasonCode.DRAINED: "waits because the machine takes no new jobs",
    ReasonCode.OUT_OF_MEMORY: "used more memory than it asked for",
    ReasonCode.USER_CANCEL: "cancelled by a person",
}
