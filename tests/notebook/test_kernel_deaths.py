"""Nothing of a job is lost when the kernel or the engine is killed under it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from engine_fixture import IsolatedEngine, RunImage
from kernel_fixture import Kernel, Ran

GATED = """import os, time
open("started", "a").write("x")
print("before")
while not os.path.exists("go"):
    time.sleep(0.02)
print("after")
"""


def cell(image: RunImage) -> str:
    """Return the cell that runs the gated body."""
    return f"%%container '{image.reference}' --runtime {image.runtime} --out text\n{GATED}"


def test_a_job_outlives_its_kernel_and_another_kernel_finds_it(
    make_kernel: Callable[[], Kernel], run_image: RunImage, engine: IsolatedEngine
) -> None:
    first = make_kernel()
    first.client.execute(cell(run_image))
    while not (jobs := engine.client.jobs(state="RUNNING")):
        assert not engine.client.jobs(state="DONE")
    first.manager.signal_kernel(signal.SIGKILL)
    (engine.workdir / "go").touch()
    second = make_kernel()
    second.run("from jupyter_hpccontainers.notebook import python as hpc")
    (job,) = jobs
    assert second.value(f"hpc.job({job.id}).result().stdout") == repr("before\nafter\n")
    assert (engine.workdir / "started").read_text() == "x"


ENDS: dict[str, Callable[[Kernel], None]] = {
    "shut down": lambda kernel: kernel.manager.shutdown_kernel(),
    "shut down now": lambda kernel: kernel.manager.shutdown_kernel(now=True),
    "restarted": lambda kernel: kernel.manager.restart_kernel(),
}


@pytest.mark.parametrize("how", ENDS)
def test_a_job_goes_on_when_its_kernel_is_properly_ended(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine, how: str
) -> None:
    kernel.client.execute(cell(run_image))
    while not (jobs := engine.client.jobs(state="RUNNING")):
        assert not engine.client.jobs(state="DONE")
    # Jupyter interrupts the cell first; that must not read as a person's interrupt.
    ENDS[how](kernel)
    (engine.workdir / "go").touch()
    assert engine.wait(jobs[0]).result == "COMPLETED"


def test_a_cell_goes_on_when_the_engine_is_killed_under_it(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    killed: list[int] = []

    def kill_the_engine(ran: Ran) -> None:
        if not killed and ran.displays and ran.cards and "before" in ran.cards[-1]["tail"]:
            killed.append(engine.client.health().pid)
            engine.kill()
            (engine.workdir / "go").touch()

    ran = kernel.run(cell(run_image), kill_the_engine)
    assert ran.error is None
    assert ran.cards[-1]["result"] == "COMPLETED"
    assert kernel.value("text") == repr("before\nafter\n")
    assert (engine.workdir / "started").read_text() == "x"
    # The kernel itself started the engine that took over.
    assert engine.client.health().pid not in killed
    assert os.path.exists(engine.socket)
