"""Where doors look for the engine, and which Python starts it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from jupyter_hpccontainers.client import locate as place
from jupyter_hpccontainers.model.errors import EngineError
from jupyter_hpccontainers.model.version import __version__


def note(folder: Path, python: str, version: str = __version__) -> None:
    """Leave what the Jupyter extension leaves."""
    (folder / "interpreter.json").write_text(json.dumps({"python": python, "version": version}))


def other_python(folder: Path) -> str:
    """Return another program that can be executed."""
    path = folder / "python-of-lab"
    path.symlink_to(sys.executable)
    return str(path)


def test_a_socket_that_is_named_comes_first_and_is_not_started(tmp_path: Path) -> None:
    environ = {"HPCCONTAINERS_SOCKET": "/x.sock", "HPCCONTAINERS_RUNTIME_DIR": str(tmp_path)}
    assert place.locate(environ) == place.Place("/x.sock", None)


def test_the_machines_engine_comes_before_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tmp_path / "system.sock"
    monkeypatch.setattr(place, "SYSTEM_SOCKET", system)
    own = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert place.locate(own).socket == str(tmp_path / "hpccontainers/engine.sock")
    system.touch()
    assert place.locate(own) == place.Place(str(system), None)
    named = {**own, "HPCCONTAINERS_RUNTIME_DIR": str(tmp_path / "named")}
    assert place.locate(named).folder == tmp_path / "named"


def test_without_a_runtime_folder_of_the_session_it_is_below_tmp(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 4321)
    assert place.runtime_folder({"XDG_RUNTIME_DIR": "/gone"}) == Path("/tmp/hpccontainers-4321")


def test_a_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    place.make_folder(tmp_path / "a/b")
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o700


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match="cannot be made"):
        place.make_folder(tmp_path / "file")


def test_the_python_of_the_jupyter_extension_starts_the_engine(tmp_path: Path) -> None:
    assert place.interpreter(tmp_path) == sys.executable
    lab = other_python(tmp_path)
    note(tmp_path, lab)
    assert place.interpreter(tmp_path) == lab


def test_an_older_one_does_so_only_where_this_python_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = other_python(tmp_path)
    note(tmp_path, lab, version="0.0.1")
    assert place.interpreter(tmp_path) == sys.executable
    monkeypatch.setattr(place, "find_spec", lambda name: None)
    assert place.interpreter(tmp_path) == lab


@pytest.mark.parametrize("left", ["", "{}", "[1]", '{"python": "/gone/python"}', '{"python": 1}'])
def test_a_note_that_leads_nowhere_is_passed_over(tmp_path: Path, left: str) -> None:
    (tmp_path / "interpreter.json").write_text(left)
    assert place.interpreter(tmp_path) == sys.executable


def test_where_no_python_can_the_cure_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match="pip install jupyter_hpccontainers"):
        place.interpreter(tmp_path)


@pytest.mark.parametrize(
    ("version", "than", "older"),
    [("0.1.0", "0.1.0", False), ("0.9.0", "0.10.0", True), ("1.0", "0.9.9", False)],
)
def test_versions_are_compared_by_number(version: str, than: str, older: bool) -> None:
    assert place.older(version, than) is older
