"""The widgets in a real JupyterLab: submit by the form, watch, cancel; text stays text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser_fixture import Lab, Screen, notebook
from playwright.sync_api import Page, expect

IMPORT = "from jupyter_hpccontainers.notebook.widgets import JobView, Launcher, QueueView\n"


@pytest.fixture
def show(lab: Lab, open_screen: Any) -> Any:
    """Open a notebook with these cells and run it."""

    def shown(
        name: str, *cells: str, server: Lab = lab, drawn: str = ".hpccw", **options: Any
    ) -> Screen:
        path = lab.engine.workdir / f"{name}.ipynb"
        path.write_text(json.dumps(notebook(*cells)))
        screen: Screen = open_screen(server, path.name, **options)
        screen.run_all_cells()
        screen.page.locator(drawn).last.wait_for()
        return screen

    return shown


def log_of(page: Page, job: int) -> Any:
    """Return what a widget shows of a job's log."""
    return page.locator(f'.hpccw-job[data-job="{job}"] .hpccw-log pre')


def waits_for(path: Path) -> str:
    """Return a shell line that waits for a file of the working folder."""
    return f"while [ ! -e {path.name} ]; do sleep 0.05; done"


def newest(lab: Lab) -> int:
    """Return the number of the job submitted last."""
    return lab.engine.client.jobs(limit=1)[0].id


def test_a_job_is_submitted_watched_and_cancelled(show: Any, lab: Lab, tiny_image: str) -> None:
    screen = show("launcher", IMPORT + "launcher = Launcher()\nlauncher")
    page, widget = screen.page, screen.page.locator(".hpccw").last
    image = widget.get_by_role("combobox", name="Image")
    image.click()
    image.press_sequentially(tiny_image[:6])
    widget.get_by_role("option").filter(has_text=tiny_image).click()
    expect(image).to_have_value(tiny_image)
    cores = len(lab.engine.client.machine().machine.cores)
    expect(page.locator('.hpccw-field[data-field="cores"]')).to_contain_text(f"of {cores}")

    widget.get_by_label("Memory").fill("lots")
    command = widget.get_by_label("Command or script")
    command.fill("i=1; while true; do echo line $i; i=$((i+1)); sleep 0.2; done")
    widget.get_by_role("button", name="Submit").click()
    field = page.locator('.hpccw-field[data-field="memory"]')
    expect(field.get_by_role("alert")).to_contain_text("lots")
    expect(widget.get_by_label("Memory")).to_be_focused()

    widget.get_by_label("Memory").fill("64m")
    expect(field.get_by_role("alert")).to_be_empty()
    command.focus()
    page.keyboard.press("Control+Enter")
    block = page.locator(".hpccw-job")
    expect(block.locator('.hpccw-badge[data-state="RUNNING"]')).to_be_visible()
    job = newest(lab)
    expect(log_of(page, job)).to_contain_text("line 3")
    expect(block).to_contain_text("64 MiB")
    expect(block.locator(".hpccw-elapsed")).to_contain_text("0:0")

    block.get_by_role("button", name=f"Cancel job {job}").click()
    expect(block.locator('.hpccw-badge[data-state="CANCELLED"]')).to_be_visible()
    expect(block.get_by_role("button", name="Cancel")).to_be_hidden()
    text = log_of(page, job).inner_text()
    assert text.rstrip() in lab.engine.output(lab.engine.client.job(job)).decode()
    assert screen.seen.errors == []
    assert screen.seen.strangers(lab.url) == []


def test_a_line_tells_when_it_would_start_as_values_rest(
    show: Any, idle_lab: Lab, tiny_image: str
) -> None:
    engine = idle_lab.engine
    cores = len(engine.client.machine().machine.cores)
    holder = engine.submit(
        tiny_image, command=["sleep", "300"], cores=cores, memory="32m", time_limit="20m"
    )
    engine.until(holder, "RUNNING")
    screen = show("outlook", IMPORT + "launcher = Launcher(memory='32m')\nlauncher")
    widget = screen.page.locator(".hpccw").last
    line = widget.get_by_role("form", name="New job").get_by_role("status")
    expect(line).to_be_empty()
    image = widget.get_by_role("combobox", name="Image")
    image.focus()
    screen.page.keyboard.type(tiny_image)
    expect(line).to_have_text(re.compile(f"in about 20 min, after job {holder.id}"))
    widget.get_by_label("Cores").fill(str(cores + 1))
    expect(line).to_have_text(f"never: asks {cores + 1} cores, the machine has {cores}")
    widget.get_by_label("Memory").fill("lots")
    expect(line).to_be_empty()
    widget.get_by_label("Memory").fill("32m")
    widget.get_by_label("Cores").fill(str(cores))
    expect(line).to_contain_text("in about 20 min")
    # Nothing is typed from here on: the line is asked again as the queue changes.
    engine.client.cancel(holder.id, kill=True)
    expect(line).to_contain_text("starts now on core")
    assert engine.client.jobs(limit=1)[0].id == holder.id
    assert screen.seen.errors == []


def test_a_page_loaded_again_shows_all_that_was_missed(
    show: Any, lab: Lab, tiny_image: str
) -> None:
    go = lab.engine.workdir / "go-on"
    script = f"#!/bin/sh\necho one\n{waits_for(go)}\necho two\nsleep 300\n"
    screen = show("reload", IMPORT + f"launcher = Launcher({tiny_image!r}, name='typed')\nlauncher")
    page, widget = screen.page, screen.page.locator(".hpccw").last
    widget.get_by_label("Command or script").fill(script)
    widget.get_by_role("button", name="Submit").click()
    page.locator('.hpccw-badge[data-state="RUNNING"]').wait_for()
    job = newest(lab)
    expect(log_of(page, job)).to_contain_text("one")
    screen.save()
    page.goto("about:blank")
    go.touch()
    screen.open("reload.ipynb", reset=False)
    expect(log_of(page, job)).to_have_text("one\ntwo\n")
    expect(widget.get_by_label("Command or script")).to_have_value(script)
    expect(widget.get_by_label("Name")).to_have_value("typed")
    widget.get_by_role("button", name=f"Cancel job {job}").click()
    page.locator('.hpccw-badge[data-state="CANCELLED"]').wait_for()


def test_a_view_of_our_own_job_is_the_card_and_needs_no_kernel(
    show: Any, lab: Lab, tiny_image: str
) -> None:
    go = lab.engine.workdir / "kernel-is-gone"
    script = f"#!/bin/sh\necho one\n{waits_for(go)}\necho two\n"
    job = lab.engine.submit(tiny_image, script=script)
    screen = show("view", IMPORT + f"JobView({job.id})", drawn=".hpcc-Card")
    screen.until(lambda: screen.card_text() == "one\n", "no line while the job runs")
    assert screen.page.locator(".hpccw").count() == 0
    screen.save()
    screen.kill_kernel()
    screen.open("view.ipynb", reset=False)
    screen.until(lambda: screen.card_text() == "one\n", "the card needs its kernel")
    go.touch()
    screen.badge(screen.page.locator(".hpcc-Card"), "COMPLETED")
    screen.until(lambda: screen.card_text() == "one\ntwo\n", "the card is not the log")
    assert screen.page.get_by_text("model not found").count() == 0


def test_a_view_of_a_job_elsewhere_is_the_widget_while_its_kernel_lives(
    show: Any, lab: Lab, docker_socket: str, tiny_image: str, make_module_engine: Any
) -> None:
    other = make_module_engine(docker_host=f"unix://{docker_socket}", runtimes=["docker"])
    job = other.submit(tiny_image, script="#!/bin/sh\necho elsewhere\nsleep 300\n")
    code = (
        "from jupyter_hpccontainers.client.engine import EngineClient\n"
        f"JobView({job.id}, engine=EngineClient({other.socket!r}))"
    )
    screen = show("elsewhere", IMPORT + code)
    expect(log_of(screen.page, job.id)).to_have_text("elsewhere\n")
    expect(screen.page.locator(".hpcc-Card-header")).to_be_hidden()
    screen.save()
    screen.kill_kernel()
    screen.open("elsewhere.ipynb", reset=False)
    card = screen.page.locator(".hpcc-Card")
    expect(card.locator(".hpcc-Card-header")).to_contain_text("From another machine")
    expect(card.get_by_text("model not found")).to_be_hidden()
    assert card.get_by_role("button").count() == 0
    other.client.cancel(job.id, kill=True)


@pytest.fixture(scope="module")
def bare_lab(lab: Lab) -> Iterator[Lab]:
    """JupyterLab with the same engine, without our labextension: as any other front end."""
    disabled = {"disabledExtensions": {"jupyter-hpccontainers": True}}
    bare = Lab(lab.engine, page_config=disabled)
    yield bare
    bare.stop()


def test_elsewhere_a_view_becomes_text_and_the_saved_notebook_has_the_tail(
    show: Any, lab: Lab, bare_lab: Lab, tiny_image: str
) -> None:
    go = lab.engine.workdir / "end-it"
    script = f"#!/bin/sh\necho shown while it runs\n{waits_for(go)}\n"
    job = lab.engine.submit(tiny_image, script=script)
    screen = show("bare", IMPORT + f"JobView({job.id})", server=bare_lab)
    expect(log_of(screen.page, job.id)).to_contain_text("shown while it runs")
    go.touch()
    expect(screen.page.locator(".hpccw")).to_have_count(0)
    expect(screen.page.locator(".jp-OutputArea-output")).to_contain_text("shown while it runs")
    screen.save()
    saved = json.loads((lab.engine.workdir / "bare.ipynb").read_text())
    (output,) = saved["cells"][0]["outputs"]
    assert "application/vnd.jupyter.widget-view+json" not in output["data"]
    assert "shown while it runs" in "".join(output["data"]["text/plain"])


HOSTILE = [
    '<img src=x onerror="window.canary=1">',
    "<script>window.canary=1</script>",
    "javascript:window.canary=1",
    "\x1b]8;;https://example.org\x07link\x1b]8;;\x07",
    "\x1b]0;title\x07\x1b[2J\x1b[31mred\x1b[0m",
    "&lt;b&gt;\u202ereversed\u202c",
    "\x9b31m\x00\x08\x08</pre></div><b>bold</b>",
]


def test_text_of_others_stays_text(show: Any, lab: Lab, tiny_image: str) -> None:
    script = "#!/bin/sh\ncat <<'END'\n" + "\n".join(HOSTILE).replace("\x00", "") + "\nEND\n"
    named = lab.engine.submit(tiny_image, script=script, name="a name")
    markup = lab.engine.submit(tiny_image, command=["echo", HOSTILE[0]])
    screen = show(
        "hostile",
        IMPORT
        + "from ipywidgets import VBox\n"
        + f"VBox([JobView({named.id}), JobView({markup.id}), QueueView()])",
    )
    page, widget = screen.page, screen.page.locator(".hpccw").last
    expect(log_of(page, named.id)).to_contain_text("<script>window.canary=1</script>")
    expect(log_of(page, named.id)).to_contain_text('<img src=x onerror="window.canary=1">')
    expect(log_of(page, markup.id)).to_contain_text(HOSTILE[0])
    expect(page.locator(f'.hpccw-job[data-job="{markup.id}"] .hpccw-title')).to_contain_text("<img")
    widget.get_by_label("Ended jobs too").check()
    expect(page.locator(f'tr[data-job="{markup.id}"]')).to_contain_text("<img")
    assert page.evaluate("window.canary") is None
    assert page.locator(".hpccw img, .hpccw script, .hpccw b, .hpccw a").count() == 0
    assert screen.seen.dialogs == []
    assert screen.seen.strangers(lab.url) == []


def test_progress_bars_overwrite_their_line(show: Any, lab: Lab, tiny_image: str) -> None:
    script = r"""#!/bin/sh
printf 'one\n10%%\r20%%\r100%%\nab\bc\n\033[32mgreen\033[0m\nlong line\r\033[Kshort\n'
"""
    job = lab.engine.submit(tiny_image, script=script)
    screen = show("bars", IMPORT + f"from ipywidgets import VBox\nVBox([JobView({job.id})])")
    expect(log_of(screen.page, job.id)).to_have_text("one\n100%\nac\ngreen\nshort\n")


def test_the_queue_lists_and_cancels(show: Any, lab: Lab, tiny_image: str) -> None:
    screen = show("queue", IMPORT + "QueueView()")
    page, widget = screen.page, screen.page.locator(".hpccw").last
    cores = len(lab.engine.client.machine().machine.cores)
    first = lab.engine.submit(tiny_image, command=["sleep", "300"], cores=cores, name="the first")
    row = page.locator(f'tr[data-job="{first.id}"]')
    expect(row.locator('.hpccw-badge[data-state="RUNNING"]')).to_be_visible()
    expect(row).to_contain_text("the first")
    second = lab.engine.submit(tiny_image, command=["sleep", "300"], cores=cores)
    waiting = page.locator(f'tr[data-job="{second.id}"]')
    expect(waiting.locator('.hpccw-badge[data-state="PENDING"]')).to_be_visible()
    for job, where in ((second, waiting), (first, row)):
        where.get_by_role("button", name=f"Cancel job {job.id}").click()
        expect(where).to_be_hidden()
    widget.get_by_label("Ended jobs too").check()
    expect(row.locator('.hpccw-badge[data-state="CANCELLED"]')).to_be_visible()


ALL = "VBox([Launcher({image!r}, command='echo hi'), JobView({job}), QueueView()])"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_serious_in_a_widget(
    show: Any, lab: Lab, tiny_image: str, theme: str
) -> None:
    failed = lab.engine.wait(lab.engine.submit(tiny_image, script="#!/bin/sh\necho no; exit 3\n"))
    running = lab.engine.submit(tiny_image, command=["sleep", "300"], name="one that runs")
    shown = ALL.format(image=tiny_image, job=failed.id)
    screen = show("axe", IMPORT + "from ipywidgets import VBox\n" + shown)
    screen.theme(theme)
    expect(screen.page.locator(f'tr[data-job="{running.id}"]')).to_contain_text("one that runs")
    outputs = screen.page.locator(".jp-OutputArea")
    outputs.get_by_label("Ended jobs too").check()
    outputs.get_by_label("Memory").fill("lots")
    outputs.get_by_role("button", name="Submit").click()
    expect(outputs.locator('[data-field="memory"]')).to_contain_text("lots")
    assert screen.serious(".jp-OutputArea") == []
    lab.engine.client.cancel(running.id, kill=True)


def test_notebook_7_has_the_same_widgets(show: Any, lab: Lab, tiny_image: str) -> None:
    seven = Lab(lab.engine, app="notebook")
    try:
        code = f"Launcher({tiny_image!r}, command='while true; do echo line; sleep 0.2; done')"
        screen = show("widgets-7", IMPORT + code, server=seven)
        screen.page.get_by_role("button", name="Submit").click()
        screen.page.locator('.hpccw-badge[data-state="RUNNING"]').wait_for()
        job = newest(lab)
        expect(log_of(screen.page, job)).to_contain_text("line\nline\n")
        screen.page.get_by_role("button", name=f"Cancel job {job}").click()
        screen.page.locator('.hpccw-badge[data-state="CANCELLED"]').wait_for()
        assert [error for error in screen.seen.errors if "hpcc" in error] == []
    finally:
        seven.stop()
