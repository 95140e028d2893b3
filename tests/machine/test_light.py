"""The supervisor's own JSON says what the standard library's says, and it starts light."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_hpccontainers.machine.light import from_json, to_json

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_it_writes_the_standard_library_reads(value: object) -> None:
    assert json.loads(to_json(value)) == value


@given(VALUES, st.sampled_from([None, 2]))
def test_what_the_standard_library_writes_it_reads(value: object, indent: int | None) -> None:
    assert from_json(json.dumps(value, indent=indent).encode()) == value


@pytest.mark.parametrize("text", [b"", b"{", b'{"a": ', b"nonsense", b'"open', b"[1,", b"\xff"])
def test_text_that_is_cut_short_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- whichever of its kinds
        from_json(text)


@pytest.mark.parametrize("runtime", ["apptainer_run", "docker_run"])
def test_a_supervisor_loads_no_module_that_costs_its_start(runtime: str) -> None:
    """Each of these is milliseconds and a megabyte, before every job."""
    program = (
        f"import sys; sys.path.append({str(PACKAGE_ROOT)!r}); "
        f"from jupyter_hpccontainers.machine.supervisor import main, {runtime}; "
        "print(*sorted(sys.modules))"
    )
    argv = [sys.executable, "-I", "-S", "-c", program]
    loaded = set(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split())
    heavy = {"asyncio", "typing", "re", "enum", "json", "dataclasses", "subprocess", "ctypes"}
    assert not loaded & heavy
