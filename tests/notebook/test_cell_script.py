"""The body of a cell as it was written, recovered from what IPython makes of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from jupyter_hpccontainers.model.errors import InvalidSpec
from jupyter_hpccontainers.notebook.script import expanded, written_body

LINE = "img --name x"


@pytest.fixture(scope="module")
def shell() -> Iterator[InteractiveShell]:
    """A shell whose container magic notes what it was called with."""
    shell = InteractiveShell.instance()
    seen: list[tuple[str, str]] = []
    shell.register_magic_function(
        lambda line, cell: seen.append((written_body(shell, line, cell), cell)),
        "cell", "container",
    )  # fmt: skip
    shell.seen = seen
    yield shell
    InteractiveShell.clear_instance()


def received(shell: InteractiveShell, raw: str, *, in_kernel: bool = True) -> str:
    """Run a cell as a front end sends it and return the body the container would get."""
    shell.get_parent = lambda: {"content": {"code": raw}} if in_kernel else {}
    shell.run_cell(raw, store_history=True).raise_error()
    body: str
    body, _ = shell.seen.pop()
    return body


@pytest.mark.parametrize(
    "body",
    [
        "one line",
        "ends with a newline\n",
        "several\n\n\n",
        ">>> doctest\n... more\nresult\n",
        "In [1]: x\n   ...: y\n",
        "%magic\n!shell\n?help\n",
        "tab\there\r\nand dos\r\nends",
        "form\x0cfeed \u2028 separator",
        "back\\slash 'quotes' \"double\" '''three''' $HOME {x} {{y}}",
        "é 漢字 🚀\n",
        "%%container nested\nbody",
    ],
)
def test_the_body_is_what_was_written(shell: InteractiveShell, body: str) -> None:
    assert received(shell, f"%%container {LINE}\n{body}") == body


@given(body=st.text(alphabet=">.: \nabIn[1]%!\t\\'\"{}$é", min_size=1, max_size=60))
def test_any_body_is_what_was_written(shell: InteractiveShell, body: str) -> None:
    assert received(shell, f"%%container {LINE}\n{body}") == body


@pytest.mark.parametrize("body", [">>> 1\n1\n", "In [1]: x\n", "a\n\n\n", "end"])
def test_in_a_terminal_too_but_for_a_newline_at_the_end(shell: InteractiveShell, body: str) -> None:
    raw = f"%%container {LINE}\n{body}"
    assert received(shell, raw, in_kernel=False) == body.removesuffix("\n") + "\n"


def test_lines_before_the_magic_are_no_part_of_it(shell: InteractiveShell) -> None:
    assert received(shell, f"\n\n%%container {LINE}\nbody") == "body"


def test_a_magic_called_from_code_gets_what_it_was_given(shell: InteractiveShell) -> None:
    code = f"get_ipython().run_cell_magic('container', {LINE!r}, 'given')"
    assert received(shell, code) == "given"


def test_expressions_are_filled_in_and_double_braces_are_braces(shell: InteractiveShell) -> None:
    shell.user_ns["who"] = {"name": "world"}
    text = "{who['name'].upper()} {[1, 2][0:1]} {{x}} $who"
    assert expanded(shell, text) == "WORLD [1] {x} $who"


@pytest.mark.parametrize("text", ["{nobody_knows}", "{1/0}", "{", "{who[}"])
def test_what_cannot_be_filled_in_is_named_with_the_cure(
    shell: InteractiveShell, text: str
) -> None:
    with pytest.raises(InvalidSpec, match="--expand cannot fill in"):
        expanded(shell, text)
