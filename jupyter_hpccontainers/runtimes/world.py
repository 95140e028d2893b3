"""What a job sees, the same under every runtime: environment, names, folders and its argv."""

from __future__ import annotations

import posixpath

from ..model.errors import InvalidSpec
from ..model.job import Mount
from .order import RunOrder

_THREADS = ("OMP", "MKL", "OPENBLAS", "NUMEXPR")


def environment(order: RunOrder) -> dict[str, str]:
    """Return what is added to the image's ENV: the job's own folders first, the person's last."""
    return {
        **order.env,
        **_folders(order),
        **_names(order),
        **_threads(order),
        **_gpus(order),
        "PYTHONUNBUFFERED": "1",
        **order.spec.env,
        "HPCC_JOB_ID": str(order.job_id),
        "HPCC_JOB_DIR": order.job_dir,
        **_task(order),
    }


def _task(order: RunOrder) -> dict[str, str]:
    """Say which task of its array it is; Slurm's own names would claim that Slurm runs it."""
    if order.task is None:
        return {}
    told = {
        "HPCC_ARRAY_JOB_ID": str(order.task.array),
        "HPCC_ARRAY_TASK_ID": str(order.task.index),
        **_whole_array(order),
    }
    return told if order.task.item is None else {**told, "HPCC_ARRAY_ITEM": order.task.item}


def _whole_array(order: RunOrder) -> dict[str, str]:
    """Say what a task may want to know to share out work (sbatch(1), output environment)."""
    if order.array is None:
        return {}
    ranges = order.array.ranges
    return {
        "HPCC_ARRAY_TASK_COUNT": str(order.array.count),
        "HPCC_ARRAY_TASK_MIN": str(min(some[0] for some in ranges)),
        "HPCC_ARRAY_TASK_MAX": str(max(some[-1] for some in ranges)),
        "HPCC_ARRAY_TASK_STEP": str(ranges[0].step),
    }


def _folders(order: RunOrder) -> dict[str, str]:
    """Home, temporary and cache folders in the job folder (XDG Base Directory Specification)."""
    return {
        "HOME": order.home,
        "TMPDIR": order.tmp,
        "XDG_CACHE_HOME": f"{order.home}/.cache",
        "XDG_CONFIG_HOME": f"{order.home}/.config",
        "XDG_DATA_HOME": f"{order.home}/.local/share",
        "MPLCONFIGDIR": f"{order.home}/.config/matplotlib",
    }


def _names(order: RunOrder) -> dict[str, str]:
    name = "root" if order.spec.as_root else order.person.name
    return {"USER": name, "LOGNAME": name}


def _threads(order: RunOrder) -> dict[str, str]:
    cores = str(len(order.allocation.cores))
    return {f"{library}_NUM_THREADS": cores for library in _THREADS}


def _gpus(order: RunOrder) -> dict[str, str]:
    """Name the GPUs of the allocation, or none: an image's own NVIDIA_VISIBLE_DEVICES=all loses."""
    if not order.allocation.gpus:
        return {"CUDA_VISIBLE_DEVICES": "", "NVIDIA_VISIBLE_DEVICES": "void"}
    names = ",".join(order.gpu_uuids or map(str, order.allocation.gpus))
    return {"CUDA_VISIBLE_DEVICES": names, "NVIDIA_VISIBLE_DEVICES": names}


def passwd_path(order: RunOrder) -> str:
    """Return where the text of ``passwd_text`` lies, shown as /etc/passwd."""
    return f"{order.job_dir}/.passwd"


def group_path(order: RunOrder) -> str:
    """Return where the text of ``group_text`` lies, shown as /etc/group."""
    return f"{order.job_dir}/.group"


def mounts(order: RunOrder) -> tuple[Mount, ...]:
    """Return all that is seen of the host, one mount per target, outer ones first.

    The person's mounts win over the working folder and /tmp, the job folder and the identity
    files win over everything.
    """
    wanted = [
        Mount(order.workdir, order.workdir),
        Mount(order.tmp, "/tmp"),  # noqa: S108 -- a path inside the container
        Mount(order.tmp, "/var/tmp"),  # noqa: S108 -- a path inside the container
        *order.mounts,
        Mount(order.job_dir, order.job_dir),
        Mount(passwd_path(order), "/etc/passwd", read_only=True),
        Mount(group_path(order), "/etc/group", read_only=True),
    ]
    by_target = {
        posixpath.normpath(mount.target): Mount(
            mount.source, posixpath.normpath(mount.target), mount.read_only
        )
        for mount in wanted
    }
    # An outer folder mounted after an inner one would hide it.
    return tuple(sorted(by_target.values(), key=lambda mount: mount.target.count("/")))


def script_argv(order: RunOrder) -> tuple[str, ...]:
    """Return how the script body is run: its shebang, else python3, else python.

    Raises InvalidSpec that names what the image has when it has neither.
    """
    if (order.spec.script or "").startswith("#!"):
        return (order.script,)
    for program in ("python3", "python"):
        if program in order.image.programs:
            return (order.image.programs[program], order.script)
    has = ", ".join(sorted(order.image.programs)) or "no known interpreter"
    raise InvalidSpec(
        f"image {order.image.reference} has neither python3 nor python (it has: {has})",
        cure="begin the cell with a line such as #!/bin/sh, naming a program of the image",
        field="script",
    )


def passwd_text(order: RunOrder) -> str:
    """Return the image's passwd(5) with the person's line in place of any of the same uid."""
    person = order.person
    line = f"{person.name}:x:{person.uid}:{person.gid}::{order.home}:/bin/sh"
    return _with_line(order.image.passwd or _ROOT_PASSWD, line, person.uid)


def group_text(order: RunOrder) -> str:
    """Return the image's group(5) with the person's group in place of any of the same gid."""
    person = order.person
    line = f"{person.group_name}:x:{person.gid}:"
    return _with_line(order.image.group or "root:x:0:\n", line, person.gid)


_ROOT_PASSWD = "root:x:0:0:root:/root:/bin/sh\n"  # noqa: S105 -- a line of passwd(5), no secret


def _with_line(text: str, line: str, number: int) -> str:
    name = line.split(":", 1)[0]
    kept = [old for old in text.splitlines() if old and not _same(old, name, number)]
    return "\n".join([*kept, line]) + "\n"


def _same(line: str, name: str, number: int) -> bool:
    """Whether an old line has the name or the number (third field) of the new one."""
    fields = line.split(":")
    return fields[0] == name or (len(fields) > 2 and fields[2] == str(number))


def merge_prefix(order: RunOrder) -> tuple[str, ...]:
    """Return what to put before a command so that its stderr is its stdout, in order of writing.

    For runtimes that give a program two pipes whatever is asked. Raises InvalidSpec when the
    image has nothing that could join them.
    """
    programs = order.image.programs
    if "sh" in programs:
        return (programs["sh"], "-c", 'exec "$@" 2>&1', "sh")
    for name in ("python3", "python"):
        if name in programs:
            join = "import os, sys; os.dup2(1, 2); os.execvp(sys.argv[1], sys.argv[1:])"
            return (programs[name], "-c", join)
    raise InvalidSpec(
        f"image {order.image.reference} has neither sh nor python, which merging stderr takes",
        cure="run it without merge_stderr, under Apptainer, or with a terminal (tty)",
        field="merge_stderr",
    )
