"""The sidebar in a real browser: submit, wait, watch, read, cancel."""

from __future__ import annotations

import os
import signal
from typing import Any

from browser_fixture import Lab, Screen
from playwright.sync_api import expect


def fill(sidebar: Any, image: str, command: str, **fields: str) -> None:
    """Fill the form by typing."""
    sidebar.get_by_role("combobox", name="Image").fill(image)
    sidebar.get_by_role("textbox", name="Command").fill(command)
    for label, value in fields.items():
        sidebar.get_by_role("textbox", name=label).fill(value)


def submit(screen: Screen, image: str, command: str, **fields: str) -> int:
    """Submit by the form; return the job's number."""
    sidebar = screen.sidebar()
    fill(sidebar, image, command, **fields)
    with screen.page.expect_response(lambda r: r.url.split("?")[0].endswith("/jobs")) as answer:
        sidebar.get_by_role("button", name="Submit").click()
    assert answer.value.status == 201, answer.value.text()
    return int(answer.value.json()["id"])


def terminal_text(screen: Screen) -> str:
    """Return what the log view shows."""
    rows = screen.page.locator(".hpcc-LogView .xterm-rows > div")
    return "\n".join(rows.all_inner_texts()).replace("\xa0", " ")


def test_from_an_open_lab_to_the_first_line_in_five_clicks(screen: Screen, tiny_image: str) -> None:
    page, clicks = screen.page, 0

    def click(target: Any) -> None:
        nonlocal clicks
        clicks += 1
        target.click()

    click(page.locator('.lm-TabBar-tab[data-id="hpcc-sidebar"]'))
    page.locator("#hpcc-sidebar .hpcc-Gauges").wait_for()
    screen.photograph("click-1")
    click(page.get_by_role("combobox", name="Image"))
    page.get_by_role("option").filter(has_text=tiny_image).wait_for()
    screen.photograph("click-2")
    click(page.get_by_role("option").filter(has_text=tiny_image))
    page.keyboard.press("Tab")
    page.keyboard.type("echo the first line; sleep 1; echo the last line")
    screen.photograph("click-3")
    click(page.get_by_role("button", name="Submit"))
    expect(page.locator(".hpcc-LogView")).to_contain_text("the first line")
    screen.photograph("click-4")
    expect(page.locator(".hpcc-LogView")).to_contain_text("the last line")
    assert clicks <= 5
    assert screen.seen.errors == []


def test_a_job_waits_with_its_reason_runs_and_ends(
    screen: Screen, lab: Lab, tiny_image: str
) -> None:
    cores = str(len(lab.engine.client.machine().machine.cores))
    first = submit(screen, tiny_image, "sleep 300", Cores=cores)
    screen.badge(screen.row(first), "RUNNING")
    second = submit(screen, tiny_image, "echo it ran", Cores=cores)
    screen.badge(screen.row(second), "PENDING")
    expect(screen.row(second).locator(".hpcc-Row-reason")).to_contain_text("queue")
    gauge = screen.page.get_by_role("meter", name="Cores")
    expect(gauge).to_have_attribute("aria-valuenow", cores)
    expect(screen.page.locator(".hpcc-Status")).to_contain_text("1 running · 1 waiting")

    screen.row(first).get_by_role("button", name=f"Cancel job {first}").click()
    screen.badge(screen.row(first), "CANCELLED")
    screen.badge(screen.row(second), "COMPLETED")
    expect(gauge).to_have_attribute("aria-valuenow", "0")
    expect(screen.page.locator(".hpcc-Status")).to_be_hidden()


def test_a_running_job_is_suspended_and_resumed(screen: Screen, lab: Lab, tiny_image: str) -> None:
    job = submit(screen, tiny_image, "sleep 300")
    row = screen.row(job)
    screen.badge(row, "RUNNING")
    row.get_by_role("button", name=f"Suspend job {job}").click()
    screen.badge(row, "SUSPENDED")
    assert lab.engine.client.job(job).state == "SUSPENDED"
    row.get_by_role("button", name=f"Resume job {job}").click()
    screen.badge(row, "RUNNING")
    row.get_by_role("button", name=f"Cancel job {job}").click()
    screen.badge(row, "CANCELLED")


def test_a_wrong_field_is_named_below_it(screen: Screen, tiny_image: str) -> None:
    sidebar = screen.sidebar()
    fill(sidebar, tiny_image, "true", Memory="lots")
    sidebar.get_by_role("button", name="Submit").click()
    field = sidebar.locator('[data-field="memory"]')
    expect(field.get_by_role("alert")).to_contain_text("lots")
    expect(field.get_by_role("textbox")).to_have_attribute("aria-invalid", "true")
    fill(sidebar, tiny_image, "true", Memory="", Cores="99")
    sidebar.get_by_role("button", name="Submit").click()
    expect(sidebar.locator('[data-field="cores"]').get_by_role("alert")).to_be_visible()
    fill(sidebar, tiny_image, "true", Cores="1", Time="soon")
    sidebar.get_by_role("button", name="Submit").click()
    expect(sidebar.locator('[data-field="time_limit"]').get_by_role("alert")).to_be_visible()


def test_jobs_are_filtered_and_those_of_a_tag_cancelled_together(
    screen: Screen, lab: Lab, tiny_image: str
) -> None:
    engine = lab.engine
    tagged = [
        engine.submit(tiny_image, command=["sleep", "300"], tags=["sweep"], name=f"run {n}")
        for n in range(3)
    ]
    other = engine.submit(tiny_image, command=["sleep", "300"], tags=["other"])
    sidebar = screen.sidebar()
    screen.row(other.id).get_by_role("button", name="Show jobs of tag other only").wait_for()
    sidebar.get_by_role("searchbox").fill("RUN 1")
    expect(sidebar.locator("[data-job]")).to_have_count(1)
    sidebar.get_by_role("searchbox").fill("")
    screen.row(tagged[0].id).get_by_role("button", name="tag sweep").click()
    expect(sidebar.locator("[data-job]")).to_have_count(3)
    sidebar.get_by_role("button", name="Cancel 3 jobs").click()
    screen.page.get_by_role("dialog").get_by_role("button", name="Cancel the jobs").click()
    assert [engine.wait(job).result for job in tagged] == ["CANCELLED"] * 3
    assert not engine.client.job(other.id).done
    engine.client.cancel(other.id, kill=True)


def test_the_keyboard_alone_submits_watches_and_cancels(
    screen: Screen, lab: Lab, tiny_image: str
) -> None:
    page, keys = screen.page, screen.page.keyboard
    keys.press("Control+Shift+c")
    keys.type("New Container Job")
    page.locator(".lm-CommandPalette-item.lm-mod-active").wait_for()
    keys.press("Enter")
    expect(page.get_by_role("combobox", name="Image")).to_be_focused()
    keys.type(tiny_image[:6])
    page.get_by_role("option").filter(has_text=tiny_image).wait_for()
    while page.locator('[role="option"][aria-selected="true"]').all_inner_texts() == [] or (
        tiny_image not in page.locator('[role="option"][aria-selected="true"]').inner_text()
    ):
        keys.press("ArrowDown")
    keys.press("Enter")
    expect(page.get_by_role("combobox", name="Image")).to_have_value(tiny_image)
    keys.press("Tab")
    keys.type("echo typed; sleep 300")
    keys.press("Control+Enter")
    expect(page.locator(".hpcc-LogView")).to_contain_text("typed")
    job = lab.engine.client.jobs(state="active")[0]
    keys.press("Control+Shift+c")
    keys.type("Show Container Jobs")
    page.locator(".lm-CommandPalette-item.lm-mod-active").wait_for()
    keys.press("Enter")
    tab_to(screen, f'[data-job="{job.id}"]')
    keys.press("Delete")
    assert lab.engine.wait(job).result == "CANCELLED"
    screen.badge(screen.row(job.id), "CANCELLED")


def tab_to(screen: Screen, selector: str) -> None:
    """Press Tab until something has the focus."""
    for _ in range(60):
        script = "selector => document.activeElement?.matches(selector)"
        if screen.page.evaluate(script, selector):
            return
        screen.page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {selector}")


def test_the_command_line_is_copied(screen: Screen, lab: Lab, tiny_image: str) -> None:
    job = lab.engine.wait(lab.engine.submit(tiny_image, command=["echo", "it's"]))
    screen.sidebar()
    screen.page.evaluate(
        "document.addEventListener('copy',"
        " e => { window.copied = e.clipboardData.getData('text/plain'); })"
    )
    screen.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    screen.row(job.id).get_by_role("button", name=f"Copy the command line of job {job.id}").click()
    copied = screen.page.evaluate("navigator.clipboard.readText().catch(() => window.copied)")
    assert copied.startswith("jupyter hpccontainers submit -c 1")
    assert copied.endswith(f"""{tiny_image} -- echo 'it'"'"'s'""")


def test_a_failed_job_is_told_by_a_notification(screen: Screen, lab: Lab, tiny_image: str) -> None:
    screen.sidebar()
    job = lab.engine.submit(tiny_image, script="#!/bin/sh\nsleep 1; exit 7\n")
    toast = screen.page.locator(".Toastify__toast").filter(has_text=f"Job {job.id}")
    expect(toast).to_contain_text("Failed")
    toast.get_by_role("button", name="Open log").click()
    expect(screen.page.locator(".hpcc-LogToolbar")).to_contain_text("Failed")


def test_an_engine_that_is_killed_is_missed_and_comes_back(
    screen: Screen, lab: Lab, tiny_image: str
) -> None:
    job = submit(screen, tiny_image, "for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 0.5; done")
    expect(screen.page.locator(".hpcc-LogView")).to_contain_text("line 2")
    pid = lab.engine.client.health().pid
    os.kill(pid, signal.SIGKILL)
    expect(screen.page.locator(".hpcc-LogView")).to_contain_text("line 8")
    screen.badge(screen.row(job), "COMPLETED")
    expect(screen.page.locator(".hpcc-Trouble")).to_be_hidden()
    assert lab.engine.client.health().pid != pid


def test_launcher_and_running_panel_lead_to_jobs(screen: Screen, lab: Lab, tiny_image: str) -> None:
    page = screen.page
    page.locator('.jp-LauncherCard[title="Run a command in a container"]').click()
    expect(page.get_by_role("combobox", name="Image")).to_be_focused()
    job = lab.engine.submit(tiny_image, command=["sleep", "300"], name="seen elsewhere")
    page.locator('.lm-TabBar-tab[data-id="jp-running-sessions"]').click()
    item = page.locator(".jp-RunningSessions-item").filter(has_text="seen elsewhere")
    item.hover()
    item.locator(".jp-RunningSessions-itemShutdown").click()
    assert lab.engine.wait(job).result == "CANCELLED"
    expect(item).to_have_count(0)


def begin_array(screen: Screen, image: str) -> tuple[int, int]:
    """Submit an array whose third task runs; return its number and that of the task."""
    script = (
        "#!/bin/sh\necho task $HPCC_ARRAY_TASK_ID\n[ $HPCC_ARRAY_TASK_ID != 2 ] || exit 3\n"
        "[ $HPCC_ARRAY_TASK_ID -lt 3 ] || sleep 300\n"
    )
    engine = screen.lab.engine
    array = engine.submit(
        image, script=script, array="1-6%1", memory="32m", name="sweep", tags=["grid"]
    )
    third = engine.client.number(f"{array.id}_3")
    screen.until(lambda: third in {job.id for job in engine.client.jobs()}, "task 3 began")
    engine.until(engine.client.job(third), "RUNNING")
    screen.sidebar()
    return array.id, third


def test_an_array_is_one_row_and_its_tasks_stand_below_it(screen: Screen, tiny_image: str) -> None:
    array, third = begin_array(screen, tiny_image)
    row, keys = screen.row(array), screen.page.keyboard
    bar = row.get_by_role("progressbar", name=f"Tasks of array {array}")
    expect(bar).to_have_attribute("aria-valuetext", "2 of 6 done · 1 failed · 1 running")
    expect(bar).to_have_attribute("aria-valuenow", "2")
    expect(screen.page.locator(".hpcc-Status")).to_have_text("1 running")
    expect(screen.row(third)).to_have_count(0)
    row.focus()
    keys.press("Tab")
    button = row.get_by_role("button", name=f"Tasks of array {array} that have begun")
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")
    keys.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    for index, word in ((1, "COMPLETED"), (2, "FAILED"), (3, "RUNNING")):
        task = screen.row(screen.lab.engine.client.number(f"{array}_{index}"))
        screen.badge(task, word)
        expect(task).to_contain_text(f"{array}_{index} · sweep")
    for theme in ("Dark", "Light"):
        screen.theme(f"JupyterLab {theme}")
        assert screen.serious("#hpcc-sidebar") == []
        screen.photograph(f"array-{theme.lower()}")
    row.focus()
    keys.press("ArrowLeft")
    expect(screen.row(third)).to_have_count(0)
    assert screen.seen.errors == []


def test_tasks_of_an_array_are_found_read_and_cancelled(screen: Screen, tiny_image: str) -> None:
    array, third = begin_array(screen, tiny_image)
    row, sidebar = screen.row(array), screen.page.locator("#hpcc-sidebar")
    bar, task = row.get_by_role("progressbar"), screen.row(third)
    search = sidebar.get_by_role("searchbox")
    # Where only a task matches it stands below its array at once.
    search.fill(f"{array}_3")
    expect(task).to_be_visible()
    expect(sidebar.locator("[data-job]")).to_have_count(2)
    task.dblclick()
    expect(screen.page.locator(".hpcc-LogView")).to_contain_text("task 3")
    task.get_by_role("button", name=f"Cancel job {array}_3").click()
    screen.badge(task, "CANCELLED")
    told = "3 of 6 done · 1 failed · 1 cancelled · 1 running"
    expect(bar).to_have_attribute("aria-valuetext", told)
    search.fill("")
    expect(task).to_have_count(0)
    row.focus()
    screen.page.keyboard.press("Delete")
    expect(bar).to_have_attribute("aria-valuenow", "6")
    # A page loaded again knows the array only, and asks for its tasks when it is opened.
    screen.open()
    screen.sidebar()
    expect(row).to_be_visible()
    expect(task).to_have_count(0)
    row.get_by_role("button", name=f"Tasks of array {array} that have begun").click()
    screen.badge(task, "CANCELLED")
    assert screen.seen.errors == []


def test_a_line_tells_when_it_would_start_as_values_rest(
    screen: Screen, lab: Lab, tiny_image: str
) -> None:
    cores = len(lab.engine.client.machine().machine.cores)
    holder = lab.engine.submit(
        tiny_image, command=["sleep", "300"], cores=cores, memory="32m", time_limit="20m"
    )
    lab.engine.until(holder, "RUNNING")
    sidebar = screen.sidebar()
    fill(sidebar, tiny_image, "true", Cores=str(cores), Memory="32m")
    line = sidebar.locator(".hpcc-Outlook")
    expect(line).to_contain_text(f", after job {holder.id}")
    expect(line).to_contain_text("in about 20 min")
    sidebar.get_by_role("textbox", name="Cores").fill(str(cores + 1))
    expect(line).to_have_text(f"never: asks {cores + 1} cores, the machine has {cores}")
    sidebar.get_by_role("textbox", name="Cores").fill("1")
    expect(line).to_contain_text("in about 20 min")
    # Nothing is typed from here on: the line is asked again as the queue changes.
    lab.engine.client.cancel(holder.id, kill=True)
    lab.engine.wait(holder)
    expect(line).to_contain_text("starts now on core 0")
    assert line.get_attribute("role") == "status"
