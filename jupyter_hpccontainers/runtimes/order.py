"""What a runtime's builder is given: one job, its allocation, its person and its image's facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..model.arrays import Array, Task
from ..model.job import JobSpec, Mount, Network
from ..model.resources import Allocation


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whose job it is: numeric ids and the names programs ask for by getpwuid(3).

    ``container_uid`` and ``container_gid`` are the ids inside the container where the daemon
    maps them (rootless Docker, Podman: 0 is the person); None means the same ids as outside.
    ``outside_remap`` asks a daemon started with ``--userns-remap`` for the host's own ids, without
    which no file of the person's could be read.
    """

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    name: str = "user"
    group_name: str = "users"
    container_uid: int | None = None
    container_gid: int | None = None
    outside_remap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What the image itself says, read once before the job starts.

    ``reference`` is what the runtime is asked for (by digest where there is one), ``path`` the
    SIF file or unpacked folder ('' under Docker). ``passwd`` and ``group`` are the files' texts,
    to which the person's lines are added. ``programs`` maps a program's name (``python3``,
    ``python``, ``sh`` …) to its absolute path in the image; only names that are there.
    """

    reference: str
    digest: str = ""
    path: str = ""
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    workdir: str = ""
    user: str = ""
    passwd: str = ""
    group: str = ""
    programs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """Everything that decides one container's configuration, already vetted and resolved.

    ``network`` is never ``default``. ``mounts`` are absolute real paths that policy allowed; the
    working folder and the job folder are not among them, the builders add both. ``gpu_uuids``
    are the driver's names of ``allocation.gpus``, in the same order. ``env`` is what the site
    adds (proxy variables, extra CA); the person's own is in ``spec.env`` and wins over it.
    ``host_paths`` maps a path as this engine sees it to the daemon's host where they differ,
    longest prefix first to match. ``text_mounts``: the daemon may be Podman, which reads a mount as
    text with commas, so no path may hold one; False for Docker, which takes any path. ``task``:
    which one of which array, ``array`` the whole of it.
    """

    job_id: int
    attempt: int
    engine: str
    spec: JobSpec
    allocation: Allocation
    person: Person
    image: ImageFacts
    job_dir: str
    workdir: str
    network: Network
    mounts: tuple[Mount, ...] = ()
    gpu_uuids: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    host_paths: Mapping[str, str] = field(default_factory=dict)
    pids_limit: int = 4096
    text_mounts: bool = True
    task: Task | None = None
    array: Array | None = None

    @property
    def name(self) -> str:
        """The container's and the cgroup's name: a second start of the same name is refused."""
        return f"hpcc-{self.engine[:8]}-{self.job_id}-{self.attempt}"

    @property
    def home(self) -> str:
        """HOME inside the container."""
        return f"{self.job_dir}/home"

    @property
    def tmp(self) -> str:
        """TMPDIR inside the container, also bound on /tmp and /var/tmp."""
        return "/".join((self.job_dir, "tmp"))

    @property
    def script(self) -> str:
        """Where the script body lies, byte-equal, 0755."""
        return f"{self.job_dir}/script"
