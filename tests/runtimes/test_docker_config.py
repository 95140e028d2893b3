"""The create body: what it says of a job, and what no job can make it say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from docker_orders import JOB_DIR, PERSON, PYTHON, order
from hypothesis import given
from hypothesis import strategies as st

from jupyter_hpccontainers.model.errors import InvalidSpec, MountRefused
from jupyter_hpccontainers.model.job import JobSpec, Mount, Network, Priority, RuntimeChoice
from jupyter_hpccontainers.model.resources import Allocation, Resources
from jupyter_hpccontainers.runtimes.docker_config import docker_config, identity_files, mount_points
from jupyter_hpccontainers.runtimes.order import ImageFacts, RunOrder


def host_config(given: RunOrder) -> dict[str, Any]:
    return docker_config(given)["HostConfig"]


def script_order(text: str, **changed: Any) -> RunOrder:
    return order(JobSpec(image="python", script=text), **changed)


def test_cores_memory_and_processes_are_limited() -> None:
    found = host_config(order(allocation=Allocation((2, 5), 2 * 2**30)))
    assert found["CpusetCpus"] == "2,5"
    assert found["Memory"] == found["MemorySwap"] == 2 * 2**30
    assert found["PidsLimit"] == 4096
    assert found["ShmSize"] == 2**30


def test_shared_memory_is_never_less_than_dockers_own_default() -> None:
    assert host_config(order(allocation=Allocation((0,), 32 * 2**20)))["ShmSize"] == 64 * 2**20


def test_the_container_runs_as_the_person() -> None:
    found = docker_config(order())
    assert found["User"] == "1234:1234"
    assert found["HostConfig"]["GroupAdd"] == ["1234", "4321"]


def test_root_is_given_only_where_the_spec_says_so() -> None:
    found = docker_config(order(JobSpec(image="python", as_root=True)))
    assert found["User"] == "0:0"
    assert found["HostConfig"]["GroupAdd"] == []
    assert found["HostConfig"]["CapDrop"] == ["ALL"]


def test_under_a_rootless_daemon_user_0_is_the_person() -> None:
    given = order(person=replace(PERSON, container_uid=0, container_gid=0))
    assert docker_config(given)["User"] == "0:0"
    assert host_config(given)["GroupAdd"] == []
    passwd = identity_files(given)[f"{JOB_DIR}/.passwd"]
    assert "person:x:0:0:" in passwd
    assert "root:x:0" not in passwd


def test_a_remapping_daemon_is_asked_for_the_hosts_ids() -> None:
    assert host_config(order())["UsernsMode"] == ""
    assert host_config(order(person=replace(PERSON, outside_remap=True)))["UsernsMode"] == "host"


def test_the_identity_files_are_the_images_lines_and_the_persons() -> None:
    image = replace(
        PYTHON, passwd="root:x:0:0::/root:/bin/sh\nperson:x:99:99::/:\n", group="x:x:5:\n"
    )
    files = identity_files(order(image=image))
    assert files[f"{JOB_DIR}/.passwd"].splitlines() == [
        "root:x:0:0::/root:/bin/sh",
        f"person:x:1234:1234::{JOB_DIR}/home:/bin/sh",
    ]
    assert files[f"{JOB_DIR}/.group"].splitlines() == ["x:x:5:", "person:x:1234:"]
    shown = {m["Target"]: m for m in host_config(order())["Mounts"]}
    for target, source in (("/etc/passwd", ".passwd"), ("/etc/group", ".group")):
        assert shown[target]["Source"] == f"{JOB_DIR}/{source}"
        assert shown[target]["ReadOnly"] is True


def test_the_working_folder_and_the_job_folder_are_at_their_own_paths() -> None:
    body = docker_config(order())
    shown = {m["Target"]: m["Source"] for m in body["HostConfig"]["Mounts"]}
    assert shown["/home/person/work"] == "/home/person/work"
    assert shown[JOB_DIR] == JOB_DIR
    assert shown["/tmp"] == shown["/var/tmp"] == f"{JOB_DIR}/tmp"
    assert body["WorkingDir"] == "/home/person/work"


def test_a_mount_is_a_private_bind_that_creates_nothing() -> None:
    given = order(mounts=(Mount("/data/a:b,c", "/in", read_only=True),), text_mounts=False)
    (found,) = (m for m in host_config(given)["Mounts"] if m["Target"] == "/in")
    assert found == {
        "Type": "bind",
        "Source": "/data/a:b,c",
        "Target": "/in",
        "ReadOnly": True,
        "BindOptions": {"Propagation": "rprivate", "CreateMountpoint": False},
    }


def test_podman_is_given_no_path_it_would_read_options_from() -> None:
    sly = (Mount("/data/a,src=/root,U", "/in"),)
    with pytest.raises(MountRefused, match="comma"):
        docker_config(order(mounts=sly))
    with pytest.raises(MountRefused, match="comma"):
        docker_config(order(workdir='/home/"x"'))
    assert docker_config(order(mounts=sly, text_mounts=False))


def test_a_daemon_elsewhere_is_told_its_own_paths() -> None:
    given = order(host_paths={"/home": "/srv/homes", "/home/person/work": "/w", "/state": "/s/"})
    shown = {m["Target"]: m["Source"] for m in host_config(given)["Mounts"]}
    assert shown["/home/person/work"] == "/w"
    assert shown[JOB_DIR] == "/s/jobs/7/1/dir"
    other = order(workdir="/homeless", host_paths={"/home": "/srv/homes"})
    assert {m["Target"]: m["Source"] for m in host_config(other)["Mounts"]}[
        "/homeless"
    ] == "/homeless"


def test_places_for_mounts_below_tmp_are_made_in_the_jobs_own() -> None:
    given = order(workdir="/tmp/a/b/c", mounts=(Mount("/data", "/var/tmp/x"),))
    tmp = f"{JOB_DIR}/tmp"
    assert mount_points(given) == (f"{tmp}/a", f"{tmp}/a/b")
    assert mount_points(order()) == ()


def test_gpus_are_asked_for_by_uuid_else_by_number_and_none_means_none() -> None:
    two = Allocation((0,), 2**30, (1, 3))
    assert host_config(order(allocation=two))["DeviceRequests"] == [
        {"Driver": "", "DeviceIDs": ["1", "3"], "Capabilities": [["gpu"]]}
    ]
    by_uuid = host_config(order(allocation=two, gpu_uuids=("GPU-a", "GPU-b")))
    assert by_uuid["DeviceRequests"][0]["DeviceIDs"] == ["GPU-a", "GPU-b"]
    none = docker_config(order())
    assert none["HostConfig"]["DeviceRequests"] == []
    assert "NVIDIA_VISIBLE_DEVICES=void" in none["Env"]
    assert "CUDA_VISIBLE_DEVICES=" in none["Env"]


def test_a_script_replaces_the_entrypoint_and_the_images_command() -> None:
    plain = docker_config(script_order("print(1)"))
    assert plain["Entrypoint"] == ["/usr/bin/python3", f"{JOB_DIR}/script"]
    assert plain["Cmd"] == []
    shebang = docker_config(script_order("#!/bin/sh\nid"))
    assert shebang["Entrypoint"] == [f"{JOB_DIR}/script"]


def test_a_kept_entrypoint_is_given_the_script_as_its_arguments() -> None:
    kept = docker_config(order(JobSpec(image="x", script="#!/bin/sh\n", keep_entrypoint=True)))
    assert "Entrypoint" not in kept
    assert kept["Cmd"] == [f"{JOB_DIR}/script"]


def test_a_command_keeps_the_entrypoint_and_nothing_keeps_both() -> None:
    command = docker_config(order(JobSpec(image="x", command=("a", "b c"))))
    assert "Entrypoint" not in command
    assert command["Cmd"] == ["a", "b c"]
    nothing = docker_config(order())
    assert "Entrypoint" not in nothing
    assert "Cmd" not in nothing


def test_an_image_without_a_command_and_one_without_python_are_named() -> None:
    bare = ImageFacts(reference="bare", programs={"perl": "/usr/bin/perl"})
    with pytest.raises(InvalidSpec, match="no command of its own"):
        docker_config(order(image=bare))
    with pytest.raises(InvalidSpec, match="perl"):
        docker_config(script_order("print(1)", image=bare))


def test_the_name_and_labels_tell_engine_job_and_attempt() -> None:
    given = order(attempt=3)
    assert given.name == "hpcc-01234567-7-3"
    assert docker_config(given)["Labels"] == {
        "org.hpccontainers.engine": "0123456789ab",
        "org.hpccontainers.job": "7",
        "org.hpccontainers.attempt": "3",
    }


def test_the_root_file_system_is_writable_only_on_request() -> None:
    assert host_config(order())["ReadonlyRootfs"] is True
    assert host_config(order(JobSpec(image="x", writable=True)))["ReadonlyRootfs"] is False


def test_an_unresolved_network_is_a_mistake() -> None:
    with pytest.raises(InvalidSpec, match="network"):
        docker_config(order(network=Network.DEFAULT))


# What no spec can change.

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
paths = st.one_of(
    st.sampled_from(["/", "/etc", "/var/run/docker.sock", "/proc", "/data", "/a,b:c", "/x/../y"]),
    words.map(lambda text: f"/{text}"),
)
mounts = st.lists(st.builds(Mount, paths, paths, st.booleans()), max_size=3).map(tuple)
specs = st.builds(
    JobSpec,
    image=words | st.sampled_from(["--privileged", "-v/:/host"]),
    command=st.lists(words, max_size=3).map(tuple),
    script=st.none() | words,
    resources=st.builds(Resources, st.integers(1, 512), st.integers(0, 2**45), st.integers(0, 16)),
    time_limit_s=st.none() | st.integers(1),
    env=st.dictionaries(words, words, max_size=3),
    mounts=mounts,
    workdir=paths,
    name=words,
    description=words,
    tags=st.lists(words, max_size=2).map(tuple),
    priority=st.sampled_from(Priority),
    runtime=st.sampled_from(RuntimeChoice),
    network=st.sampled_from(Network),
    tty=st.booleans(),
    writable=st.booleans(),
    merge_stderr=st.booleans(),
    keep_entrypoint=st.booleans(),
    as_root=st.booleans(),
)
ALWAYS = {
    "Privileged": False,
    "CapAdd": [],
    "CapDrop": ["ALL"],
    "SecurityOpt": ["no-new-privileges"],
    "Devices": [],
    "DeviceRequests": [],
    "PidMode": "",
    "UTSMode": "",
    "UsernsMode": "",
    "IpcMode": "private",
    "CgroupnsMode": "private",
    "Init": True,
    "AutoRemove": False,
    "RestartPolicy": {"Name": "no"},
    "LogConfig": {"Type": "none", "Config": {}},
    "CpusetCpus": "1",
    "Memory": 256 * 2**20,
    "MemorySwap": 256 * 2**20,
    "PidsLimit": 4096,
    "ShmSize": 128 * 2**20,
    "NetworkMode": "none",
}
BY_SPEC = {"ReadonlyRootfs", "GroupAdd", "Mounts"}
BODY = {
    "Image", "Entrypoint", "Cmd", "User", "Env", "WorkingDir", "Labels", "Tty", "OpenStdin",
    "StdinOnce", "AttachStdin", "AttachStdout", "AttachStderr", "Healthcheck", "HostConfig",
}  # fmt: skip


@given(spec=specs, vetted=mounts)
def test_no_spec_puts_anything_else_into_the_container(
    spec: JobSpec, vetted: tuple[Mount, ...]
) -> None:
    given = order(spec, mounts=vetted, text_mounts=False)
    body = docker_config(given)
    found = body["HostConfig"]
    assert set(body) <= BODY
    assert set(found) == ALWAYS.keys() | BY_SPEC
    assert {key: found[key] for key in ALWAYS} == ALWAYS
    assert body["Image"] == PYTHON.reference
    assert body["User"] == ("0:0" if spec.as_root else "1234:1234")
    assert body["OpenStdin"] is False
    allowed = {
        *((source, False) for source in (given.workdir, given.tmp, given.job_dir)),
        *((f"{JOB_DIR}/{name}", True) for name in (".passwd", ".group")),
        *((mount.source, mount.read_only) for mount in vetted),
    }
    for mount in found["Mounts"]:
        assert mount["Type"] == "bind"
        assert (mount["Source"], mount["ReadOnly"]) in allowed
        assert set(mount) == {"Type", "Source", "Target", "ReadOnly", "BindOptions"}
    targets = [mount["Target"] for mount in found["Mounts"]]
    assert len(targets) == len(set(targets))
    assert {JOB_DIR, "/etc/passwd", "/etc/group"} <= set(targets)


def test_merged_stderr_is_joined_inside_by_what_the_image_has() -> None:
    asked = JobSpec(image="python", command=("ls", "-l"), merge_stderr=True)
    entry = replace(PYTHON, entrypoint=("/entry",))
    body = docker_config(order(asked, image=entry))
    assert body["Entrypoint"] == ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", "/entry", "ls", "-l"]
    assert body["Cmd"] == []
    no_shell = replace(PYTHON, programs={"python3": "/usr/bin/python3"})
    assert docker_config(order(asked, image=no_shell))["Entrypoint"][0] == "/usr/bin/python3"
    assert docker_config(order(replace(asked, tty=True)))["Cmd"] == ["ls", "-l"]
    with pytest.raises(InvalidSpec, match="neither sh nor python"):
        docker_config(order(asked, image=replace(PYTHON, programs={})))
