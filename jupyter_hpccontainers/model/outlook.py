"""When a job will start and what would start it now, as a sentence: the only place for it."""

from __future__ import annotations

from collections.abc import Sequence

from .explanation import Change, Explanation
from .quantities import format_duration, format_memory
from .reasons import amount, sentence
from .resources import Allocation
from .states import ReasonCode

#: How many of the changes are told; the others are in the data.
_CHANGES_TOLD = 2
#: What is sooner than this is told in seconds, what is later in minutes and hours.
_SECONDS_TOLD = 90

#: Who waits for these has no start in an estimate, however few are ahead.
_HANGS_ON_OTHERS = {ReasonCode.DEPENDENCY, ReasonCode.USER_HOLD, ReasonCode.DRAINED}


def outlook(told: Explanation, now: float) -> str:
    """Return it without a full stop; empty for a job that waits for nothing.

    ``in about 12 min, after job 41; with 2 cores it would start now``
    """
    if told.allocation is not None:
        where = _places(told.allocation)
        if not told.image_ready:
            return f"starts on {where} once its image is ready"
        return f"starts now on {where}"
    parts = [_when(told, now)]
    if told.changes:
        changes = " or ".join(change_words(one) for one in told.changes[:_CHANGES_TOLD])
        parts.append(f"{changes} it would start now")
    return "; ".join(part for part in parts if part)


def change_words(change: Change) -> str:
    """Return a change in words: ``with 2 cores and 4 GiB of memory``, ``as urgent``."""
    amounts = []
    if change.cores is not None:
        amounts.append(amount("cores", change.cores))
    if change.gpus is not None:
        amounts.append(amount("gpus", change.gpus))
    if change.memory_bytes is not None:
        amounts.append(f"{format_memory(change.memory_bytes)} of memory")
    if change.time_limit_s is not None:
        amounts.append(f"a time limit of {format_duration(change.time_limit_s)}")
    words = [f"with {' and '.join(amounts)}"] if amounts else []
    if change.priority is not None:
        words.append(f"as {change.priority}")
    return " and ".join(words)


def _when(told: Explanation, now: float) -> str:
    if told.never:
        return f"never: {told.never}"
    if told.predicted_start is None:
        if told.reason is None:
            return ""
        if told.reason.code is ReasonCode.DEPENDENCY_NEVER_SATISFIED:
            return f"never: {sentence(told.reason)}"
        far = not told.exact and told.reason.code not in _HANGS_ON_OTHERS
        if not far and told.endless:
            return f"when it starts is unknown, as is the end of {_jobs(told.endless)}"
        return "too many are ahead to say when" if far else "when it starts is unknown"
    left_s = told.predicted_start - now
    when = f"in about {_about(left_s)}" if left_s >= 1 else "at any moment"
    if not told.exact:
        return f"{when} by a rough estimate"
    if told.after:
        when += f", after {_jobs(told.after)}"
    if told.guessed:
        last = "lasts" if len(told.guessed) == 1 else "last"
        when += f", if {_jobs(told.guessed)} without a time limit {last} as usual"
    return when


def _jobs(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"job {numbers[0]}"
    rest = f" and {len(numbers) - 2} more" if len(numbers) > 2 else ""
    return f"jobs {numbers[0]}{', ' if rest else ' and '}{numbers[1]}{rest}"


def _about(left_s: float) -> str:
    if left_s < _SECONDS_TOLD:
        return f"{round(left_s)} s"
    return format_duration(round(left_s / 60) * 60)


def _places(given: Allocation) -> str:
    parts = [_numbers("core", given.cores)]
    if given.gpus:
        parts.append(_numbers("GPU", given.gpus))
    return " and ".join(parts)


def _numbers(word: str, numbers: Sequence[int]) -> str:
    """Return ``core 3``, ``cores 0-3,8``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    told = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    return f"{word}{'' if len(numbers) == 1 else 's'} {','.join(told)}"
