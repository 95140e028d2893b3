"""Jobs that wait for the end of others, with real containers and an engine that is killed."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from engine_fixture import IsolatedEngine, RunImage

from jupyter_hpccontainers.model.errors import InvalidSpec
from jupyter_hpccontainers.model.job import Job
from jupyter_hpccontainers.model.states import ReasonCode, Result
from jupyter_hpccontainers.notebook.python import submit

#: Writes when it began and when it ended, each once, into the working folder; one that has a gate
#: does not end before the gate's file is there.
NOTE = """#!/bin/sh
echo "begin {name}" >> notes
sleep {seconds}
until [ -z "{gate}" ] || [ -e "{gate}" ]; do sleep 0.05; done
echo "end {name}" >> notes
exit {code}
"""


@pytest.fixture
def noting(engine: IsolatedEngine, run_image: RunImage) -> Callable[..., Job]:
    """Submit a job that notes its begin and end under a name."""

    def send(
        name: str, *, seconds: float = 0, gate: str = "", code: int = 0, after: str = ""
    ) -> Job:
        script = NOTE.format(name=name, seconds=seconds, gate=gate, code=code)
        more = {"dependencies": after} if after else {}
        return engine.submit(run_image, script=script, name=name, **more)

    return send


def notes(engine: IsolatedEngine) -> list[str]:
    path = engine.workdir / "notes"
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("code", [0, 3])
def test_each_kind(engine: IsolatedEngine, noting: Callable[..., Job], code: int) -> None:
    parent = noting("parent", seconds=0.5, code=code)
    children = {
        kind: noting(kind, after=f"{kind}:{parent.id}")
        for kind in ("afterok", "afternotok", "afterany", "afterarray")
    }
    waiting = engine.client.explain(children["afterok"].id)
    assert waiting.reason is not None
    assert waiting.reason.code is ReasonCode.DEPENDENCY
    assert waiting.sentence == f"waits for job {parent.id} to complete"
    skipped = "afterok" if code else "afternotok"
    for kind, job in children.items():
        done = engine.wait(job)
        if kind == skipped:
            assert done.result is Result.SKIPPED
            assert done.reason is not None
            assert done.reason.code is ReasonCode.DEPENDENCY_NEVER_SATISFIED
            assert done.started_at is None
        else:
            assert done.result is Result.COMPLETED
            assert notes(engine).index("end parent") < notes(engine).index(f"begin {kind}")
    assert f"begin {skipped}" not in notes(engine)


def test_a_chain_behind_a_failure_is_skipped_and_its_cleaner_runs(
    engine: IsolatedEngine, noting: Callable[..., Job]
) -> None:
    first = noting("first", code=1)
    second = noting("second", after=f"afterok:{first.id}")
    third = noting("third", after=f"afterok:{second.id}")
    cleaner = noting("cleaner", after=f"afterany:{third.id}")
    assert engine.wait(cleaner).result is Result.COMPLETED
    assert [engine.wait(job).result for job in (second, third)] == [Result.SKIPPED] * 2
    late = noting("late", after=f"afterok:{first.id}")
    assert engine.wait(late).result is Result.SKIPPED


def test_a_diamond_survives_kill_9_of_the_engine(
    engine: IsolatedEngine, noting: Callable[..., Job]
) -> None:
    a = noting("a", gate="go a")
    b = noting("b", gate="go b", after=f"afterok:{a.id}")
    c = noting("c", gate="go c", after=f"afterok:{a.id}")
    d = noting("d", after=f"afterok:{b.id}:{c.id}")
    for last in (a, b, c):
        engine.until(last, "RUNNING")
        assert engine.client.job(d.id).state == "PENDING"
        engine.kill()
        (engine.workdir / f"go {last.spec.name}").touch()
        engine.start()
        assert engine.wait(last).result is Result.COMPLETED, engine.client.job(last.id)
    assert engine.wait(d).result is Result.COMPLETED
    seen = notes(engine)
    assert sorted(seen) == sorted(f"{word} {job}" for job in "abcd" for word in ("begin", "end"))
    assert seen[:2] == ["begin a", "end a"]
    assert seen[-2:] == ["begin d", "end d"]


def test_a_parent_that_failed_while_no_engine_lived(
    engine: IsolatedEngine, noting: Callable[..., Job]
) -> None:
    parent = noting("parent", seconds=1, code=2)
    child = noting("child", after=f"afterok:{parent.id}")
    engine.until(parent, "RUNNING")
    engine.kill()
    time.sleep(1.5)
    engine.start()
    assert engine.wait(child).result is Result.SKIPPED


def test_a_dry_run_after_a_failed_parent_says_never(
    engine: IsolatedEngine, run_image: RunImage, noting: Callable[..., Job]
) -> None:
    parent = engine.wait(noting("parent", code=3))
    asked = ("--runtime", run_image.runtime, "--dry-run", "--after", str(parent.id), "--", "true")
    told = engine.cli("submit", run_image.reference, *asked)
    wanted = f"never: job {parent.id} ended FAILED, so afterok:{parent.id} can never be met"
    assert wanted in told.stdout, told.stderr
    assert [job.id for job in engine.client.jobs()] == [parent.id]


def test_an_unknown_parent_is_refused_and_nothing_is_accepted(
    engine: IsolatedEngine, noting: Callable[..., Job]
) -> None:
    with pytest.raises(InvalidSpec, match="depends on job 77") as refused:
        noting("child", after="afterok:77")
    assert refused.value.field == "dependencies"
    assert engine.client.jobs() == ()


def test_from_python_a_job_is_named_by_itself(engine: IsolatedEngine, run_image: RunImage) -> None:
    asked = {
        "workdir": str(engine.workdir), "runtime": run_image.runtime, "engine": engine.client,
    }  # fmt: skip
    first = submit(run_image.reference, ["true"], **asked)
    second = submit(run_image.reference, ["true"], after=first, **asked)
    third = submit(run_image.reference, ["true"], after=[first, f"afterany:{second.id}"], **asked)
    assert third.wait(60).outcome is Result.COMPLETED
    assert [str(edge) for edge in third.record.spec.dependencies] == [
        f"afterok:{first.id}",
        f"afterany:{second.id}",
    ]
