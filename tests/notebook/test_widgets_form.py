"""What a form asks for, and how the widgets are loaded."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_hpccontainers.model.errors import HpccError, InvalidSpec
from jupyter_hpccontainers.model.request import spec_from_request
from jupyter_hpccontainers.notebook.widgets.esm import joined_module, style_sheet
from jupyter_hpccontainers.notebook.widgets.form import EMPTY, form_request
from jupyter_hpccontainers.notebook.widgets.shown import shown_error

MODULES = ("launcher", "job_view", "queue_view")


def test_empty_fields_are_not_asked_for() -> None:
    request = form_request({**EMPTY, "image": "an/image:1"})
    assert request == {
        "image": "an/image:1",
        "cores": 1,
        "gpus": 0,
        "runtime": "auto",
        "workdir": os.getcwd(),
        "mounts": [],
    }


@pytest.mark.parametrize("command", ["echo a; echo b", "ls *.py", "a | b", "one\ntwo", "cat < x"])
def test_what_needs_a_shell_is_a_script(command: str) -> None:
    spec = spec_from_request(form_request({"image": "i", "command": command}))
    assert spec.script == f"#!/bin/sh\n{command}\n"
    assert spec.command == ()


def test_a_script_that_names_its_interpreter_is_left_as_it_is() -> None:
    spec = spec_from_request(form_request({"image": "i", "command": "#!/usr/bin/env python3\n6\n"}))
    assert spec.script == "#!/usr/bin/env python3\n6\n"


def test_other_commands_are_words() -> None:
    spec = spec_from_request(form_request({"image": "i", "command": "echo 'two words'"}))
    assert spec.command == ("echo", "two words")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"cores": "0"}, "cores"),
        ({"cores": "1.5"}, "cores"),
        ({"gpus": "-1"}, "gpus"),
        ({"memory": "1k"}, "memory"),
        ({"time_limit": "-"}, "time_limit"),
        ({"runtime": "lxc"}, "runtime"),
        ({"command": "one\0two"}, "command"),
        ({"command": "one\0two; three"}, "command"),
        ({"image": 7, "name": "<b>"}, "name"),
        ({"cores": None}, "cores"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(form: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        spec_from_request(form_request({"image": "i", **form}))
    assert shown_error(refused.value)["field"] == field


def test_an_error_without_a_field_is_the_forms_own() -> None:
    shown = shown_error(HpccError("it broke", cure="mend it"))
    assert shown == {"field": "", "message": "it broke", "cure": "mend it"}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_whole_and_asks_nobody_for_more(name: str, tmp_path: Path) -> None:
    module = joined_module(name)
    assert not re.search(r"^(import|export (?!default))", module, re.MULTILINE)
    assert len(re.findall(r"^export default", module, re.MULTILINE)) == 1
    # No address, no markup from text, no code from text.
    assert not re.search(
        r"https?:|innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", module
    )
    declared = re.findall(r"^(?:const|class|function|let) (\w+)", module, re.MULTILINE)
    assert len(declared) == len(set(declared))
    assert len(module) < 32_000
    if node := shutil.which("node"):
        path = tmp_path / "module.mjs"
        path.write_text(module)
        subprocess.run([node, "--check", path], check=True)


def test_the_style_sheet_fetches_nothing() -> None:
    assert not re.search(r"url\(|@import", style_sheet())


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("missing", ["ipywidgets", "anywidget", "traitlets"])
def test_where_ipywidgets_is_missing_one_line_says_what_to_do(missing: str) -> None:
    done = python(
        f"import sys; sys.modules[{missing!r}] = None\n"
        "import jupyter_hpccontainers.notebook.widgets as widgets\n"
        "widgets.Launcher\n"
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last == "ImportError: widgets need ipywidgets: pip install ipywidgets anywidget"
    assert "During handling" not in done.stderr


def test_the_room_itself_loads_nothing() -> None:
    done = python(
        "import sys, jupyter_hpccontainers.notebook.widgets\n"
        "heavy = {'ipywidgets', 'anywidget', 'traitlets', 'jupyter_hpccontainers.client'}\n"
        "print(heavy & set(sys.modules))"
    )
    assert done.stdout.strip() == "set()"


def test_an_unknown_name_is_an_attribute_error() -> None:
    done = python("import jupyter_hpccontainers.notebook.widgets as w; w.Nothing")
    assert "AttributeError" in done.stderr


def test_an_unknown_field_of_the_form_is_refused() -> None:
    done = python(
        "from jupyter_hpccontainers.notebook.widgets import Launcher; Launcher(walltime='1h')"
    )
    assert "TypeError: Launcher has no field 'walltime'" in done.stderr
