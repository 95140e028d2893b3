"""What can never start here: refused at the door, with what is asked and what there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..model.errors import NeverFits
from ..model.machine import Machine
from ..model.reasons import amount, exceeds, has
from ..model.resources import Resources
from .amounts import Lack, lacking
from .events import Submission
from .limits import limits_of
from .policy import Policy


class Wants(NamedTuple):
    """What a job asks beside amounts: whose it is, tokens by name and number, and labels."""

    user: str = ""
    project: str = ""
    tokens: tuple[tuple[str, int], ...] = ()
    labels: tuple[str, ...] = ()


NO_WANTS = Wants()


def wants_of(job: Submission) -> Wants:
    """Return what a submission asks beside amounts."""
    return Wants(job.user, job.project, job.tokens, job.labels)


def refuse(asked: Resources, wants: Wants, machine: Machine, policy: Policy) -> None:
    """Raise NeverFits where a job would wait for ever: for the machine, or for a limit."""
    lacks = lacking_ever(asked, wants, machine)
    if lacks:
        cures = [has(lack) for lack in lacks if lack["capacity"]]
        raise NeverFits(
            "; ".join(exceeds(lack) for lack in lacks),
            cure=f"ask for at most {' and '.join(cures)}" if cures else _known(machine),
            field=_field(lacks[0]["resource"]),
            lacking=lacks,
        )
    if not policy.user_limits and not policy.project_limits:
        return
    for scope, name, limits in (
        ("user", wants.user, policy.user_limits),
        ("project", wants.project, policy.project_limits),
    ):
        for unit, most in limits_of(limits, name).items():
            requested = {"cores": asked.cores, "gpus": asked.gpus}.get(unit, 1)
            if requested > most:
                raise NeverFits(
                    f"asks {amount(unit, requested)}, {scope} {name} may have {most}",
                    cure=f"ask for at most {amount(unit, most)}",
                    field=unit,
                )


def lacking_ever(asked: Resources, wants: Wants, machine: Machine) -> list[Lack]:
    """Return what the machine has less of than is asked, tokens and labels included."""
    capacity = machine.amounts
    lacks = [] if asked.fits_in(capacity) else lacking(asked, capacity, capacity)
    return [*lacks, *_lacking_names(wants, machine)] if wants.tokens or wants.labels else lacks


def _lacking_names(wants: Wants, machine: Machine) -> Iterator[Lack]:
    for name, requested in wants.tokens:
        have = machine.tokens.get(name, 0)
        if requested > have:
            yield Lack(resource=f"{name} token", requested=requested, free=have, capacity=have)
    for label in wants.labels:
        if label not in machine.labels:
            yield Lack(resource=f"machine with label {label}", requested=1, free=0, capacity=0)


def _field(resource: str) -> str:
    if resource.endswith(" token"):
        return "tokens"
    return "labels" if " label " in resource else resource


def _known(machine: Machine) -> str:
    tokens = ", ".join(sorted(machine.tokens)) or "none"
    return f"tokens here: {tokens}; labels: {', '.join(machine.labels) or 'none'}"
