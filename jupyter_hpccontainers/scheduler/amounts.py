"""Arithmetic on amounts of cores, memory and GPUs, and what lacks for a request."""

from __future__ import annotations

from typing import TypedDict

from ..model.resources import Resources

NOTHING = Resources(0, 0, 0)


class Lack(TypedDict):
    """One resource that lacks: asked, free now, and what the machine has; memory in bytes."""

    resource: str
    requested: int
    free: int
    capacity: int


def add(one: Resources, other: Resources) -> Resources:
    """Return the sums."""
    return Resources(
        one.cores + other.cores, one.memory_bytes + other.memory_bytes, one.gpus + other.gpus
    )


def subtract(one: Resources, other: Resources) -> Resources:
    """Return the differences, which may be negative."""
    return Resources(
        one.cores - other.cores, one.memory_bytes - other.memory_bytes, one.gpus - other.gpus
    )


def least(one: Resources, other: Resources) -> Resources:
    """Return the smaller of each amount."""
    return Resources(
        min(one.cores, other.cores),
        min(one.memory_bytes, other.memory_bytes),
        min(one.gpus, other.gpus),
    )


def lacking(asked: Resources, free: Resources, capacity: Resources) -> list[Lack]:
    """Return every resource of which less is free than asked, in the order cores, memory, GPUs."""
    rows = (
        ("cores", asked.cores, free.cores, capacity.cores),
        ("memory", asked.memory_bytes, free.memory_bytes, capacity.memory_bytes),
        ("gpus", asked.gpus, free.gpus, capacity.gpus),
    )
    return [
        Lack(resource=name, requested=requested, free=max(have, 0), capacity=most)
        for name, requested, have, most in rows
        if requested > have
    ]
