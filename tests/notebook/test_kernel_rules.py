"""Rules of a site as a notebook meets them: refused in one red line, amended on the card."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine_fixture import IsolatedEngine, RunImage
from kernel_fixture import Kernel
from site_fixture import NOTE, REFUSAL, WHOSE, site_engine
from widget_page import Page


@pytest.fixture
def engine(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, apptainer: str
) -> IsolatedEngine:
    """An engine whose site has rules beside its configuration."""
    engine = site_engine(make_engine, docker_socket)
    engine.start()
    return engine


def cell(run_image: RunImage, options: str, body: str) -> str:
    """Return a cell that runs a body in the image."""
    runs = f"{run_image.reference} --runtime {run_image.runtime} -m 64m"
    return f"%%container {runs} {options}\n{body}"


def test_a_refusal_is_the_one_red_line_of_a_cell(
    kernel: Kernel, engine: IsolatedEngine, run_image: RunImage
) -> None:
    ran = kernel.run(cell(run_image, "-g 3", "print('never')"))
    assert ran.red_line == f"NotAllowed: {REFUSAL} ({WHOSE})"
    assert (ran.displays, ran.printed) == ({}, {"stdout": "", "stderr": ""})
    dry = kernel.run(cell(run_image, "-g 3 --dry-run", "print('never')"))
    assert dry.red_line == ran.red_line
    assert engine.client.jobs() == ()


def test_an_amended_cell_runs_as_amended_and_its_card_says_so(
    kernel: Kernel, run_image: RunImage
) -> None:
    body = "import os; print(len(os.sched_getaffinity(0)))"
    ran = kernel.run(cell(run_image, "-c 2", body))
    assert ran.error is None
    assert [card["notes"] for card in ran.cards] == [[NOTE]] * len(ran.cards)
    assert ran.cards[-1]["tail"] == "1\n"
    assert NOTE in ran.text


def test_the_widget_s_form_is_refused_and_amended_in_the_rule_s_words(
    kernel: Kernel, tiny_image: str
) -> None:
    page = Page(kernel)
    page.run("from jupyter_hpccontainers.notebook.widgets import Launcher")
    launcher = page.make("launcher = Launcher()")
    page.hello(launcher)
    form = {"image": tiny_image, "command": "true", "memory": "64m"}
    page.ask(launcher, ask="submit", form={**form, "gpus": "3"}, key="refused")
    page.until(lambda: page.of("invalid"), "it is refused")
    assert (page.of("invalid")[0]["field"], page.of("invalid")[0]["message"]) == ("", REFUSAL)
    page.ask(launcher, ask="outlook", form={**form, "cores": "2"}, key="asked")
    page.until(lambda: page.of("outlook"), "the line is told")
    assert page.of("outlook")[0]["text"].splitlines()[0] == NOTE
    page.ask(launcher, ask="submit", form={**form, "cores": "2"}, key="amended")
    page.until(lambda: page.of("submitted"), "it is taken")
    job = page.of("submitted")[0]["job"]
    page.until(lambda: page.stands(job, "COMPLETED"), "it ends")
    assert page.jobs[job]["notes"] == [NOTE]
