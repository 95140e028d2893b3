"""A real JupyterLab under a hub's prefix, a real engine behind it, a real Chromium before it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from jupyter_hpccontainers.model.errors import EngineError

playwright_api = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install")

TREE = Path(__file__).parents[2]
AXE = TREE / "labextension/node_modules/axe-core/axe.min.js"
TOKEN = "a-token-for-tests"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PROGRAMS = {"lab": "jupyterlab", "notebook": "notebook"}
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
#: What this machine needs for the slowest step when other things run too.
PATIENCE_MS = int(os.environ.get("HPCC_PATIENCE_MS", "60000"))


class Lab:
    """A Jupyter server process; ``app`` is ``lab`` or ``notebook``."""

    def __init__(self, engine: Any, app: str = "lab", page_config: Mapping[str, Any] | None = None):
        self.engine = engine
        self.app = app
        self.folder = engine.folder / f"{app}-{time.monotonic_ns()}"
        self.settings = self.folder / "settings"
        self._write_settings(page_config or {})
        with (engine.folder / f"{app}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", PROGRAMS[app], "--no-browser", "--allow-root",
                    "--ip=127.0.0.1", "--port=0", "--ServerApp.base_url=/user/x/",
                    f"--IdentityProvider.token={TOKEN}",
                    f"--ServerApp.root_dir={engine.workdir}",
                    "--LabApp.expose_app_in_browser=True",
                    "--JupyterNotebookApp.expose_app_in_browser=True",
                ],
                env=self._environment(), cwd=engine.workdir, stdout=log, stderr=log,
            )  # fmt: skip
        self.url = self._await_url()

    def _environment(self) -> dict[str, str]:
        places = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "IPYTHONDIR": "ipython",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        }
        own = {name: str(self.folder / place) for name, place in places.items()}
        return {**self.engine.env, **own, "JUPYTERLAB_SETTINGS_DIR": str(self.settings)}

    def _write_settings(self, page_config: Mapping[str, Any]) -> None:
        self.write_setting(
            "@jupyterlab/apputils-extension", "notification",
            {"fetchNews": "false", "checkForUpdates": False},
        )  # fmt: skip
        labconfig = self.folder / "config/labconfig"
        labconfig.mkdir(parents=True)
        # The engine that this server starts reads its configuration beside the server's.
        shutil.copytree(self.engine.folder / "config", self.folder / "config", dirs_exist_ok=True)
        (labconfig / "page_config.json").write_text(json.dumps(page_config))

    def write_setting(self, extension: str, plugin: str, values: Mapping[str, Any]) -> None:
        """Set what the next page finds."""
        path = self.settings / extension / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def _await_url(self) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            for info in (self.folder / "runtime").glob("jpserver-*.json"):
                with suppress(ValueError):
                    return str(json.loads(info.read_text())["url"])
            time.sleep(0.05)
        raise AssertionError((self.engine.folder / f"{self.app}.log").read_text())

    def await_engine(self) -> None:
        """Wait for the engine, which the server starts without being asked."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(EngineError):
                self.engine.client.health()
                return
            time.sleep(0.05)
        raise AssertionError(self.engine.log())

    def stop(self) -> None:
        """End the server; for a kernel that is only starting Jupyter may wait a minute."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Seen:
    """What a page did that a test may have to explain."""

    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    frames_received: int = 0

    def strangers(self, url: str) -> list[str]:
        """Return requests to anybody but the server itself."""
        own = (url, url.replace("http:", "ws:"), "data:", "blob:")
        return [asked for _, asked in self.requests if not asked.startswith(own)]

    def acts(self) -> list[tuple[str, str]]:
        """Return requests to our routes that could change something."""
        return [
            (method, asked)
            for method, asked in self.requests
            if "/hpccontainers/" in asked and method != "GET"
        ]


class Screen:
    """A page of Lab or Notebook, with the steps that tests share."""

    def __init__(self, page: Any, lab: Lab) -> None:
        self.page = page
        self.lab = lab
        self.seen = Seen()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.seen.errors.append(f"page error: {error.stack}"))
        page.on("dialog", self._on_dialog)
        page.on("request", lambda r: self.seen.requests.append((r.method, r.url)))
        page.on("websocket", self._on_websocket)
        page.set_default_timeout(PATIENCE_MS)

    def open(self, path: str = "", reset: bool = True) -> Screen:
        """Open Lab, or a notebook in it, and wait until it is there."""
        where = f"lab/tree/{path}" if path else "lab"
        if self.lab.app == "notebook":
            where = f"notebooks/{path}"
        again = "&reset" if reset and self.lab.app == "lab" else ""
        for _ in range(3):
            self.page.goto(f"{self.lab.url}{where}?token={TOKEN}{again}")
            self.page.wait_for_selector("#jupyterlab-splash", state="detached")
            self.page.wait_for_function("window.jupyterapp !== undefined")
            self.page.evaluate("jupyterapp.restored.then(() => undefined)")
            # A container's network interface that comes or goes makes Chromium give up requests.
            if not self.page.get_by_role("dialog").filter(has_text="Error Loading Theme").count():
                break
        if not path:
            # It opens last and takes the focus.
            self.page.wait_for_selector(".jp-Launcher")
        else:
            self.page.wait_for_selector(".jp-NotebookPanel .jp-Notebook")
            # A cell that is run before the kernel told of itself can be dropped silently.
            self.page.wait_for_function(
                """() => {
                  const context = jupyterapp.shell.currentWidget?.sessionContext;
                  const kernel = context?.session?.kernel;
                  const answers = kernel?.connectionStatus === 'connected';
                  return context?.isReady && answers && kernel.hasPendingInput === false
                    && kernel.info.then(() => true);
                }"""
            )
        return self

    def run_all_cells(self) -> None:
        """Begin to run every cell."""
        self.page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")

    def kill_kernel(self) -> None:
        """kill -9 the kernels of the server: a shutdown would interrupt the cell first."""
        for child in psutil.Process(self.lab.process.pid).children():
            if "ipykernel" in " ".join(child.cmdline()):
                child.kill()

    def save(self) -> None:
        """Save the notebook."""
        self.page.evaluate("jupyterapp.commands.execute('docmanager:save')")

    def sidebar(self) -> Any:
        """Open the sidebar by a click on its tab; return it."""
        tab = self.page.locator('.lm-TabBar-tab[data-id="hpcc-sidebar"]')
        if "lm-mod-current" not in (tab.get_attribute("class") or ""):
            tab.click()
        sidebar = self.page.locator("#hpcc-sidebar")
        sidebar.locator(".hpcc-Gauges").wait_for()
        if not sidebar.locator(".hpcc-Form").is_visible():
            sidebar.get_by_role("button", name="New job").click()
        return sidebar

    def row(self, job: int) -> Any:
        """Return the row of a job in the sidebar."""
        return self.page.locator(f'#hpcc-sidebar [data-job="{job}"]')

    def badge(self, where: Any, *words: str) -> None:
        """Wait until a badge shows one of these states."""
        selector = ", ".join(f'.hpcc-Badge[data-state="{word}"]' for word in words)
        where.locator(selector).first.wait_for()

    def card_text(self, number: int = 0) -> str:
        """Return what a card shows of the log."""
        card = self.page.locator(".hpcc-Card pre").nth(number)
        return str(card.evaluate("node => node.textContent"))

    def theme(self, name: str) -> None:
        """Change the theme, e.g. to ``JupyterLab Dark``."""
        change = "theme => jupyterapp.commands.execute('apputils:change-theme', { theme })"
        self.page.evaluate(change, name)

    def serious(self, *views: str) -> list[Any]:
        """Return what axe finds in these views that is serious or worse."""
        self.page.wait_for_timeout(500)
        self.page.add_script_tag(path=AXE)
        return [
            (view, one["id"], [node["html"][:200] for node in one["nodes"]])
            for view in views
            for one in self.page.evaluate("view => axe.run(view)", view)["violations"]
            if one["impact"] in {"serious", "critical"}
        ]

    def photograph(self, name: str, **options: Any) -> None:
        """Keep a picture of the page where HPCC_PICTURES names a folder for them."""
        if folder := os.environ.get("HPCC_PICTURES"):
            self.page.wait_for_timeout(700)
            self.page.screenshot(path=Path(folder) / f"{name}.png", **options)

    def until(self, holds: Any, what: str) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while time.monotonic() < deadline:
            if holds():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(what)

    def _on_console(self, message: Any) -> None:
        # Each container's network interface that comes or goes makes Chromium ask again.
        if message.type == "error" and "ERR_NETWORK_CHANGED" not in message.text:
            self.seen.errors.append(message.text)

    def _on_dialog(self, dialog: Any) -> None:
        self.seen.dialogs.append(dialog.message)
        dialog.dismiss()

    def _on_websocket(self, socket: Any) -> None:
        if "/hpccontainers/" in socket.url:
            socket.on("framereceived", self._on_frame)

    def _on_frame(self, payload: bytes | str) -> None:
        self.seen.frames_received += len(payload)


def notebook(*cells: str | dict[str, Any]) -> dict[str, Any]:
    """Return a notebook; a dict among the cells is the one output of the cell before it."""
    made: list[dict[str, Any]] = []
    for source in cells:
        if isinstance(source, dict):
            made[-1]["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": source}]
        else:
            made.append(
                {
                    "cell_type": "code", "id": f"cell-{len(made)}", "metadata": {},
                    "execution_count": None, "outputs": [], "source": source,
                }
            )  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A Chromium of the distribution, one a file: its loop must not outlive the browser tests."""
    path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium: scripts/browser.sh installs one")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(
    make_module_engine: Any, docker_socket: str, docker_image: str, tiny_image: str
) -> Iterator[Lab]:
    """JupyterLab, with an engine that it starts itself."""
    engine = make_module_engine(
        start=False, docker_host=f"unix://{docker_socket}", grace=1.0, runtimes=["docker"]
    )
    running = Lab(engine)
    running.await_engine()
    yield running
    running.stop()


@pytest.fixture
def open_screen(chromium: Any) -> Iterator[Any]:
    """Open pages of a server; each has cookies of its own."""
    contexts: list[Any] = []

    def opened(server: Lab, path: str = "", **options: Any) -> Screen:
        size = {"width": 1280, "height": 860}
        context = chromium.new_context(**{"viewport": size, **options})
        contexts.append(context)
        return Screen(context.new_page(), server).open(path)

    playwright_api.expect.set_options(timeout=PATIENCE_MS)
    yield opened
    for number, context in enumerate(contexts):
        if os.environ.get("HPCC_PICTURES"):
            context.pages[0].screenshot(path=f"{os.environ['HPCC_PICTURES']}/last-{number}.png")
        context.close()


@pytest.fixture
def idle_lab(lab: Lab) -> Iterator[Lab]:
    """The same; the jobs that a test leaves are ended, so that the next finds an idle machine."""
    yield lab
    left = lab.engine.client.jobs(state="active")
    for job in left:
        lab.engine.client.cancel(job.id, kill=True)
    for job in left:
        lab.engine.wait(job)


@pytest.fixture
def screen(idle_lab: Lab, open_screen: Any) -> Screen:
    """A page of Lab."""
    return open_screen(idle_lab)  # type: ignore[no-any-return]
