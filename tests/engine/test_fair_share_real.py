"""Fair share on a real engine: who has had little goes first, also for the engine after it."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from engine_fixture import IsolatedEngine, RunImage

from jupyter_hpccontainers.model.job import Job
from jupyter_hpccontainers.model.states import ReasonCode, Result, State

#: Runs until it is told to end, so that no test depends on how long anything takes.
UNTIL_TOLD = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.05)"
#: An account of every machine, beside the one whose jobs tests run.
OTHER = pwd.getpwnam("daemon")


def asked_by(engine: IsolatedEngine, dimension: str, name: str) -> dict[str, Any]:
    """Return what makes a job count for ``busy`` or ``idle``: a project, or another's folder."""
    if dimension == "project":
        return {"project": name}
    folder = engine.workdir if name == "busy" else engine.folder / name
    if not folder.exists():
        folder.mkdir()
        os.chown(folder, OTHER.pw_uid, OTHER.pw_gid)
    return {"workdir": str(folder)}


def images_found(engine: IsolatedEngine, jobs: Iterable[Job]) -> None:
    """Wait until only the machine is in the way: a new engine looks for each image first."""
    for job in jobs:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            reason = engine.client.job(job.id).reason
            if reason is not None and reason.code is not ReasonCode.IMAGE:
                break
            time.sleep(0.02)


#: What each has run before, in seconds. What they ran last says that busy's jobs are the shorter
#: ones, so nothing but their use can put idle's first.
RAN = (("busy", 2.0), ("busy", 0.0), ("busy", 0.0), ("idle", 0.5), ("idle", 0.5))


@pytest.mark.parametrize(
    ("dimension", "half_life_s", "first"),
    [
        ("project", 3600.0, "idle"),
        ("project", 0.0, "busy"),
        pytest.param("user", 3600.0, "idle", marks=pytest.mark.as_root),
    ],
)
def test_who_has_had_little_goes_first_also_after_a_restart(
    make_engine: Callable[..., IsolatedEngine],
    docker_socket: str,
    apptainer: str,
    run_image: RunImage,
    dimension: str,
    half_life_s: float,
    first: str,
) -> None:
    engine = make_engine(
        docker_host=f"unix://{docker_socket}",
        cores=[0],
        memory="1g",
        policy={"fair_half_life_s": half_life_s},
    )

    engine.give_to_an_account()

    def submit(script: str, **asked: Any) -> Job:
        return engine.submit(run_image, script=script, memory="64m", time_limit="1h", **asked)

    sides = {name: asked_by(engine, dimension, name) for name in ("busy", "idle")}
    for name, run_s in RAN:
        had = submit(f"import time; time.sleep({run_s})", **sides[name])
        assert engine.wait(had).result is Result.COMPLETED
    for restarted in (False, True):
        # Nobody's project: it holds the core until both wait, the busy one's first.
        holder = submit(UNTIL_TOLD)
        engine.until(holder, State.RUNNING)
        waiting = {name: submit("print(1)", **asked) for name, asked in sides.items()}
        if restarted:
            engine.kill()
            engine.start()
        images_found(engine, waiting.values())
        (engine.workdir / "go").touch()
        done = {name: engine.wait(job) for name, job in waiting.items()}
        begun = {name: job.started_at or 0.0 for name, job in done.items()}
        assert min(begun, key=lambda name: begun[name]) == first, restarted
        assert len({job.user for job in done.values()}) == (2 if dimension == "user" else 1)
        (engine.workdir / "go").unlink()
