"""The options of a submission as a request, the same for every command line."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import pytest

from jupyter_hpccontainers.client.options import (
    add_job_options,
    request_from,
    split_command,
    variables,
)
from jupyter_hpccontainers.model.errors import InvalidSpec
from jupyter_hpccontainers.model.request import spec_from_request


def request(*words: str, **environ: str) -> dict[str, Any]:
    """Return the request that words ask for."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_job_options(parser)
    return request_from(parser.parse_args(words), environ)


def test_nothing_asked_is_the_image_in_this_folder() -> None:
    assert request("python:3.12") == {"image": "python:3.12", "workdir": os.getcwd()}


def test_dependencies_are_gathered() -> None:
    asked = request("img", "--dependency", "afterany:3:4", "--after", "7", "--after", "8")
    assert asked["dependencies"] == ["afterany:3:4", "afterok:7", "afterok:8"]
    assert len(spec_from_request(asked).dependencies) == 4


def test_every_option_is_understood_by_the_engine(tmp_path: Path) -> None:
    spec = spec_from_request(
        request(
            "img", "-c", "2", "-m", "4g", "-g", "1", "-t", "1:30:00", "-n", "fit", "--tag", "a",
            "--tag", "b", "-e", "X=a=b", "-v", f"{tmp_path}:/in:ro", "-w", str(tmp_path),
            "--runtime", "docker", "--network", "none", "--priority", "urgent", "--description",
            "d", "--begin", "2033-05-18T03:33:20Z", "--hold", "--tty", "--writable",
            "--merge-stderr", "--keep-entrypoint", "--as-root", "--retries", "3",
            "--retry-on", "75", "--retry-on", "76", "--no-requeue",
        )
    )  # fmt: skip
    asked = spec.resources
    assert (asked.cores, asked.memory_bytes, asked.gpus) == (2, 4 * 2**30, 1)
    assert (spec.time_limit_s, spec.name, spec.tags) == (5400, "fit", ("a", "b"))
    assert (spec.env, spec.workdir) == ({"X": "a=b"}, str(tmp_path))
    (mount,) = spec.mounts
    assert (mount.source, mount.target, mount.read_only) == (str(tmp_path), "/in", True)
    assert (spec.runtime, spec.network, spec.priority) == ("docker", "none", "urgent")
    assert (spec.begin_at, spec.hold) == (2e9, True)
    assert (spec.retries, spec.retry_on, spec.requeue) == (3, (75, 76), False)
    assert spec.tty
    assert spec.writable
    assert spec.merge_stderr
    assert spec.keep_entrypoint
    assert spec.as_root


@pytest.mark.parametrize("given", ["0", "-1"])
def test_a_number_that_makes_no_sense_is_passed_on_for_the_engine_to_refuse(given: str) -> None:
    with pytest.raises(InvalidSpec, match="cores"):
        spec_from_request(request("img", f"--cores={given}"))


def test_paths_are_seen_from_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked = request("./img.sif", "-v", "data", "-v", "data:/in", "-w", "sub")
    assert asked["image"] == f"{tmp_path}/img.sif"
    assert asked["mounts"] == [f"{tmp_path}/data", f"{tmp_path}/data:/in"]
    assert asked["workdir"] == f"{tmp_path}/sub"
    assert request("img.sif")["image"] == f"{tmp_path}/img.sif"
    assert request("docker://img.sif")["image"] == "docker://img.sif"


def test_variables_are_set_passed_on_and_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("# secrets\nTOKEN=s3cr=t\n\nHERE\n")
    found = variables(["A=1", "PASSED"], str(file), {"PASSED": "on", "HERE": "too"})
    assert found == {"TOKEN": "s3cr=t", "HERE": "too", "A": "1", "PASSED": "on"}
    with pytest.raises(InvalidSpec, match="cannot be read"):
        variables([], str(tmp_path / "none"), {})


def test_only_the_first_two_dashes_part_the_command() -> None:
    assert split_command(["img", "-c", "1", "--", "a", "--", "b"]) == (
        ["img", "-c", "1"], ["a", "--", "b"],
    )  # fmt: skip
    assert split_command(["img"]) == (["img"], [])
