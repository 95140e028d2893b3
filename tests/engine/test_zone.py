"""The machine's time zone as the scheduler gets it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from jupyter_hpccontainers.backends.local.zone import local_offsets


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """Live in another time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def moment(*when: int) -> float:
    """Return seconds since the epoch of a UTC time."""
    return datetime(*when, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize("zone", ["CET-1CEST,M3.5.0,M10.5.0/3"], indirect=True)
def test_summer_time_begins_and_ends_to_the_second() -> None:
    offsets = local_offsets(moment(2026, 1, 10))
    assert offsets[:3] == (
        (0.0, 3600.0),
        (moment(2026, 3, 29, 1), 7200.0),
        (moment(2026, 10, 25, 1), 3600.0),
    )


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize("zone", ["UTC0"], indirect=True)
def test_where_there_is_no_summer_time_there_is_one_offset() -> None:
    assert local_offsets(moment(2026, 1, 10)) == ((0.0, 0.0),)
