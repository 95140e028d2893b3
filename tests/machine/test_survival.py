"""What would end the engine with Jupyter, told from recorded cgroups."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded import V1_CONTAINER_MOUNTS, V2_MOUNTS, laid_out

from jupyter_hpccontainers.machine.survival import what_ends_it

USER_SCOPE = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope\n"


@pytest.mark.parametrize(
    "membership",
    [
        "0::/\n",
        "0::/init.scope\n",
        "0::/user.slice/user-1000.slice/session-2.scope\n",
        "12:memory:/user.slice\n1:name=systemd:/user.slice/user-0.slice/session-1.scope\n",
    ],
)
def test_a_plain_login_survives(tmp_path: Path, membership: str) -> None:
    assert what_ends_it(laid_out(tmp_path, membership=membership)) == ""


@pytest.mark.parametrize(
    "membership",
    [
        "5:memory:/docker/abc\n",
        "0::/system.slice/docker-abc.scope\n",
        "0::/kubepods.slice/kubepods-burstable.slice/cri-containerd-abc.scope\n",
        "0::/machine.slice/libpod-abc.scope/container\n",
    ],
)
def test_a_containers_end_is_the_engines(tmp_path: Path, membership: str) -> None:
    host = laid_out(tmp_path, membership=membership)
    assert what_ends_it(host) == "the engine ends with the container it runs in"


def test_a_hubs_container_is_named_as_one(tmp_path: Path) -> None:
    host = laid_out(
        tmp_path, membership="5:memory:/docker/abc\n", environ={"JUPYTERHUB_API_URL": "http://hub"}
    )
    assert "JupyterHub server" in what_ends_it(host)


def test_a_container_with_a_private_view_is_told_by_its_mark(tmp_path: Path) -> None:
    marked = {"/.dockerenv": ""}
    host = laid_out(tmp_path / "a", mounts=V1_CONTAINER_MOUNTS, membership="0::/\n", files=marked)
    assert "container" in what_ends_it(host)
    machine = laid_out(tmp_path / "b", mounts=V2_MOUNTS, membership="0::/\n", files=marked)
    assert what_ends_it(machine) == "", "a machine made of an image keeps the mark, on a disk"


def test_slurm_is_named_with_its_job(tmp_path: Path) -> None:
    step = "0::/system.slice/slurmstepd.scope/job_4711/step_0/user/task_0\n"
    assert "Slurm job 4711" in what_ends_it(laid_out(tmp_path, membership=step))
    v1 = "3:memory:/slurm/uid_1000/job_12/step_batch\n"
    assert "Slurm job 12" in what_ends_it(laid_out(tmp_path, membership=v1))
    untracked = laid_out(tmp_path, membership="0::/\n", environ={"SLURM_JOB_ID": "13"})
    assert "Slurm job 13" in what_ends_it(untracked)


def test_a_service_is_named_with_the_setting_that_helps(tmp_path: Path) -> None:
    host = laid_out(tmp_path, membership="0::/system.slice/jupyter-ann.service\n")
    assert "jupyter-ann.service" in what_ends_it(host)
    assert "KillMode=process" in what_ends_it(host)


def test_a_user_manager_ends_at_logout_unless_it_lingers(tmp_path: Path) -> None:
    host = laid_out(tmp_path, membership=USER_SCOPE)
    assert "enable-linger" in what_ends_it(host, "ann")
    host = laid_out(tmp_path, membership=USER_SCOPE, files={"/var/lib/systemd/linger/ann": ""})
    assert what_ends_it(host, "ann") == ""


def test_this_machine_gives_an_answer() -> None:
    assert "\n" not in what_ends_it()
