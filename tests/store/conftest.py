"""Every store a test opens is closed after it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import store_builders


@pytest.fixture(autouse=True, scope="module")
def _stores_closed() -> Iterator[None]:
    yield
    while store_builders.OPEN:
        store_builders.OPEN.pop().close()
