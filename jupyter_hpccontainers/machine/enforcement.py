"""What Apptainer jobs are held to on this machine, in the words shown on the job."""

from __future__ import annotations

from ..model.machine import Enforcement
from .cgroups import CPUSET, MEMORY, rights


def apptainer_enforcement(held: frozenset[str] | None = None) -> Enforcement:
    """Return the words; ``held`` is what ``cgroups.rights()`` found, asked when not given.

    Without rights a job is still pinned, but may widen its affinity. All of /dev/nvidia* is seen
    by a job with a GPU, so which of them it uses is its own good will.
    """
    found = rights() if held is None else held
    return Enforcement(
        cores="enforced" if CPUSET in found else "pinned, not enforced",
        memory="enforced" if MEMORY in found else "not enforced",
        gpus="not enforced",
    )
