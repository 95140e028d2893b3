"""The job card: alive without its kernel, harmless when forged, readable without us."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from browser_fixture import Lab, Screen, notebook
from playwright.sync_api import expect

MIME_TYPE = "application/vnd.hpccontainers.job+json"
LINES = "".join(f"line {n}\n" for n in range(1, 1001))
LOAD = "%load_ext jupyter_hpccontainers"


def steady(image: str, gate: str) -> str:
    """Return a cell whose job prints line after line until there is a file."""
    return f"""%%container {image} -c 1 -m 200m
import itertools, os, time
for n in itertools.count(1):
    print('line', n, flush=True)
    time.sleep(0.01)
    if os.path.exists({gate!r}):
        break
"""


def counting(image: str, gate: str = "", pause_s: float = 0.0) -> str:
    """Return a cell whose job prints a thousand lines; at half of them it waits for a file."""
    return f"""%%container {image} -c 1 -m 200m
import os, time
for n in range(1, 1001):
    print('line', n, flush=True)
    time.sleep({pause_s})
    while n == 500 and {bool(gate)} and not os.path.exists({gate!r}):
        time.sleep(0.02)
"""


def write(lab: Lab, name: str, *cells: Any) -> Path:
    """Put a notebook into Lab's folder."""
    path = Path(lab.engine.workdir / name)
    path.write_text(json.dumps(notebook(*cells)))
    return path


def outputs(path: Path) -> list[dict[str, Any]]:
    """Return the bundles of cards in a saved notebook."""
    cells = json.loads(path.read_text())["cells"]
    data = [out.get("data", {}) for cell in cells for out in cell["outputs"]]
    return [bundle for bundle in data if MIME_TYPE in bundle]


def test_a_cell_shows_lines_while_it_runs(
    idle_lab: Lab, open_screen: Any, docker_image: str
) -> None:
    write(idle_lab, "live.ipynb", LOAD, steady(docker_image, "seen-live"))
    screen = open_screen(idle_lab, "live.ipynb")
    screen.run_all_cells()
    card = screen.page.locator(".hpcc-Card")
    screen.badge(card, "RUNNING")
    screen.until(lambda: screen.card_text().count("\n") > 20, "no lines while the job runs")
    assert card.locator(".hpcc-Badge").get_attribute("data-state") == "RUNNING"
    (idle_lab.engine.workdir / "seen-live").touch()
    screen.badge(card, "COMPLETED")
    (job,) = idle_lab.engine.client.jobs(limit=1)
    whole = idle_lab.engine.output(job).decode()
    last = whole.splitlines(keepends=True)[-1]
    screen.until(lambda: screen.card_text().endswith(last), "the end is not in the card")
    assert whole.endswith(screen.card_text())
    assert screen.seen.errors == []


def test_a_card_outlives_kernel_and_page(
    idle_lab: Lab, open_screen: Any, docker_image: str
) -> None:
    path = write(idle_lab, "outlive.ipynb", LOAD, counting(docker_image, "killed"))
    screen = open_screen(idle_lab, "outlive.ipynb")
    screen.run_all_cells()
    screen.until(lambda: "line 500\n" in screen.card_text(), "not half way")
    screen.kill_kernel()
    screen.save()
    screen.open("outlive.ipynb", reset=False)
    screen.until(lambda: "line 500\n" in screen.card_text(), "the card needs its kernel")
    screen.badge(screen.page.locator(".hpcc-Card"), "RUNNING")
    (idle_lab.engine.workdir / "killed").touch()
    screen.badge(screen.page.locator(".hpcc-Card"), "COMPLETED")
    screen.until(lambda: screen.card_text() == LINES, "the card is not the log")
    (job,) = idle_lab.engine.client.jobs(limit=1)
    assert screen.card_text().encode() == idle_lab.engine.output(job)

    screen.until(lambda: saved(screen, path)["state"] == "DONE", "the end is not in the notebook")
    bundle = outputs(path)[0]
    assert bundle[MIME_TYPE]["result"] == "COMPLETED"
    assert bundle[MIME_TYPE]["tail"].endswith("line 999\nline 1000\n")
    assert "".join(bundle["text/plain"]).endswith("line 999\nline 1000\n")
    assert len(bundle[MIME_TYPE]["tail"]) <= 4096


def saved(screen: Screen, path: Path) -> dict[str, Any]:
    """Save, and return the record of the first card in the file."""
    screen.save()
    return dict(outputs(path)[0][MIME_TYPE])


def test_a_notebook_saved_with_a_card_is_readable_without_us(
    idle_lab: Lab, open_screen: Any, docker_image: str
) -> None:
    path = write(idle_lab, "plain.ipynb", LOAD, counting(docker_image))
    screen = open_screen(idle_lab, "plain.ipynb")
    screen.run_all_cells()
    screen.badge(screen.page.locator(".hpcc-Card"), "COMPLETED")
    screen.until(lambda: saved(screen, path)["state"] == "DONE", "the end is not in the notebook")
    without = Lab(
        idle_lab.engine, page_config={"disabledExtensions": {"jupyter-hpccontainers": True}}
    )
    try:
        stranger = open_screen(without, "plain.ipynb")
        shown = stranger.page.locator(".jp-OutputArea-output").last
        expect(shown).to_contain_text("line 1000")
        assert stranger.page.locator(".hpcc-Card").count() == 0
    finally:
        without.stop()


def test_a_card_cancels_its_job_and_leads_to_log_and_sidebar(
    idle_lab: Lab, open_screen: Any, docker_image: str
) -> None:
    write(idle_lab, "acts.ipynb", LOAD, counting(docker_image, pause_s=0.2))
    screen = open_screen(idle_lab, "acts.ipynb")
    screen.run_all_cells()
    card = screen.page.locator(".hpcc-Card")
    screen.badge(card, "RUNNING")
    card.get_by_role("button", name="Open the log").click()
    expect(screen.page.locator(".hpcc-LogView")).to_contain_text("line 3")
    card.get_by_role("button", name="in the sidebar").click()
    (job,) = idle_lab.engine.client.jobs(limit=1)
    expect(screen.row(job.id)).to_have_attribute("aria-current", "true")
    card.get_by_role("button", name="Cancel job").click()
    screen.badge(card, "CANCELLED")
    assert idle_lab.engine.wait(job).result == "CANCELLED"


def test_notebook_7_shows_the_same_card(idle_lab: Lab, open_screen: Any, docker_image: str) -> None:
    write(idle_lab, "seven.ipynb", LOAD, counting(docker_image, "seen-seven"))
    server = Lab(idle_lab.engine, app="notebook")
    try:
        screen = open_screen(server, "seven.ipynb")
        screen.run_all_cells()
        screen.until(lambda: "line 500\n" in screen.card_text(), "no line while the job runs")
        (idle_lab.engine.workdir / "seen-seven").touch()
        screen.badge(screen.page.locator(".hpcc-Card"), "COMPLETED")
        screen.until(lambda: screen.card_text() == LINES, "the card is not the log")
        screen.page.locator(".hpcc-Card").get_by_role("button", name="Open the log").click()
        expect(screen.page.locator(".hpcc-LogView")).to_contain_text("line 1000")
        # Notebook has errors of its own.
        assert [error for error in screen.seen.errors if "hpcc" in error] == []
    finally:
        server.stop()


CANARY = "window.canary = 'touched'"
FORGED: list[Any] = [
    None,
    "text",
    ["job", 1],
    {},
    {"job": "1"},
    {"job": "../../../api/contents"},
    {"job": -1, "engine": "x"},
    {"job": 1e308, "engine": "x"},
    {"job": 1, "engine": {"toString": "x"}},
    {"job": 1, "engine": "another engine", "state": "RUNNING", "tail": "a tail of another"},
    {"job": 1, "engine": "another engine", "state": f"<img src=x onerror={CANARY}>"},
    {"job": 1, "engine": "e", "state": "DONE", "image": f"<script>{CANARY}</script>", "tail": "t"},
    {"job": 1, "engine": "e", "url": "http://evil.example/", "ws": "ws://evil.example/"},
    {"job": 1, "engine": "e", "state": "RUNNING", "spec": {"image": "x", "command": ["rm"]}},
]


def test_a_forged_bundle_touches_nothing(idle_lab: Lab, open_screen: Any, tiny_image: str) -> None:
    engine = idle_lab.engine
    running = engine.submit(tiny_image, command=["sleep", "300"])
    engine.until(running, "RUNNING")
    before = {job.id: job.state for job in engine.client.jobs()}
    cells: list[Any] = []
    for data in FORGED:
        cells += ["1", {MIME_TYPE: data, "text/plain": "what text says"}]
    write(idle_lab, "forged.ipynb", *cells)
    screen = open_screen(idle_lab, "forged.ipynb")
    expect(screen.page.locator(".hpcc-Card")).to_have_count(len(FORGED))
    screen.page.wait_for_timeout(1000)
    assert screen.page.locator(".hpcc-Card").get_by_role("button").count() == 0
    assert screen.seen.acts() == []
    asked = [url for _, url in screen.seen.requests if "/hpccontainers/jobs/" in url]
    assert asked == []
    assert screen.seen.strangers(idle_lab.url) == []
    assert screen.page.evaluate("window.canary") is None
    assert {job.id: job.state for job in engine.client.jobs()} == before
    expect(screen.page.locator(".hpcc-Card").nth(9)).to_contain_text("From another machine")
    expect(screen.page.locator(".hpcc-Card").nth(9)).to_contain_text("a tail of another")
    engine.client.cancel(running.id, kill=True)
    engine.wait(running)


def test_a_job_that_this_engine_does_not_know_is_a_record(idle_lab: Lab, open_screen: Any) -> None:
    screen = open_screen(idle_lab)
    screen.sidebar()
    uuid = idle_lab.engine.client.health().engine
    record = {"job": 987654, "engine": uuid, "state": "RUNNING", "tail": "its tail"}
    write(idle_lab, "forgotten.ipynb", "1", {MIME_TYPE: record, "text/plain": "x"})
    screen.open("forgotten.ipynb")
    card = screen.page.locator(".hpcc-Card")
    expect(card).to_contain_text("keeps this job no longer")
    expect(card).to_contain_text("its tail")


PAYLOADS = [
    f"<img src=x onerror={CANARY}>",
    f"<script>{CANARY}</script>",
    f"<svg/onload={CANARY}>",
    "<iframe srcdoc='<script>parent.canary=1</script>'>",
    f"<a href='javascript:{CANARY}'>click</a>",
    f"javascript:{CANARY}",
    "<button data-commandlinker-command='terminal:create-new'>go</button>",
    "<form action='/api/kernels' method=post><input type=submit>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<style>@import 'http://evil.example/y.css'</style>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=alert(1)>",
    "![x](http://evil.example/z.png) [x](javascript:alert(1))",
    "$\\href{javascript:alert(1)}{x}$",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)}",
    "&lt;img src=x onerror=alert(1)&gt;",
    "http://evil.example/auto-link",
    f"\x1b]8;;javascript:{CANARY}\x07link\x1b]8;;\x07",
    "\x1b]8;;http://evil.example/\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]0;title\x07\x1b]2;title\x1b\\",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b]1337;File=name=eA==;inline=1:AAAA\x07",
    "\x1b[200~pasted\x1b[201~ \x1b[6n\x1b[c\x1b[5n",
    "\x1bP+q544e\x1b\\ \x1b_G x\x1b\\ \x1b^x\x1b\\ \x1bXx\x1b\\",
    "\x1b[2J\x1b[H\x1b[3J\x1bc reset",
    "over\rwritten\b\b\b\x00\x07\x0b\x0c\x7f\x80\x9b31m",
    "\u202egnp.exe\u202c \u2066x\u2069 \u200fx",
    "\ufffe\uffff \U000e0001 e\u0301\u0301\u0301",
    "\x1b[" + "9" * 3000 + "m \x1b[38;5;99999m \x1b[;;;;;m",
    "x" * 200_000,
    "\x1b[31m\x1b[0m" * 20_000,
]


@pytest.mark.parametrize("where", ["card", "log view"])
def test_what_a_job_prints_stays_text(
    idle_lab: Lab, open_screen: Any, docker_image: str, where: str
) -> None:
    assert len(PAYLOADS) == 30
    (idle_lab.engine.workdir / "payloads").write_text(json.dumps(PAYLOADS))
    program = (
        f"%%container {docker_image} -c 1 -m 200m --no-raise\nimport json, sys\n"
        "for text in json.load(open('payloads')):\n    print(text)\n"
        "sys.stdout.flush(); sys.stdout.buffer.write(b'\\xff\\xed\\xa0\\x80 no UTF-8\\n')\n"
        "print('the end')\n"
    )
    write(idle_lab, "payloads.ipynb", LOAD, program)
    screen = open_screen(idle_lab, "payloads.ipynb")
    screen.run_all_cells()
    card = screen.page.locator(".hpcc-Card")
    screen.badge(card, "COMPLETED")
    screen.until(lambda: screen.card_text().endswith("the end\n"), "the log is not all shown")
    shown = card
    if where == "log view":
        card.get_by_role("button", name="Open the log").click()
        shown = screen.page.locator(".hpcc-LogView")
        expect(shown).to_contain_text("the end")
    else:
        for text in PAYLOADS[:16]:
            assert text in screen.card_text()
    assert_harmless(screen, shown)


def assert_harmless(screen: Screen, shown: Any) -> None:
    """Nothing of what is shown became more than text."""
    screen.page.wait_for_timeout(500)
    for tag in (
        "img",
        "script",
        "a",
        "iframe",
        "form:not(.hpcc-Form)",
        "link",
        "math",
        "video",
        "object",
    ):
        assert shown.locator(tag).count() == 0, tag
    assert shown.locator("[onerror], [onload], [data-commandlinker-command]").count() == 0
    assert screen.page.evaluate("window.canary") is None
    assert screen.seen.dialogs == []
    assert screen.seen.strangers(screen.lab.url) == []
    assert "title" not in screen.page.title()


def test_names_images_and_errors_stay_text(screen: Screen, lab: Lab) -> None:
    sidebar = screen.sidebar()
    for text in PAYLOADS[:16]:
        sidebar.get_by_role("combobox", name="Image").fill(text)
        sidebar.get_by_role("textbox", name="Command").fill(text)
        sidebar.get_by_role("button", name="Submit").click()
        screen.until(lambda: sidebar.get_by_role("button", name="Submit").is_enabled(), "no answer")
    assert_harmless(screen, sidebar)
