"""The one transition table of a job's states.

Two rules keep it readable:

1. Everything that says which state may follow which lives in this file. No other file compares
   states to decide whether something may happen; it asks ``next_state``.
2. A state says only how far a job has come. *Why* it is there (cancelled, out of time, waiting for
   an image) is a reason beside the state, never a further state.

Theory of operation
-------------------
A job is born PENDING by Submitted and ends DONE; DONE never changes again. In between each state
can last long and promises something:

- PENDING: waits and holds nothing. Its image may be on the way: a job is chosen only once its image
  is here, so a slow pull holds no cores and no place that others could use.
- HELD: as PENDING, but a person keeps it back.
- STARTING: has its allocation; its container is being made. Bounded by the start timeout.
- RUNNING: the user's program runs, and the time limit counts.
- SUSPENDED: the user's program stands still until a person lets it run on. It keeps its allocation,
  its time limit does not count, and nobody knows when it will end.
- STOPPING: told to end (cancelled, out of time, start timed out, preempted). It still holds its
  allocation, because its processes still do.
- DONE: nothing of it is left on the machine; the allocation went back in the same step.

An attempt that ends gives its allocation back at once. Where another follows (a retry, or after a
preemption) the job is PENDING again under the next attempt's number, and the result is that of the
attempt only; the job is DONE when none will follow.

Triggers are the events from outside and decisions of the scheduler's own: Chosen (its turn has
come), LimitPassed, StartTimedOut, Preempted, Requeued (instead of StartFailed or Exited, where
another attempt follows), MachineChanged (a restart found a smaller machine), and
ParentEndedOtherwise (a dependency that can never be met). The world is asynchronous, so what is
merely late is legal and listed: Started for a job already told to stop, any report about a job that
is DONE. A pair that is not listed is refused here, in ``next_state``, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..model.errors import StateConflict
from ..model.states import State
from .events import (
    CancelRequested,
    Changed,
    Exited,
    Held,
    ImageFailed,
    ImageReady,
    JobEvent,
    Released,
    Resumed,
    Started,
    StartFailed,
    Suspended,
    TimeLimitChanged,
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The scheduler gives the job its allocation."""


@dataclass(frozen=True, slots=True)
class LimitPassed:
    """The job's time limit has passed."""


@dataclass(frozen=True, slots=True)
class StartTimedOut:
    """The job's container was not running in time."""


@dataclass(frozen=True, slots=True)
class Preempted:
    """A job of a higher class needs what it holds."""


@dataclass(frozen=True, slots=True)
class MachineChanged:
    """The machine has become too small to ever hold the job."""


@dataclass(frozen=True, slots=True)
class ParentEndedOtherwise:
    """A job it depends on has ended so that it can never run."""


@dataclass(frozen=True, slots=True)
class Requeued:
    """The attempt has ended and another follows."""


Trigger = (
    JobEvent
    | Chosen
    | LimitPassed
    | StartTimedOut
    | Preempted
    | MachineChanged
    | ParentEndedOtherwise
    | Requeued
)

#: Where every job begins, by Submitted.
FIRST = State.PENDING
#: Where every job ends.
LAST = State.DONE

TRANSITIONS: Mapping[State, Mapping[type[Trigger], State]] = {
    State.PENDING: {
        ImageReady: State.PENDING,
        ImageFailed: State.DONE,
        Chosen: State.STARTING,
        CancelRequested: State.DONE,
        TimeLimitChanged: State.PENDING,
        Changed: State.PENDING,
        Held: State.HELD,
        Released: State.PENDING,
        MachineChanged: State.DONE,
        ParentEndedOtherwise: State.DONE,
    },
    State.HELD: {
        ImageReady: State.HELD,
        ImageFailed: State.DONE,
        CancelRequested: State.DONE,
        TimeLimitChanged: State.HELD,
        Changed: State.HELD,
        Held: State.HELD,
        Released: State.PENDING,
        MachineChanged: State.DONE,
        ParentEndedOtherwise: State.DONE,
    },
    State.STARTING: {
        ImageReady: State.STARTING,
        Started: State.RUNNING,
        StartFailed: State.DONE,
        Exited: State.DONE,
        CancelRequested: State.STOPPING,
        StartTimedOut: State.STOPPING,
        Preempted: State.STOPPING,
        Requeued: State.PENDING,
        TimeLimitChanged: State.STARTING,
    },
    State.RUNNING: {
        ImageReady: State.RUNNING,
        Started: State.RUNNING,
        StartFailed: State.DONE,
        Exited: State.DONE,
        CancelRequested: State.STOPPING,
        LimitPassed: State.STOPPING,
        Preempted: State.STOPPING,
        Requeued: State.PENDING,
        TimeLimitChanged: State.RUNNING,
        Suspended: State.SUSPENDED,
        Resumed: State.RUNNING,
    },
    State.SUSPENDED: {
        ImageReady: State.SUSPENDED,
        Started: State.SUSPENDED,
        StartFailed: State.DONE,
        Exited: State.DONE,
        CancelRequested: State.STOPPING,
        Preempted: State.STOPPING,
        Requeued: State.PENDING,
        TimeLimitChanged: State.SUSPENDED,
        Suspended: State.SUSPENDED,
        Resumed: State.RUNNING,
    },
    State.STOPPING: {
        ImageReady: State.STOPPING,
        Started: State.STOPPING,
        StartFailed: State.DONE,
        Exited: State.DONE,
        CancelRequested: State.STOPPING,
        Requeued: State.PENDING,
    },
    State.DONE: {
        ImageReady: State.DONE,
        ImageFailed: State.DONE,
        Started: State.DONE,
        StartFailed: State.DONE,
        Exited: State.DONE,
        CancelRequested: State.DONE,
    },
}

_ASKED = {
    CancelRequested: "cancelled",
    TimeLimitChanged: "given another time limit",
    Changed: "given other resources, class or begin time",
    Held: "held",
    Released: "released",
    Suspended: "suspended",
    Resumed: "resumed",
}


def is_legal(state: State, trigger: type[Trigger]) -> bool:
    """Whether the pair is in the table."""
    return trigger in TRANSITIONS[state]


def next_state(job_id: int, state: State, trigger: type[Trigger]) -> State:
    """Return the state that follows; raises StateConflict when the pair is not in the table."""
    following = TRANSITIONS.get(state, {}).get(trigger)
    if following is None:
        asked = _ASKED.get(trigger)
        raise StateConflict(
            f"job {job_id} is {state} and can't be {asked}"
            if asked
            else f"job {job_id} is {state}, where {trigger.__name__} can't happen",
            cure="look at its state first" if asked else "report this as a fault of the engine",
            job_id=job_id,
            state=state.value,
        )
    return following
