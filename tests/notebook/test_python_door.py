"""The Python door in a plain process: submit, wait, read, cancel; sync and async."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from engine_fixture import IsolatedEngine, RunImage

from jupyter_hpccontainers.model.errors import InvalidSpec, JobFailed, NeverFits
from jupyter_hpccontainers.model.job import Mount
from jupyter_hpccontainers.model.states import Result, State
from jupyter_hpccontainers.notebook.python import (
    Job,
    dry_run,
    images,
    job,
    jobs,
    machine,
    submit,
)

FOREVER = "import time\nprint('begun')\ntime.sleep(600)"


@pytest.fixture
def run(engine: IsolatedEngine, run_image: RunImage) -> Run:
    return Run(engine, run_image)


class Run:
    """Submits to the test's engine with the test's image and working folder."""

    def __init__(self, engine: IsolatedEngine, image: RunImage) -> None:
        self.engine = engine
        self.image = image

    def __call__(self, command: list[str] | str | None = None, **asked: object) -> Job:
        asked = {"workdir": str(self.engine.workdir), "runtime": self.image.runtime, **asked}
        return submit(self.image.reference, command, engine=self.engine.client, **asked)


def test_a_result_has_exit_code_and_output(run: Run) -> None:
    script = "import sys\nprint('out')\nprint('err', file=sys.stderr)"
    result = run(script=script, name="named", tags=["a", "b"]).result(timeout=60)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "out\n", "err\n")
    record = result.job.record
    assert (record.spec.name, record.spec.tags, record.result) == ("named", ("a", "b"), "COMPLETED")


def test_an_argv_and_a_text_run_the_same(run: Run) -> None:
    argv = run(["python3", "-c", "print('a b')"]).result()
    text = run("python3 -c \"print('a b')\"").result()
    assert argv.stdout == text.stdout == "a b\n"


def test_a_failed_job_raises_with_reason_and_tail(run: Run) -> None:
    with pytest.raises(JobFailed) as caught:
        run(script="print('last words'); raise SystemExit(9)").result()
    details = caught.value.details
    assert (details["exit_code"], details["result"]) == (9, "FAILED")
    assert details["tail"] == "last words\n"
    assert "FAILED" in str(caught.value)


def test_environment_mounts_and_limit_reach_the_job(run: Run, engine: IsolatedEngine) -> None:
    data = engine.folder / "data"
    data.mkdir()
    (data / "x").write_text("mounted")
    ended = run(
        script="import os; print(os.environ['X'], open('/in/x').read())",
        env={"X": "1"},
        mounts=[Mount(str(data), "/in", read_only=True)],
        time_limit=timedelta(minutes=5),
    )
    assert ended.result().stdout == "1 mounted\n"
    assert ended.record.spec.time_limit_s == 300


def test_waiting_has_a_limit_and_the_job_goes_on(run: Run) -> None:
    running = run(script=FOREVER)
    with pytest.raises(TimeoutError, match=f"job {running.id}"):
        running.wait(timeout=0.3)
    assert not running.record.done
    assert running.cancel(kill=True).wait().outcome is Result.CANCELLED
    assert running.state is State.DONE


def test_lines_come_while_the_job_runs(run: Run, engine: IsolatedEngine) -> None:
    script = """import os, time
print("first")
while not os.path.exists("go"):
    time.sleep(0.02)
print("second")"""
    lines = run(script=script).logs(follow=True)
    assert next(lines) == "first"
    (engine.workdir / "go").touch()
    assert list(lines) == ["second"]


def test_async_waits_lines_and_results(run: Run) -> None:
    async def main() -> tuple[list[str], list[str]]:
        both = [run(script=f"print({n}); print('end')") for n in range(2)]
        lines = [line async for line in both[0].logs_async()]
        results = await asyncio.gather(*(one.result_async() for one in both))
        await both[1].wait_async()
        return lines, [result.stdout for result in results]

    assert asyncio.run(main()) == (["0", "end"], ["0\nend\n", "1\nend\n"])


def test_an_async_wait_can_be_limited(run: Run) -> None:
    running = run(script=FOREVER)

    async def main() -> None:
        async with asyncio.timeout(0.3):
            await running.wait_async()

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    running.cancel(kill=True)


def test_jobs_are_listed_found_and_shown_as_a_table(run: Run, engine: IsolatedEngine) -> None:
    ended = run(script="pass", tags=["mine"]).wait()
    run(script="pass").wait()
    (found,) = jobs(tag="mine", engine=engine.client)
    assert found.id == job(ended.id, engine=engine.client).id == ended.id
    assert "COMPLETED" in jobs(engine=engine.client).text
    assert f"job {ended.id}" in repr(ended)


def test_machine_and_images_are_typed(run: Run, engine: IsolatedEngine) -> None:
    assert machine(engine=engine.client).machine.amounts.cores >= 1
    assert all(image.reference for image in images(engine=engine.client))


def test_what_can_never_start_is_refused_at_once(run: Run) -> None:
    with pytest.raises(NeverFits):
        run(script="pass", cores=10_000)
    with pytest.raises(InvalidSpec, match="cores"):
        run(script="pass", cores=0)
    with pytest.raises(InvalidSpec, match="did you mean 500m"):
        run(script="pass", memory="500")


def test_a_reason_is_a_sentence(run: Run, engine: IsolatedEngine) -> None:
    cores = machine(engine=engine.client).machine.amounts.cores
    first = run(script=FOREVER, cores=cores)
    engine.until(first.record, "RUNNING")
    second = run(script="pass")
    while second.reason == "waits for its image":
        continue
    assert second.reason.startswith("waits for 1 core")
    assert second.explain().position == 1
    first.cancel(kill=True).wait()
    assert second.wait().outcome is Result.COMPLETED


def test_a_dry_run_tells_and_submits_nothing(run: Run, engine: IsolatedEngine) -> None:
    asked = {"workdir": str(engine.workdir), "runtime": run.image.runtime, "engine": engine.client}
    image = run.image.reference
    assert dry_run(image, ["true"], tags="a", **asked).outlook.startswith("starts on core 0")
    all_cores = len(machine(engine=engine.client).machine.cores)
    first = run(script=FOREVER, cores=all_cores, memory="64m", time_limit="1h")
    assert next(iter(first.logs(follow=True))) == "begun"
    told = dry_run(image, script="print(1)", memory="64m", **asked)
    assert (told.job_id, told.after, told.reason is None) == (None, (first.id,), False)
    never = dry_run(image, cores=10_000, **asked)
    assert "10000 cores" in never.never
    with pytest.raises(TypeError, match="coers"):
        dry_run(image, coers=2, **asked)
    assert [one.id for one in jobs(engine=engine.client)] == [first.id]
    first.cancel(kill=True)
