"""Rules of a site in a real JupyterLab: what they refuse and amend stands where one submits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from browser_fixture import Lab, notebook
from playwright.sync_api import expect
from site_fixture import NOTE, REFUSAL, WHOSE, site_engine


@pytest.fixture(scope="module")
def lab(make_module_engine: Any, docker_socket: str, tiny_image: str) -> Iterator[Lab]:
    """JupyterLab at a site with rules."""
    engine = site_engine(make_module_engine, docker_socket, grace=1.0, runtimes=["docker"])
    running = Lab(engine)
    running.await_engine()
    yield running
    running.stop()


def test_the_sidebar_s_form_shows_a_refusal_and_the_row_an_amendment(
    idle_lab: Lab, open_screen: Any, tiny_image: str
) -> None:
    screen = open_screen(idle_lab)
    sidebar = screen.sidebar()
    for label, value in {"Command": "sleep 300", "Memory": "64m", "GPUs": "3"}.items():
        sidebar.get_by_role("textbox", name=label).fill(value)
    sidebar.get_by_role("combobox", name="Image").fill(tiny_image)
    sidebar.get_by_role("button", name="Submit").click()
    expect(sidebar.locator(".hpcc-Form").get_by_role("alert")).to_have_text(REFUSAL + WHOSE)
    assert idle_lab.engine.client.jobs() == ()

    sidebar.get_by_role("textbox", name="GPUs").fill("0")
    sidebar.get_by_role("textbox", name="Cores").fill("2")
    # Said before it is submitted, and ever after.
    expect(sidebar.locator(".hpcc-Outlook")).to_contain_text(NOTE)
    sidebar.get_by_role("button", name="Submit").click()
    expect(sidebar.locator("[data-job]")).to_contain_text(NOTE)
    expect(sidebar.locator(".hpcc-Form").get_by_role("alert")).to_have_count(0)
    assert idle_lab.engine.client.jobs()[0].spec.resources.cores == 1


def test_a_card_shows_the_note_also_when_nobody_can_be_asked(
    lab: Lab, open_screen: Any, tiny_image: str
) -> None:
    code = f"%%container {tiny_image} -c 2 -m 64m\n#!/bin/sh\necho ran"
    path = lab.engine.workdir / "amended.ipynb"
    path.write_text(json.dumps(notebook("%load_ext jupyter_hpccontainers", code)))
    screen = open_screen(lab, path.name)
    screen.run_all_cells()
    header = screen.page.locator(".hpcc-Card-header")
    expect(header).to_contain_text(NOTE)
    screen.badge(header, "COMPLETED")
    screen.save()
    cell = json.loads(path.read_text())["cells"][1]
    (saved,) = (output["data"] for output in cell["outputs"])
    record = saved["application/vnd.hpccontainers.job+json"]
    assert record["notes"] == [NOTE]
    record["engine"] = "of another machine"
    (lab.engine.workdir / "received.ipynb").write_text(json.dumps(notebook(code, saved)))
    screen.open("received.ipynb")
    expect(header).to_contain_text("From another machine")
    expect(header).to_contain_text(NOTE)


def test_the_widget_shows_both(lab: Lab, open_screen: Any, tiny_image: str) -> None:
    code = (
        "from jupyter_hpccontainers.notebook.widgets import Launcher\n"
        f"Launcher({tiny_image!r}, 'true', memory='64m', cores=2, gpus=3)"
    )
    path = lab.engine.workdir / "widget.ipynb"
    path.write_text(json.dumps(notebook(code)))
    screen = open_screen(lab, path.name)
    screen.run_all_cells()
    form = screen.page.get_by_role("form", name="New job")
    form.get_by_role("button", name="Submit").click()
    expect(form.get_by_role("alert").filter(has_text=REFUSAL)).to_have_count(1)
    form.get_by_label("GPUs").fill("0")
    expect(form.get_by_role("status")).to_contain_text(NOTE)
    form.get_by_role("button", name="Submit").click()
    expect(screen.page.locator(".hpccw-job")).to_contain_text(NOTE)
