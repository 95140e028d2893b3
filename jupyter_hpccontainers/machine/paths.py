"""Which host paths a person may have in a container, and where in it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..model.errors import HpccError, InvalidSpec, MountRefused
from . import path_walk

#: The kernel's and the system's own: nothing in them is a person's data.
_SYSTEM = ("/proc", "/sys", "/dev", "/etc", "/boot")
#: Who holds one of these, or a folder it lies in, holds the machine.
_DAEMONS = (
    "/run/docker.sock",
    "/run/docker",
    "/run/containerd",
    "/run/podman",
    "/run/crio",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/containers",
)
#: Places in a container that are the runtime's or ours.
_OWN_TARGETS = ("/proc", "/sys", "/dev", "/etc/passwd", "/etc/group", "/.singularity.d")
_WALK_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class PathRules:
    """What of this machine is never mounted, beside the system's own folders.

    ``state_folder`` is the engine's (a folder above it may be mounted: a home), ``sockets`` are
    those of container daemons (no folder above one may be).
    """

    state_folder: str = ""
    sockets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PathWish:
    """A path a person wants to see in a container; ``field`` is the spec's, for the error."""

    path: str
    writable: bool = True
    field: str = "mounts"
    folder_only: bool = False


def vet_paths(
    wishes: Sequence[PathWish], *, uid: int, gid: int, groups: Iterable[int], rules: PathRules
) -> tuple[str, ...]:
    """Return the real path (no symbolic link in it) of each wish, in order.

    Judged with the rights of that person, also when root asks: a process of its own takes them
    on first (some 20 ms). Raises InvalidSpec when nothing is there, MountRefused when the person
    may not, or nobody may. Ask again after the container is created: an answer that differs
    means that the path was swapped in between.
    """
    for wish in wishes:
        _check_text(wish)
    asked = [(wish.path, wish.writable) for wish in wishes]
    if os.geteuid() == 0 and uid != 0:
        answers = _walk_as(uid, gid, groups, asked)
    else:
        answers = [path_walk.walk(path, writable) for path, writable in asked]
    return tuple(_judge(wish, found, rules) for wish, found in zip(wishes, answers, strict=True))


def vet_path(
    path: str,
    *,
    uid: int,
    gid: int,
    groups: Iterable[int],
    rules: PathRules,
    writable: bool = True,
    field: str = "mounts",
    folder_only: bool = False,
) -> str:
    """Return the real path of one wish; see ``vet_paths``."""
    wish = PathWish(path, writable, field, folder_only)
    return vet_paths([wish], uid=uid, gid=gid, groups=groups, rules=rules)[0]


def vet_target(target: str, *, job_dir: str = "") -> str:
    """Return the normal form of a place in the container; raises MountRefused for ours."""
    normal = "/" + "/".join(part for part in target.split("/") if part not in {"", "."})
    taken = (*_OWN_TARGETS, *([job_dir] if job_dir else []))
    if not target.startswith("/") or ".." in target.split("/") or normal == "/":
        raise _refused("mounts", target, "it is no place for a mount", "name a folder below /")
    if any(is_within(normal, own) or is_within(own, normal) for own in taken):
        raise _refused(
            "mounts", target, "the container needs its own there", "mount it elsewhere, /data say"
        )
    return normal


def is_within(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder`` or lies in it, by whole components (both normal)."""
    parts = [part for part in folder.split("/") if part]
    return [part for part in path.split("/") if part][: len(parts)] == parts


def _check_text(wish: PathWish) -> None:
    if not wish.path.startswith("/") or "\0" in wish.path:
        raise InvalidSpec(
            f"{wish.path[:80]!r} is not an absolute path",
            cure="write the whole path, beginning with /",
            field=wish.field,
        )


def _walk_as(
    uid: int, gid: int, groups: Iterable[int], asked: Sequence[tuple[str, bool]]
) -> list[dict[str, Any]]:
    """Walk in a process that has become the person before it looks at the first path."""
    order = {"uid": uid, "gid": gid, "groups": list(groups), "wishes": asked}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", path_walk.__file__],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            timeout=_WALK_TIMEOUT_S,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise MountRefused(
            f"a path did not answer within {_WALK_TIMEOUT_S:g} s",
            cure="look whether its file server is up",
            field="mounts",
        ) from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise MountRefused(
            f"paths can't be looked at as uid {uid}: {last}",
            cure="run the engine as root, or as that user",
            field="mounts",
        ) from None
    return list(json.loads(done.stdout))


def _judge(wish: PathWish, found: dict[str, Any], rules: PathRules) -> str:
    real = str(found["real"])
    # What is forbidden to all is said first, so that no answer tells what lies inside it.
    _refuse_forbidden(wish, real, rules)
    if found.get("errno"):
        raise _no_way(wish, int(found["errno"]))
    if found["kind"] == "other" or found["device"] in _kernel_devices():
        raise _refused(
            wish.field,
            wish.path,
            "it is neither a folder nor a file",
            "mount the folder of the data",
        )
    if wish.folder_only and found["kind"] != "folder":
        raise InvalidSpec(f"{wish.path} is not a folder", cure="name a folder", field=wish.field)
    return real


def _refuse_forbidden(wish: PathWish, real: str, rules: PathRules) -> None:
    data = "name the folder that holds the data"
    if real == "/" or any(is_within(real, folder) for folder in _SYSTEM):
        raise _refused(wish.field, wish.path, "it belongs to the system", data)
    state = os.path.realpath(rules.state_folder) if rules.state_folder else ""
    if state and is_within(real, state):
        raise _refused(wish.field, wish.path, "it is the engine's own folder", data)
    for daemon in (*_DAEMONS, *map(os.path.realpath, rules.sockets)):
        if is_within(real, daemon) or is_within(daemon, real):
            raise _refused(
                wish.field, wish.path, f"{daemon}, in it, gives power over the machine", data
            )


def _kernel_devices() -> set[int]:
    """File systems of the kernel, wherever they are mounted."""
    return {os.stat(folder).st_dev for folder in ("/proc", "/sys") if os.path.isdir(folder)}


def _no_way(wish: PathWish, number: int) -> HpccError:
    match number:
        case errno.ENOENT | errno.ENOTDIR:
            return InvalidSpec(
                f"there is no {wish.path}", cure="create it, or correct the path", field=wish.field
            )
        case errno.EACCES | errno.EPERM:
            wanted = "write to" if wish.writable else "read"
            cure = "ask for it read-only (:ro)" if wish.writable else "ask its owner for access"
            return MountRefused(f"you may not {wanted} {wish.path}", cure=cure, field=wish.field)
    return MountRefused(
        f"{wish.path} can't be used: {os.strerror(number)}", cure="name another", field=wish.field
    )


def _refused(field: str, path: str, why: str, cure: str) -> MountRefused:
    return MountRefused(f"{path} can't be mounted: {why}", cure=cure, field=field)
