"""Where a machine is read from: /proc, /sys and the environment, below a root that tests record."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .cgroups import own_folders


@dataclass(frozen=True, slots=True)
class Host:
    """A machine's files and this process's environment."""

    root: Path = Path("/")
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def path(self, path: str) -> Path:
        """Return where an absolute path of the machine lies."""
        return self.root / path.lstrip("/")

    def text(self, path: str) -> str:
        """Return a file's text, stripped; empty where it cannot be read."""
        try:
            return self.path(path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""

    def cgroups(self, pid: int | str = "self") -> dict[str, str]:
        """Return controller → the process's folder, "" for the unified hierarchy."""
        return own_folders(self.text("/proc/self/mountinfo"), self.text(f"/proc/{pid}/cgroup"))

    def cgroup_levels(self, controller: str) -> Iterator[str]:
        """Every folder from the process's own up: a limit anywhere above holds below.

        A controller may sit on either hierarchy, so both are walked.
        """
        folders = self.cgroups()
        for name in (controller, ""):
            if name in folders:
                own = Path(folders[name])
                yield from map(str, (own, *own.parents))


def parse_cpu_list(text: str) -> frozenset[int]:
    """Return the numbers of a list such as ``0-3,8`` (cpuset(7), "List format")."""
    numbers: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return frozenset(numbers)
