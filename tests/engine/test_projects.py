"""Projects with members and highest classes, and the most jobs one person may have waiting."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from engine_fixture import IsolatedEngine

from jupyter_hpccontainers.backends.local.projects import Projects, parse_projects
from jupyter_hpccontainers.client.engine import EngineClient
from jupyter_hpccontainers.model.errors import HpccError, InvalidSpec, NotAllowed, TooMany
from jupyter_hpccontainers.model.job import Job, JobSpec, Priority
from jupyter_hpccontainers.model.states import Result

PROGRAM = [sys.executable, "-m", "jupyter_hpccontainers.cli"]
SITE = {
    "carbon": {"members": ["ann", "@chemists"], "highest_priority": "normal"},
    "open": {"members": ["*"]},
    "closed": {"members": ["nobody"]},
}


def for_project(name: str, priority: Priority = Priority.NORMAL) -> JobSpec:
    return JobSpec(image="a", project=name, priority=priority)


@pytest.mark.parametrize(
    ("user", "groups", "theirs"),
    [
        ("ann", (), ["carbon", "open"]),
        ("bob", ("chemists", "users"), ["carbon", "open"]),
        ("bob", ("ann",), ["open"]),
    ],
)
def test_members_are_people_groups_or_everybody(
    user: str, groups: tuple[str, ...], theirs: list[str]
) -> None:
    projects = Projects(parse_projects(SITE))
    assert projects.of(user, groups) == theirs
    for name in SITE:
        if name in theirs:
            projects.check(for_project(name), user, groups)
        else:
            with pytest.raises(NotAllowed) as refused:
                projects.check(for_project(name), user, groups)
            assert str(refused.value) == (
                f"{user} is not a member of project {name} (name one of {', '.join(theirs)})"
            )


def test_an_unknown_project_is_refused_and_those_of_the_person_are_named() -> None:
    projects = Projects(parse_projects({"carbon": {"members": ["ann"]}}))
    for user, cure in (("ann", "name one of carbon"), ("bob", "you are in no project")):
        with pytest.raises(InvalidSpec, match=cure) as refused:
            projects.check(for_project("karbon"), user, ())
        assert refused.value.field == "project"
    Projects({}).check(for_project("karbon"), "bob", ())


def test_a_project_has_a_highest_class_and_so_may_jobs_without_one() -> None:
    projects = Projects(parse_projects({**SITE, "": SITE["carbon"]}))
    projects.check(for_project("carbon", Priority.BEST_EFFORT), "ann", ())
    projects.check(for_project("open", Priority.URGENT), "ann", ())
    for name, said in (("carbon", "project carbon may"), ("", "a job without a project may")):
        with pytest.raises(NotAllowed, match=f"{said} not ask for the class urgent") as refused:
            projects.check(for_project(name, Priority.URGENT), "ann", ())
        assert (refused.value.field, refused.value.cure) == ("priority", "ask for normal at most")
    with pytest.raises(NotAllowed, match="a job needs a project here"):
        projects.check(for_project(""), "bob", ())


@pytest.mark.parametrize(
    "wrong",
    [
        {"a b": {"members": []}},
        {"a": ["ann"]},
        {"a": {"members": "ann"}},
        {"a": {"members": [], "highest_priority": "high"}},
        {"a": {"members": [], "limits": {}}},
    ],
)
def test_what_is_no_project_is_refused_when_the_engine_starts(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_projects(wrong)
    assert refused.value.field == "projects"


Make = Callable[..., IsolatedEngine]


@pytest.fixture
def make(make_engine: Make, docker_socket: str) -> Make:
    def made(**traits: Any) -> IsolatedEngine:
        return make_engine(docker_host=f"unix://{docker_socket}", memory="1g", **traits)

    return made


def held(engine: IsolatedEngine, image: str, key: str | None = None, **asked: Any) -> Job:
    """Submit a job that waits until it is released."""
    body = {
        "image": image, "workdir": str(engine.workdir), "command": ["true"], "memory": "64m",
        "hold": True,
    }  # fmt: skip
    return engine.client.submit({**body, **asked}, key=key)


def test_a_real_engine_lets_members_in_and_nobody_else(make: Make, tiny_image: str) -> None:
    engine = make(projects=SITE)
    job = held(engine, tiny_image, project="open")
    assert job.spec.project == "open"
    with pytest.raises(NotAllowed, match=f"{job.user} is not a member of project closed") as no:
        held(engine, tiny_image, project="closed")
    assert (no.value.status, no.value.field) == (403, "project")
    with pytest.raises(InvalidSpec, match="project x is not known here"):
        engine.client.dry_run({"image": tiny_image, "workdir": str(engine.workdir), "project": "x"})
    done = subprocess.run(
        [*PROGRAM, "submit", tiny_image, "--project", "closed", "--", "true"],
        env=engine.env, cwd=engine.workdir, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "is not a member of project closed (name one of open)" in done.stderr
    assert done.returncode != 0
    # Who had to leave a project keeps what was accepted, and may ask for no higher class of it.
    engine.kill()
    engine.configure(
        docker_host=json.loads((engine.folder / "config/jupyter_hpccontainers_config.json")
                               .read_text())["Engine"]["docker_host"],
        projects={"open": {"members": ["nobody"]}},
    )  # fmt: skip
    engine.start()
    with pytest.raises(NotAllowed):
        engine.client.change(job.id, priority="urgent")
    assert engine.client.change(job.id, time_limit="1h").spec.time_limit_s == 3600
    engine.client.release(job.id)
    assert engine.wait(job).result is Result.COMPLETED


def test_one_more_than_may_wait_is_refused_with_the_number(make: Make, tiny_image: str) -> None:
    engine = make(max_pending_per_user=100)
    first = held(engine, tiny_image, key="first")
    for _ in range(99):
        held(engine, tiny_image)
    with pytest.raises(TooMany, match=r"has 100 of at most 100 jobs waiting") as refused:
        held(engine, tiny_image)
    assert refused.value.status == 429
    with pytest.raises(TooMany):
        engine.client.dry_run({"image": tiny_image, "workdir": str(engine.workdir)})
    # What was accepted stays accepted when it is sent again.
    assert held(engine, tiny_image, key="first").id == first.id
    engine.client.cancel(first.id)
    assert held(engine, tiny_image).id > first.id


def test_each_task_that_has_not_begun_counts(make: Make, tiny_image: str) -> None:
    engine = make(max_pending_per_user=5)
    array = held(engine, tiny_image, array="1-4")
    with pytest.raises(TooMany, match="has 4 of at most 5 jobs waiting, the 2 tasks of this"):
        held(engine, tiny_image, array="1-2")
    held(engine, tiny_image)
    with pytest.raises(TooMany):
        held(engine, tiny_image)
    engine.kill()
    engine.start()
    with pytest.raises(TooMany):
        held(engine, tiny_image)
    engine.client.release(array.id)
    engine.wait(array)
    held(engine, tiny_image, array="1-4")


def test_who_comes_at_the_same_time_is_counted_too(make: Make, tiny_image: str) -> None:
    engine = make(max_pending_per_user=3)
    answers: list[object] = []

    def ask() -> None:
        body = {
            "image": tiny_image, "workdir": str(engine.workdir), "command": ["true"],
            "memory": "64m", "hold": True,
        }  # fmt: skip
        client = EngineClient(engine.socket)
        try:
            answers.append(client.submit(body))
        except HpccError as error:
            answers.append(error)
        finally:
            client.close()

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(answer, Job) for answer in answers) == 3
    assert sum(isinstance(answer, TooMany) for answer in answers) == 9
