"""Which ordering a site has chosen."""

from __future__ import annotations

from ..model.machine import Machine
from .fair_share import ByFairIndex
from .order import ByIndex, BySubmission, Ordering
from .policy import Order, Policy


def ordering(policy: Policy, machine: Machine) -> Ordering:
    """Return the ordering with the policy's figures."""
    if policy.order is Order.SUBMISSION:
        return BySubmission()
    figures = {
        "guard": policy.guard,
        "patience_s": policy.patience_s,
        "unknown_s": policy.unknown_s,
    }
    if policy.fair_half_life_s:
        return ByFairIndex(machine.amounts, policy.fair_half_life_s, **figures)
    return ByIndex(machine.amounts, **figures)
