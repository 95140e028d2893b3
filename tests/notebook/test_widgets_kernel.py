"""Widgets in a real kernel on a real engine: what a page is sent, and when."""

from __future__ import annotations

import os
import signal
from itertools import pairwise
from typing import Any

import pytest
from engine_fixture import IsolatedEngine
from kernel_fixture import CARD, Kernel
from widget_page import Page

VIEW = "application/vnd.jupyter.widget-view+json"
IMPORT = "from jupyter_hpccontainers.notebook.widgets import JobView, Launcher, QueueView"


@pytest.fixture
def page(kernel: Kernel) -> Page:
    """A page on which no widget is drawn yet."""
    page = Page(kernel)
    page.run(IMPORT)
    return page


def test_the_form_submits_what_the_python_door_would(
    page: Page, engine: IsolatedEngine, tiny_image: str
) -> None:
    launcher = page.make("launcher = Launcher()")
    page.hello(launcher)
    form = {
        "image": f" {tiny_image} ", "command": "echo hello", "cores": "1", "memory": "64m",
        "gpus": "0", "time_limit": "10m", "name": "from a form", "runtime": "docker",
    }  # fmt: skip
    page.ask(launcher, ask="submit", form=form, key="one key")
    page.until(lambda: page.of("submitted"), "the form is answered")
    (answer,) = page.of("submitted")
    page.until(lambda: page.stands(answer["job"], "DONE"), "the job ends")
    page.run(
        "import jupyter_hpccontainers as hpcc\n"
        f"twin = hpcc.submit({tiny_image!r}, 'echo hello', cores=1, memory='64m', gpus=0, "
        "time_limit='10m', name='from a form', runtime='docker')"
    )
    twin = engine.client.jobs(limit=1)[0]
    assert twin.id != answer["job"]
    assert engine.client.job(answer["job"]).spec == twin.spec
    assert page.logs[answer["job"]] == b"hello\n"


def test_a_click_that_is_repeated_is_one_job(
    page: Page, engine: IsolatedEngine, tiny_image: str
) -> None:
    launcher = page.make("launcher = Launcher()")
    form = {"image": tiny_image, "command": "true"}
    for _ in range(2):
        page.ask(launcher, ask="submit", form=form, key="the same")
    page.until(lambda: len(page.of("submitted")) == 2, "both are answered")
    assert len({answer["job"] for answer in page.of("submitted")}) == 1
    assert len(engine.client.jobs()) == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"cores": "99999"}, "cores"),
        ({"cores": "many"}, "cores"),
        ({"memory": "4"}, "memory"),
        ({"time_limit": "soon"}, "time_limit"),
        ({"name": "<b>"}, "name"),
        ({"command": "echo 'open"}, "command"),
        ({"image": ""}, "image"),
    ],
)
def test_the_engine_names_the_field_that_is_wrong(
    page: Page, wrong: dict[str, str], field: str, tiny_image: str
) -> None:
    launcher = page.make("launcher = Launcher()")
    page.ask(launcher, ask="submit", form={"image": tiny_image, **wrong}, key="k")
    page.until(lambda: page.of("invalid"), "it is refused")
    (refused,) = page.of("invalid")
    assert refused["field"] == field
    assert refused["message"]
    assert refused["cure"]


def test_the_form_offers_what_the_engine_has(
    page: Page, engine: IsolatedEngine, tiny_image: str
) -> None:
    launcher = page.make("launcher = Launcher('an/image:1', cores=2, memory='1g')")
    page.ask(launcher, ask="config")
    page.ask(launcher, ask="images")
    page.until(lambda: page.of("config") and page.of("images"), "both are answered")
    most, config = engine.client.config().max, page.of("config")[0]["config"]
    assert (config["cores"], config["memory_bytes"], config["gpus"]) == (
        most.cores, most.memory_bytes, most.gpus,
    )  # fmt: skip
    assert set(config["runtimes"]) == {"auto", "docker", "apptainer"}
    assert tiny_image in {image["name"] for image in page.of("images")[0]["images"]}
    assert page.state[launcher]["form"] == {
        "image": "an/image:1", "command": "", "cores": "2", "memory": "1g",
        "gpus": "0", "time_limit": "", "name": "", "runtime": "auto",
    }  # fmt: skip


def test_the_form_tells_when_its_job_would_start_and_that_the_queue_changed(
    page: Page, engine: IsolatedEngine, tiny_image: str
) -> None:
    cores = len(engine.client.machine().machine.cores)
    launcher = page.make("launcher = Launcher()")
    page.hello(launcher)

    def outlook(key: str, **form: Any) -> str:
        asked = {"image": tiny_image, "cores": str(cores), "memory": "32m", **form}
        page.ask(launcher, ask="outlook", form=asked, key=key)
        answers = lambda: [a for a in page.of("outlook") if a["key"] == key]  # noqa: E731
        page.until(answers, "the question is answered")
        return str(answers()[0]["text"])

    def changed() -> int:
        """Return how often the view was told to ask again, once it was told again."""
        page.until(lambda: len(page.of("queue")) > told, "the view is told of a change")
        return len(page.of("queue"))

    told = 0
    assert outlook("idle").startswith("starts on core")
    holder = engine.submit(
        tiny_image, command=["sleep", "300"], cores=cores, memory="32m", time_limit="20m"
    )
    engine.until(holder, "RUNNING")
    told = changed()
    # However much happens, it is said once until the view asks again.
    for _ in range(3):
        engine.client.cancel(engine.submit(tiny_image, command=["true"], hold=True).id)
    page.listen(0.5)
    assert len(page.of("queue")) == told
    assert f"in about 20 min, after job {holder.id}" in outlook("busy")
    assert outlook("large", cores=str(cores + 1)) == (
        f"never: asks {cores + 1} cores, the machine has {cores}"
    )
    assert outlook("wrong", memory="lots") == ""
    told = len(page.of("queue"))
    engine.client.cancel(holder.id, kill=True)
    told = changed()
    engine.wait(holder)
    assert outlook("free").startswith("starts now on core")
    # With its last view gone the kernel follows the queue no longer.
    page.ask(launcher, ask="bye", view="a view")
    page.listen(0.5)
    told = len(page.of("queue"))
    engine.wait(engine.submit(tiny_image, command=["true"]))
    page.listen(0.5)
    assert len(page.of("queue")) == told
    assert len(engine.client.jobs()) == 5


def test_a_question_does_not_hold_the_kernel(
    page: Page, engine: IsolatedEngine, tiny_image: str
) -> None:
    launcher = page.make("launcher = Launcher()")
    pid = engine.client.health().pid
    os.kill(pid, signal.SIGSTOP)
    try:
        page.ask(launcher, ask="outlook", form={"image": tiny_image}, key="k")
        page.run("answer = 6 * 7")
        assert page.of("outlook") == []
    finally:
        os.kill(pid, signal.SIGCONT)
    page.until(lambda: page.of("outlook"), "the question is answered")


def test_lines_come_while_the_job_runs_and_the_kernel_answers(
    page: Page, engine: IsolatedEngine, tiny_image: str
) -> None:
    job = engine.submit(
        tiny_image,
        script="#!/bin/sh\necho first\nwhile [ ! -e go ]; do sleep 0.05; done\necho last\n",
    )
    view = page.make(f"view = JobView({job.id})")
    page.hello(view)
    page.until(lambda: page.logs.get(job.id) == b"first\n", "the first line is shown")
    page.run("answer = 6 * 7")
    assert engine.client.job(job.id).state == "RUNNING"
    # A cell that blocks the kernel does not keep the view from being told.
    blocking = page.start(
        "import time, pathlib\nwhile not pathlib.Path('seen').exists(): time.sleep(0.05)"
    )
    page.listen(0.5)
    (engine.workdir / "go").touch()
    page.until(lambda: page.stands(job.id, "DONE"), "the end is shown")
    page.until(lambda: page.logs.get(job.id) == b"first\nlast\n", "the last line is shown")
    assert blocking not in page.idle
    (engine.workdir / "seen").touch()
    page.ended(blocking)


def test_cancel_stops_the_job(page: Page, engine: IsolatedEngine, tiny_image: str) -> None:
    job = engine.submit(tiny_image, command=["sleep", "300"])
    view = page.make(f"view = JobView({job.id})")
    page.hello(view)
    page.until(lambda: page.stands(job.id, "RUNNING"), "it runs")
    page.ask(view, ask="cancel", job=job.id)
    page.until(lambda: page.stands(job.id, "CANCELLED"), "it is cancelled")


MEGABYTE = 'i=0; while [ $i -lt 10000 ]; do echo "$i {}"; i=$((i+1)); done'


def test_a_megabyte_of_log_is_little_more_on_the_wire(
    page: Page, engine: IsolatedEngine, tiny_image: str
) -> None:
    line = "x" * 94
    job = engine.submit(tiny_image, script=f"#!/bin/sh\n{MEGABYTE.format(line)}\n")
    view = page.make(f"view = JobView({job.id})")
    page.hello(view)
    whole = lambda: engine.client.job(job.id).done and engine.output(job)  # noqa: E731
    page.until(lambda: (log := whole()) and page.logs.get(job.id) == log, "all is shown")
    log = engine.output(job)
    assert len(log) > 900_000
    assert page.wire_bytes <= 1.1 * len(log) + 50_000
    biggest = max(later - earlier for earlier, later in pairwise([0.0, *page.sent_at]))
    assert biggest > 0
    assert len(page.sent_at) <= 12 + 10 * (page.sent_at[-1] - page.sent_at[0])


def test_a_page_that_says_nothing_is_sent_a_megabyte_and_no_more(
    page: Page, engine: IsolatedEngine, tiny_image: str
) -> None:
    page.answers = False
    flood = "#!/bin/sh\nwhile [ ! -e stop ]; do echo " + "y" * 2000 + "; done\n"
    job = engine.submit(tiny_image, script=flood)
    view = page.make(f"view = JobView({job.id})")
    page.hello(view)
    page.until(lambda: page.wire_bytes > 2**20, "the window is full")
    page.listen(1.0)
    told = page.wire_bytes
    page.listen(1.0)
    assert page.wire_bytes == told <= 1.2 * 2**20
    # Nor does the kernel hold what the page has not taken.
    page.run(
        "feed = view._feed()\n"
        f"held = feed._watched[{job.id}].ring\n"
        "assert held.end > 2**21, held.end\n"
        "assert len(held.read(0, 2**30)[1]) <= 2**20"
    )
    (engine.workdir / "stop").touch()
    engine.wait(job)
    # Heard of again, the page is sent the end of the log.
    page.answers, page.starts, page.logs = True, {}, {}
    page.hello(view)
    size = len(engine.output(job))
    page.until(
        lambda: page.starts and page.starts[job.id] + len(page.logs[job.id]) == size, "the end"
    )
    assert engine.output(job).endswith(bytes(page.logs[job.id]))


def test_a_page_loaded_again_misses_nothing(
    page: Page, engine: IsolatedEngine, tiny_image: str
) -> None:
    job = engine.submit(
        tiny_image, script="#!/bin/sh\nfor i in 1 2 3; do echo $i; done\nsleep 300\n"
    )
    view = page.make(f"view = JobView({job.id})")
    page.hello(view, view="before")
    page.until(lambda: page.logs.get(job.id) == b"1\n2\n3\n", "the lines are shown")
    page.logs, page.starts, page.jobs = {}, {}, {}
    page.hello(view, view="after")
    page.until(lambda: page.logs.get(job.id) == b"1\n2\n3\n", "the lines are shown again")
    assert page.stands(job.id, "RUNNING")
    # A view that missed only the end is sent only the end.
    page.logs, page.starts = {}, {}
    page.ask(view, ask="rewind", job=job.id, offset=4)
    page.until(lambda: page.logs.get(job.id) == b"3\n", "the last line is shown")
    assert page.starts[job.id] == 4


def test_nothing_is_sent_to_a_widget_without_a_view(
    page: Page, engine: IsolatedEngine, tiny_image: str
) -> None:
    job = engine.submit(tiny_image, script="#!/bin/sh\nwhile true; do echo line; sleep 0.1; done\n")
    view = page.make(f"view = JobView({job.id})")
    page.listen(1.0)
    assert page.messages == []
    page.hello(view)
    page.until(lambda: page.logs.get(job.id), "lines are shown")
    page.ask(view, ask="bye", view="a view")
    page.listen(1.0)
    told = len(page.messages)
    page.listen(1.0)
    assert len(page.messages) == told


def test_what_a_cell_shows_becomes_the_record_of_the_job(
    page: Page, engine: IsolatedEngine, tiny_image: str
) -> None:
    job = engine.submit(
        tiny_image, script="#!/bin/sh\necho its line\nwhile [ ! -e go ]; do sleep 0.05; done\n"
    )
    page.run(f"view = JobView({job.id})\nview")
    (display_id,) = page.shown
    bundle = page.shown[display_id]
    assert {VIEW, CARD, "text/plain"} <= bundle.keys()
    (engine.workdir / "go").touch()
    page.until(lambda: VIEW not in page.shown[display_id], "the output becomes the record")
    saved = page.shown[display_id]
    assert saved[CARD]["state"] == "DONE"
    assert saved[CARD]["tail"] == "its line\n"
    assert f"job {job.id}" in saved["text/plain"]
    assert "its line" in saved["text/plain"]
    # Shown once more it is the record from the beginning.
    page.run("view")
    assert len(page.shown) == 2
    assert all(VIEW not in shown for shown in page.shown.values())


def test_the_queue_shows_jobs_of_every_door(
    page: Page, engine: IsolatedEngine, tiny_image: str
) -> None:
    view = page.make("queue = QueueView()")
    page.hello(view)
    before = engine.submit(tiny_image, command=["sleep", "300"])
    page.until(lambda: page.stands(before.id, "RUNNING"), "it is listed and runs")
    all_cores = len(engine.client.machine().machine.cores)
    after = engine.submit(tiny_image, command=["true"], cores=all_cores)
    page.until(lambda: page.stands(after.id, "PENDING"), "the new one waits")
    page.until(lambda: engine.client.job(after.id).position == 1, "it is planned")
    page.hello(view, view="drawn again")
    page.until(lambda: page.jobs[after.id]["waiting"], "it says why")
    assert page.jobs[after.id]["position"] == 1
    page.ask(view, ask="cancel", job=before.id)
    page.until(lambda: page.stands(before.id, "CANCELLED"), "it is cancelled")
    page.until(lambda: page.stands(after.id, "COMPLETED"), "the other one runs")


def test_an_engine_that_is_killed_is_said_to_be_gone_and_comes_back(
    page: Page, engine: IsolatedEngine, tiny_image: str
) -> None:
    job = engine.submit(
        tiny_image, script="#!/bin/sh\necho one\nwhile [ ! -e go ]; do sleep 0.05; done\necho two\n"
    )
    view = page.make(f"view = JobView({job.id})")
    page.hello(view)
    page.until(lambda: page.logs.get(job.id) == b"one\n", "the first line is shown")
    engine.kill()
    (engine.workdir / "go").touch()
    page.until(lambda: page.logs[job.id] == b"one\ntwo\n", "the log goes on")
    page.until(lambda: page.stands(job.id, "DONE"), "the end is told")


def test_a_job_nobody_knows_is_an_error_in_the_cell(page: Page) -> None:
    page.until(lambda: True, "")
    request = page.start("JobView(12345)")
    page.until(lambda: request in page.idle, "the cell ends")
    assert [error["ename"] for error in page.errors] == ["UnknownJob"]


@pytest.mark.parametrize(
    "question",
    [
        {}, {"ask": None}, {"ask": "_client"}, {"ask": "cancel", "job": "1; drop"},
        {"ask": "rewind", "job": [], "offset": {}}, {"ask": "hello", "offsets": 7},
        {"ask": "submit", "form": "text", "key": 5}, {"ask": "cancel"}, {"ask": "hello"},
    ],
)  # fmt: skip
def test_nonsense_from_a_page_leaves_the_widget_alive(page: Page, question: dict[str, Any]) -> None:
    launcher = page.make("launcher = Launcher()")
    page.ask(launcher, **question)
    page.ask(launcher, ask="config")
    page.until(lambda: page.of("config"), "it still answers")
    page.run("import threading\nassert 'hpcc-errands' in {t.name for t in threading.enumerate()}")
