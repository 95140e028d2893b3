"""Decides which job starts when and where; pure, without clock or I/O."""

from __future__ import annotations

from .actions import Action, FetchImage, Kill, Record, Refused, Start, Stop, WakeAt
from .core import Scheduler
from .events import (
    CancelRequested,
    Changed,
    DrainChanged,
    Edge,
    Event,
    Exited,
    Held,
    ImageFailed,
    ImageReady,
    OthersChanged,
    Released,
    Restored,
    Started,
    StartFailed,
    Submission,
    Submitted,
    Ticked,
    TimeLimitChanged,
)
from .policy import DEFAULT, Backfill, Order, Policy

__all__ = [
    "DEFAULT",
    "Action",
    "Backfill",
    "CancelRequested",
    "Changed",
    "DrainChanged",
    "Edge",
    "Event",
    "Exited",
    "FetchImage",
    "Held",
    "ImageFailed",
    "ImageReady",
    "Kill",
    "Order",
    "OthersChanged",
    "Policy",
    "Record",
    "Refused",
    "Released",
    "Restored",
    "Scheduler",
    "Start",
    "StartFailed",
    "Started",
    "Stop",
    "Submission",
    "Submitted",
    "Ticked",
    "TimeLimitChanged",
    "WakeAt",
]
