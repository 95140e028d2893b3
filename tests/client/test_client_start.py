"""Starting, reviving and replacing engines, with real engine processes."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from engine_fixture import IsolatedEngine

from jupyter_hpccontainers.client import start
from jupyter_hpccontainers.client.start import open_engine, running_engine
from jupyter_hpccontainers.model.errors import EngineError


@pytest.fixture
def place(
    make_engine: Callable[..., IsolatedEngine], monkeypatch: pytest.MonkeyPatch
) -> IsolatedEngine:
    """Folders of an engine that nobody started, for this process's doors."""
    made = make_engine(start=False)
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    return made


def test_it_is_started_once_and_found_again(place: IsolatedEngine) -> None:
    said: list[str] = []
    assert running_engine() is None
    first = open_engine(progress=said.append).health()
    assert said[0] == "starting the engine"
    assert open_engine(progress=said.append).health().pid == first.pid
    found = running_engine()
    assert found is not None
    assert found.health().engine == first.engine


def test_a_request_that_finds_the_engine_dead_starts_another(place: IsolatedEngine) -> None:
    client = open_engine()
    before = client.health()
    os.kill(before.pid, 9)
    after = client.health()
    assert after.pid != before.pid
    assert after.engine == before.engine


def test_an_older_idle_engine_is_replaced(
    place: IsolatedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_engine().health()
    monkeypatch.setattr(start, "__version__", "99.0.0")
    said: list[str] = []
    after = open_engine(progress=said.append).health()
    assert after.pid != before.pid
    assert said[0] == f"replacing the idle engine of version {before.version}"


def test_an_engine_of_another_api_is_refused_with_the_cure(
    place: IsolatedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_engine()
    monkeypatch.setattr(start, "API", 2)
    with pytest.raises(EngineError, match="pip install --upgrade"):
        open_engine()


def test_one_that_cannot_start_is_told_with_the_end_of_its_log(place: IsolatedEngine) -> None:
    place.configure(memory="a lot")
    with pytest.raises(EngineError, match=r"did not start: .*is not an amount") as caught:
        open_engine()
    assert str(place.folder / "run/engine.log") in caught.value.cure
