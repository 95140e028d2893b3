"""Workflows, and jobs that wait for single tasks: real containers, an engine that is killed."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from engine_fixture import IsolatedEngine, RunImage

from jupyter_hpccontainers.model.errors import (
    HpccError,
    InvalidSpec,
    NeverFits,
    StateConflict,
    TooMany,
)
from jupyter_hpccontainers.model.job import Part
from jupyter_hpccontainers.model.states import ReasonCode, Result
from jupyter_hpccontainers.notebook.python import spec, submit, submit_workflow

#: Notes its begin and end in the working folder; with a gate it does not end before that is there.
NOTE = """#!/bin/sh
me={name}$HPCC_ARRAY_TASK_ID
echo "begin $me" >> notes
until [ -z "{gate}" ] || [ -e "go $me" ]; do sleep 0.05; done
echo "end $me" >> notes
exit {code}
"""


@pytest.fixture
def note(engine: IsolatedEngine, run_image: RunImage) -> Callable[..., dict[str, Any]]:
    """Return the request of a job that notes what it does."""

    def asked(me: str, *, gate: bool = False, code: int = 0, **more: Any) -> dict[str, Any]:
        script = NOTE.format(name=me, gate="yes" if gate else "", code=code)
        where = {"image": run_image.reference, "runtime": run_image.runtime, "memory": "64m"}
        return {**where, "workdir": str(engine.workdir), "script": script, **more}

    return asked


def notes(engine: IsolatedEngine) -> list[str]:
    path = engine.workdir / "notes"
    return path.read_text().splitlines() if path.exists() else []


def begun(engine: IsolatedEngine, index: int) -> None:
    """Wait until a task has begun."""
    deadline = time.monotonic() + 60
    while f"begin task{index}" not in notes(engine):
        assert time.monotonic() < deadline, engine.log()
        time.sleep(0.02)


def test_a_diamond_in_one_request_survives_kill_9(
    engine: IsolatedEngine, note: Callable[..., Any]
) -> None:
    flow = engine.client.submit_workflow(
        {
            "d": note("d", after=["b", "c"]),
            "c": note("c", gate=True, after="a"),
            "b": note("b", gate=True, dependencies="afterok:a"),
            "a": note("a", gate=True, name="own name"),
        }
    )
    assert [job.id for job in flow.values()] == sorted(job.id for job in flow.values())
    assert next(iter(flow)) == "a"
    assert flow["d"].part == Part(flow["a"].id, "d", 4)
    assert (flow["a"].spec.name, flow["d"].spec.name) == ("own name", "d")
    edges = [str(edge) for edge in flow["d"].spec.dependencies]
    assert edges == [f"afterok:{flow['b'].id}", f"afterok:{flow['c'].id}"]
    assert (
        engine.client.explain(flow["b"].id).sentence == f"waits for job {flow['a'].id} to complete"
    )
    for name in "abc":
        engine.until(flow[name], "RUNNING")
        assert engine.client.job(flow["d"].id).state == "PENDING"
        engine.kill()
        (engine.workdir / f"go {name}").touch()
        engine.start()
        assert engine.wait(flow[name]).result is Result.COMPLETED
    assert engine.wait(flow["d"]).result is Result.COMPLETED
    seen = notes(engine)
    assert sorted(seen) == sorted(f"{word} {job}" for job in "abcd" for word in ("begin", "end"))
    assert (seen[:2], seen[-2:]) == (["begin a", "end a"], ["begin d", "end d"])


def test_after_a_failure_the_rest_is_skipped_and_what_tidies_up_runs(
    engine: IsolatedEngine, note: Callable[..., Any]
) -> None:
    flow = engine.client.submit_workflow(
        {
            "split": note("split", code=3),
            "map": note("map", after="split", array="0-3"),
            "merge": note("merge", after="map"),
            "tidy": note("tidy", after="afternotok:map"),
        }
    )
    done = {name: engine.wait(job) for name, job in flow.items()}
    assert {name: job.result for name, job in done.items()} == {
        "split": Result.FAILED, "map": Result.SKIPPED, "merge": Result.SKIPPED,
        "tidy": Result.COMPLETED,
    }  # fmt: skip
    for name, parent in (("map", "split"), ("merge", "map")):
        reason = done[name].reason
        assert reason is not None
        assert reason.code is ReasonCode.DEPENDENCY_NEVER_SATISFIED
        assert reason.details["job"] == flow[parent].id
    assert notes(engine) == ["begin split", "end split", "begin tidy", "end tidy"]


def test_one_task_of_an_array_is_waited_for_before_it_has_begun(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, apptainer: str,
    run_image: RunImage,
) -> None:  # fmt: skip
    engine = make_engine(docker_host=f"unix://{docker_socket}", grace=2.0, cores=[0, 1])
    script = NOTE.format(name="task", gate="yes", code=0)
    array = engine.submit(run_image, script=script, array="1-5%1", memory="64m")
    send = {
        "third": f"afterok:{array.id}_3", "by number": f"afterok:{array.id + 3}",
        "fifth": f"afterok:{array.id}_5", "no fifth": f"afternotok:{array.id}_5",
    }  # fmt: skip
    children = {
        name: engine.submit(run_image, command=["true"], memory="64m", dependencies=asked)
        for name, asked in send.items()
    }
    with pytest.raises(InvalidSpec, match=f"it depends on job {array.id}_6, which is not known"):
        engine.submit(run_image, command=["true"], dependencies=f"afterok:{array.id}_6")
    why = engine.client.explain(children["third"].id)
    assert why.sentence == f"waits for job {array.id}_3 to complete"
    for index in (1, 2):
        begun(engine, index)
        engine.kill()
        (engine.workdir / f"go task{index}").touch()
        engine.start()
        engine.wait(engine.client.job(array.id + index))
    assert engine.client.job(children["third"].id).state == "PENDING"
    (engine.workdir / "go task3").touch()
    assert engine.wait(children["third"]).result is Result.COMPLETED
    assert engine.wait(children["by number"]).result is Result.COMPLETED
    assert not engine.client.job(array.id).done
    engine.client.cancel(array.id)
    skipped = engine.wait(children["fifth"])
    assert (skipped.result, skipped.started_at) == (Result.SKIPPED, None)
    assert engine.wait(children["no fifth"]).result is Result.COMPLETED
    engine.wait(array)
    late = engine.submit(run_image, command=["true"], dependencies=f"afterok:{array.id}_5")
    assert engine.wait(late).result is Result.SKIPPED
    told = engine.cli(
        "submit", run_image.reference, "--runtime", run_image.runtime, "--dry-run",
        "--after", f"{array.id}_5", "--", "true",
    )  # fmt: skip
    parent = f"{array.id}_5"
    wanted = f"never: job {parent} ended CANCELLED, so afterok:{parent} can never be met"
    assert wanted in told.stdout, told.stderr


def test_a_task_of_the_workflow_s_own_array(
    engine: IsolatedEngine, note: Callable[..., Any]
) -> None:
    flow = engine.client.submit_workflow(
        {
            "first": note("first", after="map_7"),
            "map": note("map", gate=True, array="5-9:2%1"),
        }
    )
    for index in (5, 7):
        (engine.workdir / f"go map{index}").touch()
    assert engine.wait(flow["first"]).result is Result.COMPLETED
    assert not engine.client.job(flow["map"].id).done
    engine.client.cancel(flow["map"].id)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"b": {"after": "d"}}, InvalidSpec, "these jobs wait for each other: b → d → b"),
        ({"d": {"after": "x"}}, InvalidSpec, "job d: it depends on x, which is no job of this"),
        ({"d": {"after": 77}}, InvalidSpec, "job d: it depends on job 77, which is not known here"),
        ({"d": {"after": "b_3"}}, InvalidSpec, "job d: it depends on task 3 of b, which has"),
        ({"c": {"cores": 10_000}}, NeverFits, "job c: asks 10000 cores"),
        ({"c": {"image": "--privileged"}}, HpccError, "job c: "),
        ({"c": {"network": "host"}}, HpccError, "job c: "),
        ({"c": {"array": "1-100"}}, TooMany, "job c: "),
        ({"c": {"workdir": "/no/such"}}, HpccError, "job c: "),
    ],
)  # fmt: skip
def test_all_or_none(
    made_engine: IsolatedEngine, changed: dict[str, Any], error: type[HpccError], message: str
) -> None:
    where = {"image": "no/such:1", "workdir": str(made_engine.workdir), "command": ["true"]}
    flow = {"a": {}, "b": {"after": "a"}, "c": {"after": "a"}, "d": {"after": ["b", "c"]}}
    flow = {name: {**where, **edges, **changed.get(name, {})} for name, edges in flow.items()}
    with pytest.raises(error) as refused:
        made_engine.client.submit_workflow(flow)
    assert refused.value.message.startswith(message)
    if message.startswith("job "):
        assert refused.value.details["job"] == message[4]
    assert made_engine.client.jobs() == ()


@pytest.fixture(scope="module")
def made_engine(
    make_module_engine: Callable[..., IsolatedEngine], docker_socket: str
) -> IsolatedEngine:
    """An engine that lets nobody have more than ten jobs waiting."""
    return make_module_engine(
        docker_host=f"unix://{docker_socket}", networks=["none"], max_pending_per_user=10
    )


def test_a_key_is_one_workflow(engine: IsolatedEngine, note: Callable[..., Any]) -> None:
    flow = {"b": note("b", after="a"), "a": note("a", array="0-1")}
    first = engine.client.submit_workflow(flow, key="k")
    engine.wait(first["b"])
    again = engine.client.submit_workflow(flow, key="k")
    assert {name: job.id for name, job in again.items()} == {n: j.id for n, j in first.items()}
    assert again["b"].result is Result.COMPLETED
    with pytest.raises(StateConflict, match="this idempotency key was used for something else"):
        engine.client.submit(note("a"), key="k")
    assert len(engine.client.jobs(tasks=False)) == 2


def test_from_python(engine: IsolatedEngine, run_image: RunImage) -> None:
    here = {"workdir": str(engine.workdir), "runtime": run_image.runtime, "memory": "64m"}
    image = run_image.reference
    flow = submit_workflow(
        {
            "split": spec(image, script="print('a b c')", **here),
            "map": spec(image, ["true"], array=["a", "b"], after="split", **here),
            "merge": spec(image, ["true"], after=["map", "afterany:split"], **here),
        },
        engine=engine.client,
    )
    assert flow["merge"].result(60).exit_code == 0
    assert flow["split"].logs() == "a b c\n"
    with pytest.raises(InvalidSpec, match=r"^these jobs wait for each other: a → b → a \("):
        submit_workflow(
            {name: spec(image, after=parent, **here) for name, parent in ("ab", "ba")},
            engine=engine.client,
        )
    # What completion and help show of it is what they show of submit.
    assert inspect.signature(spec).parameters.keys() == (
        inspect.signature(submit).parameters.keys() - {"engine"}
    )
    with pytest.raises(TypeError, match="engine"):
        spec(image, engine=engine.client)


def test_from_the_command_line(engine: IsolatedEngine, run_image: RunImage) -> None:
    job = {"image": run_image.reference, "runtime": run_image.runtime, "memory": "64m"}
    jobs = {
        "map": {**job, "command": ["true"], "array": "0-1", "after": "split"},
        "split": {**job, "script": "#!/bin/sh\npwd\n"},
    }
    (engine.workdir / "flow.json").write_text(json.dumps({"jobs": jobs}))
    dot = engine.cli("workflow", "flow.json", "--dot")
    assert dot.stdout.splitlines() == [
        "digraph workflow {", '  "split";', '  "map";', '  "split" -> "map" [label="afterok"];',
        "}",
    ]  # fmt: skip
    told = engine.cli("workflow", "flow.json", "--json")
    assert told.returncode == 0, told.stderr
    flow = json.loads(told.stdout)
    assert list(flow) == ["split", "map"]
    assert engine.cli("wait", str(flow["map"]["id"])).returncode == 0
    assert engine.cli("logs", str(flow["split"]["id"])).stdout == f"{engine.workdir}\n"
    assert (
        f"depends on   afterok:{flow['split']['id']}"
        in engine.cli("show", str(flow["map"]["id"])).stdout
    )
    table = engine.cli("workflow", "-", stdin=json.dumps({"jobs": jobs})).stdout
    assert [line.split()[2] for line in table.splitlines()] == ["NAME", "split", "map"]
    before = len(engine.client.jobs(tasks=False))
    for change, sentence in (
        ({"after": "map"}, "these jobs wait for each other: map → split → map"),
        ({"after": "mpa"}, "job split: it depends on mpa, which is no job of this workflow"),
    ):
        bad = {**jobs, "split": {**jobs["split"], **change}}
        refused = engine.cli("workflow", "-", stdin=json.dumps({"jobs": bad}))
        assert refused.returncode == 2
        assert refused.stderr.startswith(f"jupyter hpccontainers: {sentence} (")
    assert len(engine.client.jobs(tasks=False)) == before
    for text in ("{", "[]", '{"jobs": []}', '{"jobs": {}, "more": 1}'):
        assert engine.cli("workflow", "-", stdin=text).returncode == 2
