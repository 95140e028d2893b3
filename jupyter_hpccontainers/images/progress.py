"""How far a fetch is: bytes pulled, layers unpacked, a SIF being written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """What is being done to an image, in the order it is done."""

    PULL = "pull"
    UNPACK = "unpack"
    CONVERT = "convert"


@dataclass(frozen=True, slots=True)
class Progress:
    """One look at a fetch; totals are 0 where they are not known. ``text`` is for people."""

    phase: Phase
    done_bytes: int = 0
    total_bytes: int = 0
    percent: int | None = None
    text: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return what a job's ``progress`` holds."""
        return {
            "phase": self.phase.value,
            "done_bytes": self.done_bytes,
            "total_bytes": self.total_bytes,
            "percent": self.percent,
            "text": self.text,
        }


class DockerProgress:
    """Adds up the layers of one pull (events of ``POST /images/create``)."""

    _FINISHED = ("Download complete", "Pull complete", "Already exists")

    def __init__(self) -> None:
        self._done: dict[str, int] = {}
        self._total: dict[str, int] = {}
        self._layers: set[str] = set()
        self._finished: set[str] = set()

    def take(self, event: Mapping[str, Any]) -> Progress:
        """Return how far the pull is after one more event."""
        status, layer = str(event.get("status", "")), str(event.get("id", ""))
        detail = event.get("progressDetail") or {}
        if status == "Pulling fs layer":
            self._layers.add(layer)
        elif status == "Downloading":
            self._layers.add(layer)
            self._done[layer] = int(detail.get("current") or 0)
            self._total[layer] = int(detail.get("total") or 0)
        elif status in self._FINISHED:
            self._layers.add(layer)
            self._finished.add(layer)
            self._done[layer] = self._total.get(layer, 0)
        return self._look(status)

    def _look(self, status: str) -> Progress:
        done, total = sum(self._done.values()), sum(self._total.values())
        unpacking = bool(self._layers) and self._layers == self._finished
        return Progress(
            phase=Phase.UNPACK if unpacking else Phase.PULL,
            done_bytes=done,
            total_bytes=total,
            percent=100 * done // total if total else None,
            text=f"{len(self._finished)} of {len(self._layers)} layers" if self._layers else status,
        )


#: Lines that Apptainer 1.x and SingularityCE 3.x print while they build, and what they begin.
_STEPS = {
    "Fetching OCI image": Phase.PULL,
    "Getting image source signatures": Phase.PULL,
    "Copying blob": Phase.PULL,
    "Downloading": Phase.PULL,
    "Extracting OCI image": Phase.UNPACK,
    "Inserting": Phase.UNPACK,
    "Creating SIF file": Phase.CONVERT,
}
_SQUASHFS = re.compile(r"\]\s*\d+/\d+\s+(\d+)%")


class ApptainerProgress:
    """Reads the steps of ``apptainer --verbose build``; it tells no bytes, only mksquashfs's %."""

    def __init__(self) -> None:
        self._phase = Phase.PULL
        self._text = ""

    def take(self, line: str) -> Progress | None:
        """Return how far the build is after one more line; None when the line tells nothing."""
        percent = _SQUASHFS.search(line)
        if percent:
            return Progress(Phase.CONVERT, percent=int(percent.group(1)), text=self._text)
        message = line.partition(":")[2].strip() if line.startswith("INFO") else line.strip()
        for beginning, phase in _STEPS.items():
            if message.startswith(beginning):
                self._phase, self._text = phase, message.rstrip(".")
                return Progress(phase, text=self._text)
        return None
