"""Every view at several widths and in every theme: nothing is cut off sideways.

With HPCC_PICTURES=FOLDER each is also photographed; the pictures of README are made so.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from browser_fixture import Lab, notebook
from playwright.sync_api import expect

SIZES = {"wide": (1440, 900), "narrow": (900, 760)}
THEMES = {
    "light": "JupyterLab Light",
    "dark": "JupyterLab Dark",
    "contrast": "JupyterLab Dark High Contrast",
}
TRAINING = """%%container {image} -c 1 -m 400m -n training -t 10
import time
print("\\033[1mepoch   loss\\033[0m")
for epoch in range(1, 6):
    for step in range(20):
        print(f"\\r  {{epoch}}/5  {{'█' * step}}{{'·' * (19 - step)}}", end="", flush=True)
        time.sleep(0.01)
    print(f"\\r  {{epoch}}/5  \\033[32m{{1 / epoch:.3f}}\\033[0m" + " " * 20)
print("saved model.bin", flush=True)
time.sleep({pause})
"""
OVERFLOW = """selector => [...document.querySelectorAll(selector)]
  .filter(node => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
  .map(node => node.className)"""


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_cut_off(
    idle_lab: Lab, open_screen: Any, docker_image: str, tiny_image: str, theme: str, size: str
) -> None:
    engine = idle_lab.engine
    cells = ["%load_ext jupyter_hpccontainers", TRAINING.format(image=docker_image, pause=60)]
    (engine.workdir / "training.ipynb").write_text(json.dumps(notebook(*cells)))
    engine.wait(engine.submit(tiny_image, command=["false"], name="preprocess", tags=["sweep"]))
    width, height = SIZES[size]
    screen = open_screen(idle_lab, "training.ipynb", viewport={"width": width, "height": height})
    screen.theme(THEMES[theme])
    screen.run_all_cells()
    screen.sidebar()
    screen.until(lambda: "saved model.bin" in screen.card_text(), "the job does not print")
    waiting = engine.submit(
        tiny_image,
        command=["sleep", "300"],
        name="evaluation of a model with a name that is long",
        tags=["sweep", "second"],
        cores=len(engine.client.machine().machine.cores),
    )
    screen.badge(screen.row(waiting.id), "PENDING")
    expect(screen.row(waiting.id).locator(".hpcc-Row-reason")).to_contain_text("queue")
    screen.page.locator(".hpcc-Card").get_by_role("button", name="Open the log").click()
    screen.page.locator(".hpcc-LogView").get_by_text("saved model.bin").wait_for()
    for view in ("#hpcc-sidebar", ".hpcc-Form *", ".hpcc-Card", ".hpcc-Card-header"):
        assert screen.page.evaluate(OVERFLOW, view) == [], view
    screen.photograph(f"lab-{theme}-{size}")


WIDGETS = """from ipywidgets import VBox
from jupyter_hpccontainers import JobView, Launcher, QueueView
VBox([Launcher({image!r}, "python3 evaluate.py", cores=1), JobView({job}), QueueView()])
"""


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES)
def test_nothing_of_a_widget_is_cut_off(
    idle_lab: Lab, open_screen: Any, docker_image: str, theme: str, size: str
) -> None:
    engine = idle_lab.engine
    engine.wait(engine.submit(docker_image, command=["false"], name="preprocess", tags=["sweep"]))
    body = TRAINING.format(image=docker_image, pause=60).partition("\n")[2]
    script = f"#!/usr/bin/env python3\n{body}"
    running = engine.submit(docker_image, script=script, name="training", memory="400m")
    engine.until(running, "RUNNING")
    cores = len(engine.client.machine().machine.cores)
    engine.submit(docker_image, command=["true"], name="a name that is long, of a job", cores=cores)
    cell = WIDGETS.format(image=docker_image, job=running.id)
    (engine.workdir / "widgets.ipynb").write_text(json.dumps(notebook(cell)))
    width, height = SIZES[size]
    screen = open_screen(idle_lab, "widgets.ipynb", viewport={"width": width, "height": height})
    screen.theme(THEMES[theme])
    screen.page.evaluate("void jupyterapp.commands.execute('application:toggle-left-area')")
    screen.run_all_cells()
    log = screen.page.locator(f'.hpccw-job[data-job="{running.id}"]')
    expect(log).to_contain_text("saved model.bin")
    expect(screen.page.locator("tr[data-job]:visible")).to_have_count(2)
    for view in (".hpccw", ".hpccw-form *", ".hpccw-job", ".hpccw-table"):
        assert screen.page.evaluate(OVERFLOW, view) == [], view
    screen.photograph(f"widgets-{theme}-{size}")
