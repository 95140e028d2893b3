"""What the browser doors cost: panel, states, a flood of lines, wire, bundle, server extension.

Run as ``python benchmarks/browser_doors.py DOCKER_SOCKET``; needs Chromium. Every figure is the
median of several, printed beside its goal. Other load on the machine counts against us.
"""

from __future__ import annotations

import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

TREE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TREE / "tests"), str(TREE / "tests/browser"), str(TREE)]

import psutil  # noqa: E402
from browser_fixture import CHROMIUM, FLAGS, Lab, Screen  # noqa: E402
from engine_fixture import IsolatedEngine  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from jupyter_hpccontainers.client.follow import StateChanged  # noqa: E402

IMAGE = "hpcc-python:3.11"
FLOOD = """#!/usr/bin/env python3
import sys, time
line = b"x" * 60 + b"\\n"
end = time.monotonic() + 10
begin = time.monotonic()
sent = 0
while (now := time.monotonic()) < end:
    due = int((now - begin) * 100_000)
    if due > sent:
        sys.stdout.buffer.write(line * (due - sent))
        sys.stdout.buffer.flush()
        sent = due
    time.sleep(0.01)
"""
WATCH = """() => {
  window.seen = {};
  new MutationObserver(() => {
    for (const row of document.querySelectorAll('[data-job]')) {
      const key = row.dataset.job + ' ' + row.querySelector('.hpcc-Badge').dataset.state;
      window.seen[key] ??= Date.now() / 1000;
    }
  }).observe(document.querySelector('#hpcc-sidebar'),
    { subtree: true, childList: true, attributes: true, characterData: true });
}"""


def main(docker_socket: str) -> None:
    """Measure everything."""
    say("bundle, kB gzip", [bundle_kb()], "≤ 250")
    with_ext, without = server_cost(True), server_cost(False)
    say("server extension, MB PSS", [with_ext[0] - without[0]], "≤ 10")
    say("server extension, CPU ms of start", [1000 * (with_ext[1] - without[1])], "≤ 100")
    folder = Path(tempfile.mkdtemp(prefix="hpcc-bench-", dir="/tmp"))
    folder.chmod(0o711)
    engine = IsolatedEngine(folder, dict(os.environ))
    engine.configure(docker_host=f"unix://{docker_socket}", grace=1.0, runtimes=["docker"])
    lab = Lab(engine)
    try:
        lab.await_engine()
        with sync_playwright() as playwright:
            path = next(p for name in CHROMIUM for p in [f"/usr/bin/{name}"] if os.path.exists(p))
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            say("panel usable after the click, ms", panel_ms(browser, lab), "≤ 300")
            screen = Screen(browser.new_page(), lab).open()
            screen.sidebar()
            say("state visible after it was told, ms", state_ms(screen), "≤ 200")
            flood(screen)
            browser.close()
    finally:
        lab.stop()
        engine.clear()


def say(what: str, figures: list[float], goal: str) -> None:
    """Print the median, the range, the goal."""
    middle, low, high = statistics.median(figures), min(figures), max(figures)
    spread = f" ({low:.0f} – {high:.0f}, n = {len(figures)})" if len(figures) > 1 else ""
    print(f"{what}: {middle:.1f}{spread}; goal {goal}", flush=True)


def bundle_kb() -> float:
    """Return the size of all scripts of the extension, compressed as a server does."""
    scripts = (TREE / "jupyter_hpccontainers/labextension/static").glob("*.js")
    return sum(len(gzip.compress(path.read_bytes(), 6)) for path in scripts) / 1000


def server_cost(extended: bool) -> tuple[float, float]:
    """Return PSS in MB and CPU seconds until a bare server answers; best of five."""
    figures = [one_server(extended) for _ in range(5)]
    return min(pss for pss, _ in figures), min(s for _, s in figures)


def one_server(extended: bool) -> tuple[float, float]:
    """Start a Jupyter server with or without our extension, and end it."""
    with tempfile.TemporaryDirectory(prefix="hpcc-bench-") as folder:
        names = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
        places = {f"JUPYTER_{name}": f"{folder}/{name}" for name in names}
        server = subprocess.Popen(
            [
                sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root",
                "--port=0", f"--ServerApp.root_dir={folder}",
                f"--ServerApp.jpserver_extensions=jupyter_hpccontainers={extended}",
                "--HPCContainersApp.start_engine=False",
            ],
            env={**os.environ, **places, "HPCCONTAINERS_RUNTIME_DIR": f"{folder}/run"},
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while not list(Path(folder, "RUNTIME_DIR").glob("jpserver-*.json")):
                time.sleep(0.002)
            process = psutil.Process(server.pid)
            spent = process.cpu_times()
            time.sleep(1)
            return process.memory_full_info().pss / 1e6, spent.user + spent.system
        finally:
            server.terminate()
            server.wait()


def panel_ms(browser: Any, lab: Lab) -> list[float]:
    """Return how long the form takes to be there after the click on the tab."""
    figures = []
    for _ in range(5):
        screen = Screen(browser.new_page(), lab).open()
        screen.page.wait_for_timeout(2000)
        took = screen.page.evaluate(
            """async () => {
              const tab = document.querySelector('.lm-TabBar-tab[data-id="hpcc-sidebar"]');
              const began = performance.now();
              const where = tab.getBoundingClientRect();
              const at = { bubbles: true, button: 0, clientX: where.x + 5, clientY: where.y + 5 };
              tab.dispatchEvent(new PointerEvent('pointerdown', at));
              tab.dispatchEvent(new PointerEvent('pointerup', at));
              const ready = () => document.querySelector('.hpcc-Form input')?.checkVisibility();
              while (!ready()) await new Promise(requestAnimationFrame);
              return performance.now() - began;
            }"""
        )
        figures.append(float(took))
        screen.page.close()
    return figures


def state_ms(screen: Screen) -> list[float]:
    """Return how long after the engine told of a state the sidebar showed it."""
    engine = screen.lab.engine
    told: dict[str, float] = {}

    def listen() -> None:
        for event in engine.client.follow(None):
            if isinstance(event, StateChanged):
                word = event.job.result or event.job.state
                told.setdefault(f"{event.job.id} {word}", time.time())

    threading.Thread(target=listen, daemon=True).start()
    screen.page.evaluate(WATCH)
    for _ in range(10):
        engine.wait(engine.submit(IMAGE, command=["true"]))
        screen.page.wait_for_timeout(300)
    seen = screen.page.evaluate("window.seen")
    return [1000 * (seen[key] - told[key]) for key in seen if key in told]


def flood(screen: Screen) -> None:
    """Follow 100,000 lines a second for ten seconds in card and log view; click meanwhile."""
    engine, page = screen.lab.engine, screen.page
    before = screen.seen.frames_received
    job = engine.submit(IMAGE, script=FLOOD)
    screen.row(job.id).get_by_role("button", name="Open the log").click()
    screen.badge(screen.row(job.id), "RUNNING")
    clicks, memory = [], []
    refresh = "document.querySelector('#hpcc-sidebar .hpcc-Section')"
    while not engine.client.job(job.id).done:
        clicks.append(
            page.evaluate(
                f"""async () => {{
                  const began = performance.now();
                  await new Promise(go => setTimeout(go, 0));
                  {refresh}.click();
                  await new Promise(requestAnimationFrame);
                  await new Promise(go => setTimeout(go, 0));
                  return performance.now() - began;
                }}"""
            )
        )
        memory.append(page.evaluate("performance.memory.usedJSHeapSize") / 1e6)
        page.wait_for_timeout(200)
    size = engine.client.job(job.id).log_bytes
    page.wait_for_timeout(2000)
    say("click answered in the flood, ms", clicks, "≤ 100")
    say("page heap in the flood, MB", memory, "bounded")
    say("lines in the log, thousands", [size / 61_000], "1000")
    say("wire / log bytes", [(screen.seen.frames_received - before) / size], "≤ 1.1")
    print(json.dumps({"terminal ends with": page.locator(".xterm-rows").inner_text()[-20:]}))


if __name__ == "__main__":
    main(sys.argv[1])
