"""Every view at several widths and in every theme: nothing is cut off sideways.

With HPCC_PICTURES=FOLDER each is also photographed; the pictures of README are made so.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
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
import sys, time
print("\\033[1mepoch   loss\\033[0m")
for epoch in range(1, 6):
    for step in range(20):
        print(f"\\r  {{epoch}}/5  {{'█' * step}}{{'·' * (19 - step)}}", end="", flush=True)
        time.sleep(0.01)
    print(f"\\r  {{epoch}}/5  \\033[32m{{1 / epoch:.3f}}\\033[0m" + " " * 20)
print("saved model.bin", file=sys.stderr)
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
    change = "theme => jupyterapp.commands.execute('apputils:change-theme', { theme })"
    screen.page.evaluate(change, THEMES[theme])
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
    folder = os.environ.get("HPCC_PICTURES")
    if folder:
        screen.page.wait_for_timeout(700)
        screen.page.screenshot(path=Path(folder) / f"lab-{theme}-{size}.png")
