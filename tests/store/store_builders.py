"""Small builders for the store's tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_hpccontainers.model.job import JobSpec
from jupyter_hpccontainers.model.states import State
from jupyter_hpccontainers.store.database import Store
from jupyter_hpccontainers.store.records import JobChange, Ownership, Submission

ANN = Ownership(uid=1234, gid=1234, user="ann", groups=(100, 1234))
BOB = Ownership(uid=1235, gid=1235, user="bob")

#: What the tests of a file opened; closed when its last test has ended.
OPEN: list[Store] = []


def opened(folder: Path, **options: Any) -> Store:
    """Open the store of a folder, without a ballast unless the test is about it."""
    OPEN.append(Store(folder / "state.db", **{"ballast_bytes": 0, **options}))
    return OPEN[-1]


def submission(owner: Ownership = ANN, key: str | None = None, **spec: Any) -> Submission:
    """Return a submission of some image."""
    return Submission(spec=JobSpec(**{"image": "python:3.12", **spec}), owner=owner, key=key)


def filled(store: Store, count: int, **spec: Any) -> list[int]:
    """Accept some jobs and return their numbers."""
    return [store.accept(submission(**spec), at=float(n)).job.id for n in range(count)]


def moved_to(state: State, job_id: int, **fields: Any) -> JobChange:
    """Return the change that brings a job into a state."""
    return JobChange(job_id, state.value.capitalize(), {"state": state, **fields})
