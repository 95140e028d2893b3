"""What would end this engine, and its Apptainer jobs, together with Jupyter."""

from __future__ import annotations

import re

from .host import Host

_CONTAINER = re.compile(r"docker|kubepods|libpod|containerd|crio|lxc")
_SLURM = re.compile(r"/slurm.*/job_(\d+)")
_USER_MANAGER = re.compile(r"/user@(\d+)\.service")
_SERVICE = re.compile(r"/([^/]+\.service)(?:/|$)")


def what_ends_it(host: Host | None = None, user: str = "") -> str:
    """Return one sentence for ``doctor`` and the gauges; empty where the engine outlives Jupyter.

    Judged by the cgroup this process is in (cgroups(7)), since all of it is ended at once: by
    a container's end, by Slurm at the end of its job, by systemd with KillMode=control-group
    (systemd.kill(5)). ``user`` is whose lingering is looked up (loginctl(1)).
    """
    host = host or Host()
    membership = host.text("/proc/self/cgroup")
    return (
        _in_slurm(host, membership)
        or _in_container(host, membership)
        or _under_systemd(host, membership, user)
    )


def _in_slurm(host: Host, membership: str) -> str:
    found = _SLURM.search(membership)
    job = found[1] if found else host.environ.get("SLURM_JOB_ID", "")
    if not job:
        return ""
    return f"Slurm ends the engine and everything it runs at the end of Slurm job {job}"


def _in_container(host: Host, membership: str) -> str:
    if not _CONTAINER.search(membership) and not _marked(host):
        return ""
    if "JUPYTERHUB_API_URL" in host.environ:
        return "the engine ends with this JupyterHub server: both run in one container"
    return "the engine ends with the container it runs in"


def _marked(host: Host) -> bool:
    """Whether Docker, Podman or Kubernetes left its mark, and not on a machine made of an image.

    Such a machine has a disk for its root; a container has a layer, or a folder of a disk.
    """
    marks = ("/.dockerenv", "/run/.containerenv")
    marked = any(host.path(mark).exists() for mark in marks)
    return (marked or "KUBERNETES_SERVICE_HOST" in host.environ) and not _root_is_a_disk(host)


def _root_is_a_disk(host: Host) -> bool:
    """From proc_pid_mountinfo(5): all of a block device is mounted on /."""
    for line in host.text("/proc/self/mountinfo").splitlines():
        fields = line.split()
        if fields[4] == "/":
            return fields[3] == "/" and fields[fields.index("-") + 2].startswith("/dev/")
    return False


def _under_systemd(host: Host, membership: str, user: str) -> str:
    manager = _USER_MANAGER.search(membership)
    if manager:
        return "" if _lingers(host, user) else _ends_at_logout(manager[1])
    service = _SERVICE.search(membership)
    if not service:
        return ""
    return (
        f"systemd ends the engine together with {service[1]}; "
        "with KillMode=process there it would go on"
    )


def _lingers(host: Host, user: str) -> bool:
    return bool(user) and host.path(f"/var/lib/systemd/linger/{user}").exists()


def _ends_at_logout(uid: str) -> str:
    return (
        f"systemd ends the engine when user {uid} logs out everywhere; "
        "`loginctl enable-linger` keeps it"
    )
