"""Each setting changes what its description says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from browser_fixture import TREE, Lab, Screen
from playwright.sync_api import expect
from test_browser_sidebar import submit

SCHEMA = TREE / "labextension/schema/plugin.json"
EXTENSION = ("jupyter-hpccontainers", "plugin")


@pytest.fixture
def open_with(idle_lab: Lab, open_screen: Any) -> Iterator[Any]:
    """Open a page of Lab with these settings."""

    def opened(**values: Any) -> Screen:
        assert set(values) <= set(json.loads(SCHEMA.read_text())["properties"])
        idle_lab.write_setting(*EXTENSION, values)
        screen: Screen = open_screen(idle_lab)
        screen.sidebar()
        return screen

    yield opened
    idle_lab.write_setting(*EXTENSION, {})


def end(screen: Screen, image: str, script: str) -> int:
    """Run a job that the page sees from its beginning to its end."""
    engine = screen.lab.engine
    job = engine.submit(
        image, script=f"#!/bin/sh\nwhile [ ! -e seen ]; do sleep 0.1; done\n{script}\n"
    )
    screen.badge(screen.row(job.id), "RUNNING")
    (engine.workdir / "seen").touch()
    screen.badge(screen.row(job.id), "COMPLETED", "FAILED")
    (engine.workdir / "seen").unlink()
    return int(job.id)


def told(screen: Screen, job: int) -> Any:
    """Return the notification of a job's end."""
    return screen.page.locator(".Toastify__toast").filter(has_text=f"Job {job} ")


def test_the_form_begins_with_the_default_image(open_with: Any, tiny_image: str) -> None:
    screen = open_with(defaultImage=tiny_image)
    expect(screen.page.get_by_role("combobox", name="Image")).to_have_value(tiny_image)


@pytest.mark.parametrize("opens", [True, False])
def test_the_log_opens_on_submit(open_with: Any, tiny_image: str, opens: bool) -> None:
    screen = open_with(openLogOnSubmit=opens)
    job = submit(screen, tiny_image, "echo done")
    screen.badge(screen.row(job), "COMPLETED")
    expect(screen.page.locator(".hpcc-Log")).to_have_count(int(opens))


def test_only_failures_are_told(open_with: Any, tiny_image: str) -> None:
    screen = open_with(notifications="failed", notifyAfterSeconds=0)
    fine = end(screen, tiny_image, "exit 0")
    failed = end(screen, tiny_image, "exit 7")
    expect(told(screen, failed)).to_be_visible()
    expect(told(screen, fine)).to_have_count(0)


def test_no_end_is_told(open_with: Any, tiny_image: str) -> None:
    screen = open_with(notifications="none", notifyAfterSeconds=0)
    failed = end(screen, tiny_image, "exit 7")
    screen.page.wait_for_timeout(500)
    expect(told(screen, failed)).to_have_count(0)


def test_only_long_jobs_are_told_when_they_went_well(open_with: Any, tiny_image: str) -> None:
    patient = open_with(notifications="all", notifyAfterSeconds=3600)
    short = end(patient, tiny_image, "exit 0")
    failed = end(patient, tiny_image, "exit 7")
    expect(told(patient, failed)).to_be_visible()
    expect(told(patient, short)).to_have_count(0)
    eager = open_with(notifications="all", notifyAfterSeconds=0)
    expect(told(eager, end(eager, tiny_image, "exit 0"))).to_be_visible()


@pytest.mark.parametrize(("kept", "first_seen"), [(100, False), (20000, True)])
def test_the_log_view_keeps_as_many_lines(
    open_with: Any, tiny_image: str, kept: int, first_seen: bool
) -> None:
    screen = open_with(logScrollback=kept)
    job = end(screen, tiny_image, "for i in $(seq 1001 1500); do echo row $i; done")
    screen.row(job).get_by_role("button", name=f"Open the log of job {job}").click()
    rows = screen.page.locator(".hpcc-LogView .xterm-rows")
    expect(rows).to_contain_text("row 1500")
    rows.hover()
    screen.page.mouse.wheel(0, -100_000)
    expect(rows).not_to_contain_text("row 1500")
    assert ("row 1001" in rows.inner_text().replace("\xa0", " ")) is first_seen


def test_the_settings_page_lists_them(open_with: Any) -> None:
    screen = open_with()
    screen.page.evaluate(
        "void jupyterapp.commands.execute('settingeditor:open', { query: 'HPC Containers' })"
    )
    for given in json.loads(SCHEMA.read_text())["properties"].values():
        expect(screen.page.locator("#jp-main-dock-panel")).to_contain_text(given["title"])
