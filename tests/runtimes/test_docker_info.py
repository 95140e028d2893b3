"""What daemons say of themselves, as they really said it, and what follows for a job."""

from __future__ import annotations

from typing import Any

from docker_orders import PERSON

from jupyter_hpccontainers.runtimes.docker_info import DockerInfo, docker_info


def told(version: dict[str, Any] | None = None, **info: Any) -> DockerInfo:
    """Answers of Docker 20.10 on Debian 12, changed where a test says so."""
    answer = {
        "SecurityOptions": ["name=seccomp,profile=default"],
        "CgroupDriver": "cgroupfs",
        "CgroupVersion": "1",
        "LiveRestoreEnabled": False,
        "MemoryLimit": True,
        "SwapLimit": True,
        "CPUSet": True,
        "PidsLimit": True,
    }
    said = {"Version": "20.10.24", "ApiVersion": "1.41", "Components": [{"Name": "Engine"}]}
    return docker_info("/s", {**answer, **info}, version or said)


PODMAN = {"Version": "4.3.1", "ApiVersion": "1.41", "Components": [{"Name": "Podman Engine"}]}


def test_roots_docker_enforces_and_runs_the_person_as_they_are() -> None:
    info = told()
    assert info.name == "Docker 20.10.24"
    assert info.enforcement.cores == info.enforcement.memory == "enforced"
    assert info.inside(PERSON) == PERSON
    assert info.warnings == ("jobs end when the daemon restarts (live-restore is off)",)


def test_rootless_docker_without_delegation_limits_nothing_and_says_so() -> None:
    info = told(SecurityOptions=["name=rootless", "name=cgroupns"], CgroupDriver="none")
    assert info.rootless
    assert info.enforcement.cores == "not pinned"
    assert info.enforcement.memory == "not enforced"
    assert (info.inside(PERSON).container_uid, info.inside(PERSON).container_gid) == (0, 0)
    assert any("processes" in warning for warning in info.warnings)


def test_what_has_no_cgroup_of_its_own_freezes_nothing() -> None:
    rootless = {"SecurityOptions": ["name=rootless"]}
    assert told().suspends
    unable = told(CgroupDriver="none", **rootless)
    assert not unable.suspends
    assert "jobs can't be suspended" in unable.warnings
    assert not told(CgroupVersion="1", **rootless).suspends
    assert told(CgroupVersion="2", CgroupDriver="systemd", **rootless).suspends
    assert told(PODMAN).suspends


def test_podman_is_known_by_its_component_and_has_no_daemon_to_lose() -> None:
    info = told(PODMAN, Rootless=True)
    assert info.podman
    assert info.rootless
    assert info.live_restore
    assert info.name == "Podman 4.3.1"
    assert info.enforcement.cores == "not pinned", "its cpuset was seen to be ignored"
    assert told(PODMAN).enforcement.cores == "enforced"


def test_a_remapping_daemon_is_asked_for_the_hosts_ids() -> None:
    info = told(SecurityOptions=["name=seccomp,profile=default", "name=userns"])
    assert info.userns_remap
    assert info.inside(PERSON).outside_remap
    assert info.inside(PERSON).container_uid is None


def test_a_kernel_without_swap_accounting_is_mentioned() -> None:
    assert "swap is not limited" in told(SwapLimit=False).warnings
    assert told(CPUSet=False).enforcement.cores == "not pinned"
