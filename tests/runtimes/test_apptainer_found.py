"""The Apptainer of this machine, asked for real: version, what works for a person, image facts."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

import pytest

from jupyter_hpccontainers.model.errors import ImageError, ImageNotFound, RuntimeUnavailable
from jupyter_hpccontainers.runtimes.apptainer import Apptainer, find_apptainer
from jupyter_hpccontainers.runtimes.apptainer_look import read_look
from jupyter_hpccontainers.runtimes.order import Person


def me() -> Person:
    """Ourselves."""
    account = pwd.getpwuid(os.geteuid())
    return Person(uid=account.pw_uid, gid=account.pw_gid, name=account.pw_name)


@pytest.fixture
def found(apptainer: str) -> Apptainer:
    """The installation, as the engine finds it."""
    return find_apptainer(apptainer)


def test_its_version_is_told_through_spython_where_only_apptainer_is_installed(
    found: Apptainer, apptainer: str
) -> None:
    assert found.program == os.path.abspath(apptainer)
    assert any(part[0].isdigit() for part in found.version.split())


def test_a_machine_without_it_says_so_with_a_cure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailable, match="neither apptainer nor singularity") as error:
        find_apptainer(environ={"PATH": str(tmp_path)})
    assert "install Apptainer" in error.value.cure


def test_a_program_that_is_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "apptainer").symlink_to("/bin/true")
    with pytest.raises(RuntimeUnavailable, match="does not tell its version"):
        find_apptainer(environ={"PATH": str(tmp_path)})


def test_what_works_for_a_person_is_tried_once(found: Apptainer, sif_image: str) -> None:
    flavour = found.flavour(me(), sif_image)
    assert flavour.program == found.program
    assert found.flavour(me(), sif_image) is flavour
    way = ["--userns"] if flavour.user_namespace else []
    argv = [found.program, "--silent", "exec", *way, "--containall", sif_image, "python3", "-V"]
    assert subprocess.run(argv, check=True, capture_output=True).stdout.startswith(b"Python 3")


def test_an_image_tells_its_programs_and_names(found: Apptainer, sif_image: str) -> None:
    facts = found.image_facts(sif_image, me())
    assert facts.path == sif_image
    assert facts.programs["python3"].endswith("/python3")
    assert "julia" not in facts.programs
    assert "root:x:0:0" in facts.passwd
    assert facts.group.startswith("root:x:0")


def test_an_image_without_python_tells_that(found: Apptainer, tiny_sif: str) -> None:
    facts = found.image_facts(tiny_sif, me())
    assert "sh" in facts.programs
    assert "python3" not in facts.programs


def test_entrypoint_and_env_of_a_docker_image_are_as_docker_has_them(
    found: Apptainer, entrypoint_sif: str
) -> None:
    facts = found.image_facts(entrypoint_sif, me())
    assert facts.entrypoint == ("/usr/local/bin/entry",)
    assert facts.cmd == ("echo", "default command")
    assert 'GREETING=it\'s $HOME "quoted"' in facts.env
    assert "IMAGE_ONLY=yes" in facts.env
    assert not any(pair.startswith(("APPTAINER", "HOME=", "PATH=")) for pair in facts.env)


def test_a_file_that_is_missing_or_no_image_is_named(found: Apptainer, tmp_path: Path) -> None:
    with pytest.raises(ImageNotFound, match=r"nosuch\.sif"):
        found.image_facts(str(tmp_path / "nosuch.sif"), me())
    (tmp_path / "broken.sif").write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"broken\.sif"):
        found.image_facts(str(tmp_path / "broken.sif"), me())


def test_a_look_that_was_cut_short_is_no_answer() -> None:
    assert read_look("@@programs\n/bin/sh\n@@env\n", "/x.sif") is None


def test_a_runscript_of_a_definition_file_is_an_entrypoint_and_the_default_is_none() -> None:
    def look(runscript: str) -> str:
        return (
            "@@programs\n/bin/sh\n@@env\nA=1\\u000A2\nHOME=/x\n@@/etc/passwd\n@@/etc/group\n"
            f"@@/.singularity.d/runscript\n{runscript}\n"
            "@@/.singularity.d/env/10-docker2singularity.sh\n@@end\n"
        )

    own = read_look(look('#!/bin/sh\nexec python3 "$@"'), "/x.sif")
    assert own is not None
    assert own.entrypoint == ("/.singularity.d/runscript",)
    assert own.env == ("A=1\n2",)
    default = read_look(look('echo "There is no runscript defined for this container"'), "/x.sif")
    assert default is not None
    assert default.entrypoint == ()
