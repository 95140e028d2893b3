"""The one place where a job becomes a Docker container's configuration (the create body).

Nothing of a person's spec reaches the body except through the few lines below, so what a job may
never have (privileges, host namespaces, devices, volumes, the daemon's socket) is absent by
construction. Field names and meanings: Docker Engine API, ``POST /containers/create``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..model.errors import InvalidSpec, MountRefused
from ..model.job import Mount, Network
from .order import Person, RunOrder
from .world import (
    environment,
    group_path,
    group_text,
    merge_prefix,
    mounts,
    passwd_path,
    passwd_text,
    script_argv,
)

#: Labels by which an engine knows its own containers, and nobody else's.
LABEL_ENGINE = "org.hpccontainers.engine"
LABEL_JOB = "org.hpccontainers.job"
LABEL_ATTEMPT = "org.hpccontainers.attempt"

_LEAST_SHM_BYTES = 64 * 2**20


def docker_config(order: RunOrder) -> dict[str, Any]:
    """Return the create body, HostConfig included; the name is ``order.name``, given beside it.

    Raises InvalidSpec when the image has no interpreter for a script, or no command at all.
    """
    return {
        "Image": order.image.reference,
        **_program(order),
        "User": _user(order),
        "Env": [f"{key}={value}" for key, value in environment(order).items()],
        "WorkingDir": order.workdir,
        "Labels": labels(order.engine, order.job_id, order.attempt),
        "Tty": order.spec.tty,
        "OpenStdin": False,
        "StdinOnce": False,
        "AttachStdin": False,
        "AttachStdout": True,
        "AttachStderr": True,
        # An image's own health check would run beside the job, on the job's cores.
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {**_isolation(order), **_limits(order), "Mounts": _mounts(order)},
    }


def labels(engine: str, job_id: int, attempt: int) -> dict[str, str]:
    """Return the labels of a container of this engine."""
    return {LABEL_ENGINE: engine, LABEL_JOB: str(job_id), LABEL_ATTEMPT: str(attempt)}


def identity_files(order: RunOrder) -> dict[str, str]:
    """Return path → text of the passwd(5) and group(5) files that the container is shown.

    They are to be written, readable by all, before the container is created. The numbers are
    those inside the container, so that getpwuid(3) finds the person there.
    """
    uid, gid = _ids(order.person)
    inside = replace(order, person=replace(order.person, uid=uid, gid=gid))
    return {passwd_path(order): passwd_text(inside), group_path(order): group_text(inside)}


def mount_points(order: RunOrder) -> tuple[str, ...]:
    """Return the folders to make, as the person's, in the job's own tmp before the start.

    What is mounted below /tmp (a working folder there, say) needs a place in the folder that is
    shown as /tmp. A daemon of root would make it, and root's folders in it the engine of a
    person could never remove. The innermost is left to the daemon: it is empty, so its owner
    does not matter, and only the daemon knows whether a folder or a file is mounted.
    """
    found: dict[str, None] = {}
    for target in (mount.target for mount in mounts(order)):
        for outer in ("/tmp/", "/var/tmp/"):  # noqa: S108 -- paths inside the container
            if target.startswith(outer):
                parts = target.removeprefix(outer).split("/")[:-1]
                found |= {"/".join([order.tmp, *parts[: n + 1]]): None for n in range(len(parts))}
    return tuple(found)


def _program(order: RunOrder) -> dict[str, Any]:
    """What is executed: as the spec says, with stderr joined to stdout where that is asked.

    Docker gives a program two pipes, between which the order of writing is lost; a terminal is
    one stream anyway.
    """
    program = _entrypoint_and_cmd(order)
    if not order.spec.merge_stderr or order.spec.tty:
        return program
    entrypoint = program.get("Entrypoint", order.image.entrypoint)
    cmd = program.get("Cmd", order.image.cmd)
    return {"Entrypoint": [*merge_prefix(order), *entrypoint, *cmd], "Cmd": []}


def _entrypoint_and_cmd(order: RunOrder) -> dict[str, Any]:
    """Entrypoint and Cmd: absent means the image's own; a given Entrypoint drops the image's Cmd.

    A script body replaces the ENTRYPOINT unless a wrapper is kept; a command is its arguments.
    """
    if order.spec.script is not None:
        argv = list(script_argv(order))
        if order.spec.keep_entrypoint:
            return {"Cmd": argv}
        return {"Entrypoint": argv, "Cmd": []}
    if order.spec.command:
        return {"Cmd": list(order.spec.command)}
    if not order.image.entrypoint and not order.image.cmd:
        raise InvalidSpec(
            f"image {order.image.reference} has no command of its own",
            cure="give a command or a script",
            field="command",
        )
    return {}


def _user(order: RunOrder) -> str:
    """Return ``uid:gid`` as numbers, so that no name of the image can mean somebody else."""
    uid, gid = (0, 0) if order.spec.as_root else _ids(order.person)
    return f"{uid}:{gid}"


def _ids(person: Person) -> tuple[int, int]:
    """The person's uid and gid as the container's processes have them."""
    return (
        person.uid if person.container_uid is None else person.container_uid,
        person.gid if person.container_gid is None else person.container_gid,
    )


def _isolation(order: RunOrder) -> dict[str, Any]:
    """What the job can't reach: capabilities, devices, the host's namespaces, the log driver."""
    return {
        "Privileged": False,
        "CapAdd": [],
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "ReadonlyRootfs": not order.spec.writable,
        "GroupAdd": _groups(order),
        "NetworkMode": _network(order.network),
        "IpcMode": "private",
        "PidMode": "",
        "UTSMode": "",
        "CgroupnsMode": "private",
        "UsernsMode": "host" if order.person.outside_remap else "",
        "Devices": [],
        "DeviceRequests": _gpus(order),
        # The supervisor is attached before the start and keeps the log; dockerd's own would
        # alter bytes that are not UTF-8 and cost a second copy.
        "LogConfig": {"Type": "none", "Config": {}},
        # PID 1 that reaps and forwards signals: without it `kill -9 $$` ends as exit 0.
        "Init": True,
        "AutoRemove": False,
        "RestartPolicy": {"Name": "no"},
    }


def _groups(order: RunOrder) -> list[str]:
    """Supplementary groups; where the daemon maps ids, the host's numbers mean other groups."""
    mapped = order.person.container_uid is not None
    return [] if mapped or order.spec.as_root else [str(gid) for gid in order.person.groups]


def _network(network: Network) -> str:
    if network is Network.DEFAULT:
        raise InvalidSpec("the job's network is not resolved", field="network")
    return network.value


def _gpus(order: RunOrder) -> list[dict[str, Any]]:
    """The GPUs of the allocation by the driver's uuid, else by number; none means none is seen."""
    if not order.allocation.gpus:
        return []
    ids = list(order.gpu_uuids) or [str(number) for number in order.allocation.gpus]
    return [{"Driver": "", "DeviceIDs": ids, "Capabilities": [["gpu"]]}]


def _limits(order: RunOrder) -> dict[str, Any]:
    """Cores, memory without extra swap, processes; /dev/shm counts as the job's memory."""
    memory = order.allocation.memory_bytes
    return {
        "CpusetCpus": ",".join(str(core) for core in order.allocation.cores),
        "Memory": memory,
        "MemorySwap": memory,
        "PidsLimit": order.pids_limit,
        "ShmSize": max(memory // 2, _LEAST_SHM_BYTES),
    }


def _mounts(order: RunOrder) -> list[dict[str, Any]]:
    seen = mounts(order)
    if order.text_mounts:
        _refuse_commas(seen)
    return [bind(mount, order.host_paths) for mount in seen]


def _refuse_commas(mounts: Iterable[Mount]) -> None:
    """Podman 4 makes each mount one text ``src=…,dst=…`` and reads options from it, so a folder
    named ``a,src=,U`` would name another source and have it given away."""
    for path in (path for mount in mounts for path in (mount.source, mount.target)):
        if "," in path or '"' in path:
            raise MountRefused(
                f"Podman can't mount {path!r}: it has a comma or a quote in its name",
                cure="rename the folder, or use Docker or Apptainer",
                field="mounts",
            )


def bind(mount: Mount, host_paths: Mapping[str, str]) -> dict[str, Any]:
    """Return one bind for the Mount API: a missing source is an error instead of a new folder of
    root's, and ``:`` or ``,`` in a path are only characters."""
    return {
        "Type": "bind",
        "Source": on_daemons_host(mount.source, host_paths),
        "Target": mount.target,
        "ReadOnly": mount.read_only,
        "BindOptions": {"Propagation": "rprivate", "CreateMountpoint": False},
    }


def on_daemons_host(path: str, host_paths: Mapping[str, str]) -> str:
    """Return where the daemon finds what this engine sees at ``path`` (by component)."""
    parts = path.split("/")
    for here, there in sorted(host_paths.items(), key=lambda item: -len(item[0])):
        prefix = here.rstrip("/").split("/")
        if parts[: len(prefix)] == prefix:
            return "/".join([there.rstrip("/"), *parts[len(prefix) :]]) or "/"
    return path
