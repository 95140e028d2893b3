"""Arrays and dependencies from cells, in a real kernel against a real engine."""

from __future__ import annotations

from engine_fixture import IsolatedEngine, RunImage
from kernel_fixture import Kernel

from jupyter_hpccontainers.model.arrays import TaskCounts


def test_a_cell_is_an_array_and_the_next_waits_for_it(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    asked = f"'{run_image.reference}' --runtime {run_image.runtime} -m 64m"
    ran = kernel.run(
        f"%%container {asked} --array 1-5:2%1\nimport os\nprint(os.environ['HPCC_ARRAY_TASK_ID'])"
    )
    assert ran.error is None
    number = int(kernel.value("_job.id"))
    assert engine.client.job(number).tasks == TaskCounts(completed=3)
    assert kernel.value("[task.logs() for task in _job.tasks]") == repr(["1\n", "3\n", "5\n"])
    assert kernel.run(f"%container logs {number}_3").printed["stdout"] == "3\n"
    listed = kernel.run("%container ps -a").result["text/plain"]
    assert [line.split()[0] for line in listed.splitlines()] == ["JOB", str(number)]
    assert kernel.run(f"%%container {asked} --after {number}\nprint('after')").error is None
    failed = kernel.run(
        f"%%container {asked} --array 0-1\nimport os\nraise SystemExit(os.environ['HPCC_JOB_ID'])"
    )
    assert failed.error is not None
    assert "2 of its 2 tasks failed" in str(failed.error)
