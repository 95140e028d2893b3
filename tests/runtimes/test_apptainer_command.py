"""A job as an Apptainer command line: policy, words and quoting, without a container."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from docker_orders import JOB_DIR, PYTHON, order

from jupyter_hpccontainers.model.errors import InvalidSpec, RuntimeUnavailable
from jupyter_hpccontainers.model.job import JobSpec, Mount, Network
from jupyter_hpccontainers.model.resources import Allocation
from jupyter_hpccontainers.runtimes.apptainer_command import (
    ApptainerFlavour,
    apptainer_command,
)
from jupyter_hpccontainers.runtimes.order import ImageFacts, RunOrder

PLAIN = ApptainerFlavour(program="/usr/bin/apptainer", version="apptainer version 1.4.5")
SIF = replace(PYTHON, path="/images/python.sif")


def command(given: RunOrder, flavour: ApptainerFlavour = PLAIN) -> list[str]:
    """The command line of an order whose image is a SIF."""
    image = given.image if given.image.path else SIF
    return list(apptainer_command(replace(given, image=image), flavour).argv)


def environment(given: RunOrder, flavour: ApptainerFlavour = PLAIN) -> dict[str, str]:
    """Its environment."""
    return dict(apptainer_command(replace(given, image=SIF), flavour).environment)


def asked(**spec: object) -> RunOrder:
    """An order with these fields in its spec."""
    return order(JobSpec(image="x.sif", **spec))  # type: ignore[arg-type]


def mounts(argv: list[str]) -> list[dict[str, str]]:
    """The mounts, as Apptainer reads them."""
    texts = [argv[n + 1] for n, part in enumerate(argv) if part == "--mount"]
    rows = [next(csv.reader(io.StringIO(text, newline=""), strict=True)) for text in texts]
    return [dict(field.partition("=")[::2] for field in row) for row in rows]


def test_a_script_is_executed_by_python_in_place_of_the_images_own() -> None:
    argv = command(asked(script="print(1)"))
    assert argv[:3] == ["/usr/bin/apptainer", "--silent", "exec"]
    assert argv[-3:] == ["/images/python.sif", "/usr/bin/python3", f"{JOB_DIR}/script"]


def test_a_shebang_runs_the_script_itself_and_a_kept_entrypoint_gets_it() -> None:
    assert command(asked(script="#!/bin/sh\n"))[-1] == f"{JOB_DIR}/script"
    kept = command(asked(script="#!/bin/sh\n", keep_entrypoint=True))
    assert kept[2] == "run"


def test_without_python_the_error_names_what_the_image_has() -> None:
    image = ImageFacts(reference="x", path="/x.sif", programs={"sh": "/bin/sh"})
    with pytest.raises(InvalidSpec, match="it has: sh"):
        command(replace(asked(script="print(1)"), image=image))


@pytest.mark.parametrize(
    ("entrypoint", "words", "verb"),
    [((), ("true",), "exec"), (("/entry",), ("true",), "run"), ((), (), "run")],
)
def test_a_command_keeps_the_entrypoint(
    entrypoint: tuple[str, ...], words: tuple[str, ...], verb: str
) -> None:
    image = replace(SIF, entrypoint=entrypoint)
    argv = command(replace(asked(command=words), image=image))
    assert argv[2] == verb
    assert argv[argv.index("/images/python.sif") + 1 :] == list(words)


def test_nothing_of_the_host_is_seen_but_what_is_named() -> None:
    argv = command(asked(command=("true",)))
    assert {"--pid", "--containall", "--no-eval"} <= set(argv)
    assert [mount["destination"] for mount in mounts(argv)] == sorted(
        ["/tmp", "/home/person/work", "/var/tmp", JOB_DIR, "/etc/passwd", "/etc/group"],
        key=lambda path: path.count("/"),
    )
    assert not {"--nv", "--writable-tmpfs", "--fakeroot", "--privileged", "--allow-setuid"} & set(
        argv
    )


def test_the_identity_files_cannot_be_written_and_a_mount_asked_read_only_neither() -> None:
    argv = command(replace(asked(command=("true",)), mounts=(Mount("/data", "/in", True),)))
    read_only = {mount["destination"] for mount in mounts(argv) if "ro" in mount}
    assert read_only == {"/etc/passwd", "/etc/group", "/in"}


@pytest.mark.parametrize("path", ["/a,b", '/a"b', "/a:b", "/a,source=/etc,ro", "/a\nb", "/a b"])
def test_any_path_can_be_mounted_and_none_is_an_option(path: str) -> None:
    argv = command(replace(asked(command=("true",)), mounts=(Mount(path, path),)))
    assert {"type": "bind", "source": path, "destination": path} in mounts(argv)
    assert path not in argv


def test_network_none_is_kept_or_refused_and_host_is_the_hosts() -> None:
    none = command(asked(command=("true",)))
    assert none[none.index("--net") :][:3] == ["--net", "--network", "none"]
    assert "--net" not in command(replace(asked(command=("true",)), network=Network.HOST))
    with pytest.raises(RuntimeUnavailable, match="without network"):
        command(asked(command=("true",)), replace(PLAIN, network_none=False))


def test_gpus_a_throw_away_layer_and_root_are_options_only_when_asked() -> None:
    gpu = replace(asked(command=("true",)), allocation=Allocation((1,), 2**28, (3,)))
    assert "--nv" in command(gpu)
    assert environment(gpu)["APPTAINERENV_CUDA_VISIBLE_DEVICES"] == "3"
    assert "--writable-tmpfs" in command(asked(command=("true",), writable=True))
    assert "--fakeroot" in command(asked(command=("true",), as_root=True))


def test_values_travel_in_the_environment_and_never_in_the_command_line() -> None:
    secret = "canary $HOME `id` \"q\" 's'\nline"
    given = asked(command=("true",), env={"TOKEN": secret})
    assert environment(given)["APPTAINERENV_TOKEN"] == secret
    assert not any("canary" in part for part in command(given))


def test_the_job_sees_its_own_world_and_no_gpu() -> None:
    inside = environment(asked(command=("true",)))
    expected = {
        "HPCC_JOB_ID": "7",
        "HPCC_JOB_DIR": JOB_DIR,
        "TMPDIR": f"{JOB_DIR}/tmp",
        "USER": "person",
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "NVIDIA_VISIBLE_DEVICES": "void",
    }
    assert (
        expected.items() <= {k.removeprefix("APPTAINERENV_"): v for k, v in inside.items()}.items()
    )
    assert not {"APPTAINERENV_HOME", "APPTAINERENV_PATH"} & set(inside)


def test_an_images_own_lang_is_not_lost() -> None:
    image = replace(SIF, env=("LANG=C.UTF-8", "OMP_NUM_THREADS=64"))
    found = apptainer_command(replace(asked(command=("true",)), image=image), PLAIN).environment
    assert found["APPTAINERENV_LANG"] == "C.UTF-8"
    assert found["APPTAINERENV_OMP_NUM_THREADS"] == "1"


def test_singularity_is_told_in_its_own_words() -> None:
    old = replace(PLAIN, program="/usr/bin/singularity", version="singularity-ce version 3.11.4")
    inside = environment(asked(command=("true",)), old)
    assert inside["SINGULARITYENV_HPCC_JOB_ID"] == "7"
    assert not any(name.startswith("APPTAINERENV_") for name in inside)
    assert "--userns" in command(asked(command=("true",)), replace(old, user_namespace=True))
