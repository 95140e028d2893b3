"""Arrays and dependencies from a shell: submit, list, name a task, wait."""

from __future__ import annotations

import json

from engine_fixture import IsolatedEngine, RunImage


def test_an_array_s_life_in_a_shell(engine: IsolatedEngine, run_image: RunImage) -> None:
    image = (run_image.reference, "--runtime", run_image.runtime, "-m", "64m", "--parsable")
    show = ("--", "sh", "-c", 'echo "$HPCC_ARRAY_TASK_ID: $HPCC_ARRAY_ITEM"')
    (engine.workdir / "items.json").write_text(json.dumps(["a b", "c\nd"]))
    done = engine.cli("submit", *image, "--array-file", "items.json", "--array", "%1", *show)
    assert done.returncode == 0, done.stderr
    array = int(done.stdout)
    bad = ("--", "sh", "-c", "[ $HPCC_ARRAY_TASK_ID != 4 ]")
    other = int(engine.cli("submit", *image, "--array", "2-6:2%2", "--after", str(array), *bad)
                .stdout)  # fmt: skip
    never = int(engine.cli("submit", *image, "--dependency", f"afterok:{other}", *bad).stdout)
    assert engine.cli("wait", str(array)).returncode == 0
    assert engine.cli("wait", str(other)).returncode != 0
    assert "SKIPPED" in engine.cli("wait", str(never)).stdout
    assert engine.cli("logs", f"{array}_1").stdout == "1: c\nd\n"
    lines = engine.cli("list", "-a").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["JOB", str(never), str(other), str(array)]
    assert "FAILED 3/3, 1 failed" in lines[2]
    assert "COMPLETED 2/2" in lines[3]
    every = engine.cli("list", "-a", "--tasks").stdout
    assert [line.split()[0] for line in every.splitlines()[2:6]] == [
        f"{other}_6", f"{other}_4", f"{other}_2", str(other),
    ]  # fmt: skip
    shown = engine.cli("show", f"{other}_4", "--json").stdout
    assert json.loads(shown)["task"] == {"array": other, "index": 4, "item": None}
    assert "2-6:2: 2 completed, 1 failed" in engine.cli("show", str(other)).stdout
    refused = engine.cli("show", f"{other}_5")
    assert refused.returncode != 0
    assert f"job {other} has no task 5" in refused.stderr
