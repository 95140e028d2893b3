"""Fixtures of the browser tests."""

from pathlib import Path

import pytest
from browser_fixture import chromium, idle_lab, lab, open_screen, screen

__all__ = [
    "chromium",
    "idle_lab",
    "jp_asyncio_loop",
    "jp_server_cleanup",
    "lab",
    "open_screen",
    "screen",
]


@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    """Playwright runs a loop of its own for the whole session."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """Servers here are processes of their own: none is to be cleaned up in this one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a test in a browser the time of a busy machine; each step has a limit of its own."""
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(300))
