"""Laboratories in which jobs run under real supervisors."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from supervisor_lab import Lab


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other accounts can pass through, which pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="hpcc-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def docker_lab(open_folder: Path, docker_socket: str, docker_image: str) -> Iterator[Lab]:
    """Jobs under Docker."""
    lab = Lab(open_folder, docker_socket, docker_image)
    yield lab
    lab.close()


@pytest.fixture
def apptainer_lab(open_folder: Path, apptainer: str, sif_image: str) -> Iterator[Lab]:
    """Jobs under Apptainer."""
    lab = Lab(open_folder, apptainer, sif_image)
    yield lab
    lab.close()


@pytest.fixture(params=["docker", "apptainer"])
def lab(request: pytest.FixtureRequest) -> Lab:
    """Jobs under each runtime: what is the same is tested by the same words."""
    found: Lab = request.getfixturevalue(f"{request.param}_lab")
    return found


@pytest.fixture(params=["docker", pytest.param("apptainer", marks=pytest.mark.as_root)])
def limiting_lab(request: pytest.FixtureRequest) -> Lab:
    """The same where limits are enforced: Apptainer's take the right to make control groups."""
    found: Lab = request.getfixturevalue(f"{request.param}_lab")
    return found
