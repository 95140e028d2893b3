"""The real parts tests use: container engines, Apptainer, images; each started once and stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

TREE = Path(__file__).resolve().parent.parent
CI = os.environ.get("CI") == "true"
SERVICES = {"docker_socket", "podman_socket", "apptainer"}

pytest_plugins = ["pytest_jupyter.jupyter_server"]
if (TREE / "tests/engine_fixture.py").exists():
    pytest_plugins.append("engine_fixture")


def pytest_configure(config: pytest.Config) -> None:
    """Name the marks; begin in the state tests and what they start rely on."""
    # A shell without job control starts what it puts into the background deaf to interrupts, and
    # every process we start would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "as_root: needs root's rights; `make test` runs it as root")
    config.addinivalue_line("markers", "gpu: needs a GPU; the only reason to skip under CI")
    # How long an example takes says nothing here; a tree of root's can keep no examples.
    database = settings.default.database if os.access(TREE, os.W_OK) and not CI else None
    settings.register_profile("project", database=database, deadline=None, print_blob=True)
    settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make check` ask for what takes no service."""
    text = "leave out tests that need a container runtime"
    parser.addoption("--without-services", action="store_true", help=text)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only root can run when we are not, and services where nobody wants them."""
    left_out = [item for item in items if _is_left_out(item, config)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _is_left_out(item: pytest.Item, config: pytest.Config) -> bool:
    if os.geteuid() != 0 and item.get_closest_marker("as_root"):
        return True
    needs = SERVICES.intersection(getattr(item, "fixturenames", ()))
    return bool(needs) and config.getoption("--without-services")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Under CI nothing may be skipped but what needs a GPU: a skip there is a failure."""
    report = yield
    if CI and report.skipped and not item.get_closest_marker("gpu"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and CI=true allows that for GPU tests only: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """The same for a whole file."""
    report = yield
    if CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, and CI=true does not allow that: {report.longrepr}"
    return report


def _script(name: str, *arguments: str) -> str:
    """Return what a script of the project answers; skip with its reason when it cannot."""
    done = subprocess.run(
        [str(TREE / "scripts" / name), *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"{name} {' '.join(arguments)}: {done.stderr.strip()[-500:] or 'not here'}")
    return done.stdout.strip().splitlines()[-1]


def _service(name: str) -> Iterator[str]:
    """Yield the socket of a service that answers, else of one started here and then stopped."""
    found = subprocess.run(
        [str(TREE / "scripts" / name), "find"], capture_output=True, text=True, check=False
    )
    if found.returncode == 0:
        yield found.stdout.strip()
        return
    if os.geteuid() != 0:
        pytest.skip(
            f"{name}: none answers here, and starting one takes root (make test as root does)"
        )
    try:
        yield _script(name, "start")
    finally:
        subprocess.run(
            [str(TREE / "scripts" / name), "stop"], check=True, stderr=subprocess.DEVNULL
        )


def _images(verb: str, name: str, place: str) -> str:
    done = subprocess.run(
        [sys.executable, str(TREE / "scripts/images.py"), verb, name, place],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="session")
def docker_socket() -> Iterator[str]:
    """Path of the unix socket of a real Docker Engine."""
    yield from _service("docker_engine.sh")


@pytest.fixture(scope="session")
def podman_socket() -> Iterator[str]:
    """Path of the unix socket of Podman's Docker-compatible API."""
    yield from _service("podman.sh")


@pytest.fixture(scope="session")
def docker_image(docker_socket: str) -> str:
    """An image with a shell, small programs and Python, in that Docker Engine."""
    return _images("load", "python", docker_socket)


@pytest.fixture(scope="session")
def tiny_image(docker_socket: str) -> str:
    """An image with a shell and small programs, no Python."""
    return _images("load", "tiny", docker_socket)


@pytest.fixture(scope="session")
def bare_image(docker_socket: str) -> str:
    """An image with Python and nothing else: no shell."""
    return _images("load", "bare", docker_socket)


@pytest.fixture(scope="session")
def entrypoint_image(docker_socket: str) -> str:
    """The Python image with ENTRYPOINT (prints ``entrypoint: N``, then runs its N arguments), CMD
    ``echo default command``, ENV GREETING and IMAGE_ONLY, USER 4321:4321, WORKDIR /srv."""
    return _images("load", "entrypoint", docker_socket)


@pytest.fixture(scope="session")
def podman_image(podman_socket: str) -> str:
    """The Python image in Podman (``localhost/…``)."""
    return _images("load", "python", podman_socket)


@pytest.fixture(scope="session")
def apptainer() -> str:
    """Path of a real Apptainer or Singularity."""
    found = shutil.which("apptainer") or shutil.which("singularity")
    return found or _script("apptainer.sh")


@pytest.fixture(scope="session")
def sif_image(apptainer: str) -> str:
    """Path of the Python image as SIF."""
    return _images("sif", "python", apptainer)


@pytest.fixture(scope="session")
def tiny_sif(apptainer: str) -> str:
    """Path of the shell image as SIF."""
    return _images("sif", "tiny", apptainer)


@pytest.fixture(scope="session")
def bare_sif(apptainer: str) -> str:
    """Path of the image without a shell as SIF."""
    return _images("sif", "bare", apptainer)


@pytest.fixture(scope="session")
def entrypoint_sif(apptainer: str) -> str:
    """Path of the image with ENTRYPOINT, ENV, USER and WORKDIR as SIF."""
    return _images("sif", "entrypoint", apptainer)
