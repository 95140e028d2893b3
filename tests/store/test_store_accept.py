"""Accepting jobs: numbers, identity, idempotency keys, and records that come back equal."""

from __future__ import annotations

import stat
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_builders import ANN, BOB, filled, moved_to, opened, submission

from jupyter_hpccontainers.model.errors import EngineError, UnknownJob
from jupyter_hpccontainers.model.job import (
    JobSpec,
    Mount,
    Network,
    Priority,
    RuntimeChoice,
)
from jupyter_hpccontainers.model.resources import Resources
from jupyter_hpccontainers.model.states import Reason, ReasonCode, State
from jupyter_hpccontainers.store.database import Store
from jupyter_hpccontainers.store.records import Restart, Submission


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return opened(tmp_path)


def test_an_accepted_job_comes_back_equal_after_reopening(tmp_path: Path) -> None:
    spec = JobSpec(
        image="python:3.12",
        script="#!/bin/sh\necho \"é $HOME\" '\\'\n",
        resources=Resources(2, 2**30, 1),
        time_limit_s=90,
        env={"A": "1=2", "EMPTY": ""},
        mounts=(Mount("/data", "/in", read_only=True),),
        workdir="/work",
        name="a name",
        tags=("x", "y"),
        priority=Priority.URGENT,
        network=Network.NONE,
        tty=True,
    )
    asked = Submission(
        spec=spec,
        owner=ANN,
        reason=Reason(ReasonCode.IMAGE, {"image": "python:3.12"}),
        runtime=RuntimeChoice.DOCKER,
        image_digest="sha256:ab",
        restart=Restart(image_path="/x.sif", workdir="/work", boot_id="b"),
    )
    store = opened(tmp_path)
    (job,), created = store.accept(asked, at=12.5)
    assert created
    assert (job.id, job.state, job.submitted_at, job.user) == (1, State.PENDING, 12.5, "ann")
    store.close()

    stored = opened(tmp_path).stored(1)
    assert stored.job == job
    assert stored.job.spec == spec
    assert stored.owner == ANN
    assert stored.restart == asked.restart


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    script=st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=200)),
    env=st.dictionaries(st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), st.text(max_size=20)),
    command=st.lists(st.text(max_size=20), max_size=4).map(tuple),
    limit=st.one_of(st.none(), st.integers(1, 2**31)),
)
def test_any_spec_comes_back_equal(
    store: Store,
    script: str | None,
    env: dict[str, str],
    command: tuple[str, ...],
    limit: int | None,
) -> None:
    spec = JobSpec(image="i", script=script, env=env, command=command, time_limit_s=limit)
    job = store.accept(Submission(spec=spec, owner=ANN), at=0.0).job
    assert store.job(job.id).spec == spec


def test_the_engine_keeps_its_uuid(tmp_path: Path) -> None:
    store = opened(tmp_path)
    first = store.engine_id()
    store.close()
    again = opened(tmp_path)
    assert again.engine_id() == first == str(uuid.UUID(first))
    assert again.accept(submission(), at=0.0).job.engine == first


def test_a_key_is_accepted_once_per_person(tmp_path: Path) -> None:
    store = opened(tmp_path)
    first = store.accept(submission(ANN, key="k"), at=1.0)
    again = store.accept(submission(ANN, key="k", image="other"), at=2.0)
    another = store.accept(submission(BOB, key="k"), at=3.0)
    assert (again.job, again.created) == (first.job, False)
    assert (another.job.id, another.created) == (2, True)
    assert [stored.job.id for stored in store.active()] == [1, 2]


def test_numbers_of_forgotten_jobs_and_of_folders_are_not_given_again(tmp_path: Path) -> None:
    store = opened(tmp_path, job_folders=[7, 3])
    assert store.accept(submission(), at=0.0).job.id == 8
    store.close()

    elsewhere = tmp_path / "b"
    store = opened(elsewhere)
    ids = filled(store, 3)
    store.record([moved_to(State.DONE, 3, ended_at=1.0)], at=1.0)
    store.forget(ids)
    assert [stored.job.id for stored in store.active()] == [1, 2], "what is not DONE stays"
    assert store.accept(submission(), at=0.0).job.id == 4


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    store = opened(tmp_path / "state", ballast_bytes=2**16)
    filled(store, 3)
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").iterdir()
    }
    assert modes.keys() >= {"state.db", "state.db-wal", "state.db.ballast", "state.db.engine"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_a_second_opener_is_refused_by_name(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with pytest.raises(EngineError, match="another program has"):
        opened(tmp_path)
    assert store.accept(submission(), at=0.0).created


def test_an_unknown_job_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownJob, match="job 5 "):
        opened(tmp_path).job(5)
