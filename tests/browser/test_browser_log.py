"""The log view: search, large logs by range, download; and what axe says of all views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser_fixture import Lab, Screen
from playwright.sync_api import expect

LARGE = (
    "#!/bin/sh\ni=1; while [ $i -le 200000 ]; do echo this is line number $i; i=$((i+1)); done\n"
)


def open_log(screen: Screen, job: int) -> Any:
    """Open the log of a job from the sidebar."""
    screen.sidebar()
    screen.row(job).get_by_role("button", name=f"Open the log of job {job}").click()
    return screen.page.locator(".hpcc-Log")


def test_a_large_log_is_shown_by_its_end_and_by_parts(
    screen: Screen, lab: Lab, tiny_image: str, tmp_path: Path
) -> None:
    job = lab.engine.wait(lab.engine.submit(tiny_image, script=LARGE))
    log = open_log(screen, job.id)
    terminal = log.locator(".xterm-rows")
    expect(terminal).to_contain_text("line number 200000")
    expect(log.locator(".hpcc-LogToolbar")).to_contain_text("of 5 MiB")

    whole = lab.engine.output(job)
    part = 2**19
    for number in range(1, 5):
        log.get_by_role("button", name="Earlier part").click()
        first = whole[max(0, len(whole) - (number + 1) * part) :].split(b"\n", 2)[1].decode()
        expect(terminal).to_contain_text(first)
    log.get_by_role("button", name="Later part").click()
    expect(terminal).to_contain_text(whole[len(whole) - 4 * part :].split(b"\n", 2)[1].decode())
    for _ in range(3):
        log.get_by_role("button", name="Earlier part").click()
    log.get_by_role("button", name="Follow the end").click()
    expect(terminal).to_contain_text("line number 200000")

    with screen.page.expect_download() as started:
        log.get_by_role("button", name="Download").click()
    started.value.save_as(tmp_path / "log")
    assert started.value.suggested_filename == f"job-{job.id}.log"
    assert (tmp_path / "log").read_bytes() == lab.engine.output(job)


def test_a_place_in_the_log_is_found(screen: Screen, lab: Lab, tiny_image: str) -> None:
    script = "#!/bin/sh\nfor i in $(seq 1 500); do echo row $i; done\n"
    job = lab.engine.wait(lab.engine.submit(tiny_image, script=script))
    log = open_log(screen, job.id)
    terminal = log.locator(".xterm-rows")
    expect(terminal).to_contain_text("row 500")
    search = log.get_by_role("searchbox")
    search.fill("row 123")
    search.press("Enter")
    expect(terminal).to_contain_text("row 123")
    search.fill("row 9999")
    search.press("Enter")
    expect(log.get_by_role("search")).to_contain_text("not found")


def test_a_page_that_is_reloaded_has_its_logs_again(
    screen: Screen, lab: Lab, tiny_image: str
) -> None:
    job = lab.engine.wait(lab.engine.submit(tiny_image, command=["echo", "still here"]))
    open_log(screen, job.id)
    expect(screen.page.locator(".hpcc-LogView")).to_contain_text("still here")
    screen.page.wait_for_timeout(1500)
    screen.page.reload()
    expect(screen.page.locator(".hpcc-LogView")).to_contain_text("still here")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_serious(screen: Screen, lab: Lab, tiny_image: str, theme: str) -> None:
    lab.engine.submit(tiny_image, command=["sleep", "300"], tags=["a"], name="running")
    lab.engine.wait(lab.engine.submit(tiny_image, command=["false"], name="failed"))
    job = lab.engine.submit(tiny_image, script="#!/bin/sh\necho \x1b[31mred\nsleep 300\n")
    screen.theme(theme)
    open_log(screen, job.id)
    screen.page.locator("summary", has_text="More").click()
    assert screen.serious("#hpcc-sidebar", ".hpcc-Log", ".hpcc-Status") == []
