"""Make small images from what this machine has: no registry, no root, the same content every time.

    images.py archive NAME         write it as a Docker archive into .cache/images, print its path
    images.py load NAME SOCKET     have it in the engine behind the socket, print its reference
    images.py unload NAME SOCKET   remove it there
    images.py sif NAME APPTAINER   convert it with that program, print the SIF's path

NAME: python (shell, small programs, Python), tiny (a shell only), bare (Python without any shell)
or entrypoint (python with ENTRYPOINT, ENV, USER and WORKDIR set). Every step is skipped when its
result, kept by the hash of the content, is there already.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import host_files

TREE_CACHE = Path(__file__).resolve().parent.parent / ".cache/images"
LABEL = "org.hpccontainers.content"
PATH = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

ENTRYPOINT = """#!/bin/sh
echo "entrypoint: $#"
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Image:
    """One image as content: files of this machine, texts of our own, and its configuration."""

    name: str
    files: host_files.Files
    texts: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """The name under which engines hold it."""
        version = host_files.python_version() if self.name == "python" else "1"
        return f"hpcc-{self.name}:{version}"


def image(name: str) -> Image:
    """Return the image of that name as content. Exits with the accepted names."""
    base = {
        "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
        "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
    }
    python = host_files.python_path
    match name:
        case "tiny":
            return Image(name, host_files.shell_files(), base, _shell_links(), {"Cmd": ["/bin/sh"]})
        case "bare":
            links = {"/usr/bin/python3": python()}
            return Image(name, host_files.python_files(), base, links, {"Cmd": ["python3"]})
        case "python" | "entrypoint":
            files = host_files.shell_files() | host_files.python_files()
            links = _shell_links() | {"/usr/bin/python3": python(), "/usr/bin/python": python()}
            if name == "python":
                return Image(name, files, base, links, {"Cmd": ["python3"]})
            config = {
                "Entrypoint": ["/usr/local/bin/entry"],
                "Cmd": ["echo", "default command"],
                "Env": ['GREETING=it\'s $HOME "quoted"', "IMAGE_ONLY=yes"],
                "User": "4321:4321",
                "WorkingDir": "/srv",
            }
            return Image(name, files, base | {"/usr/local/bin/entry": ENTRYPOINT}, links, config)
    raise SystemExit(f"no image {name!r}: python, tiny, bare or entrypoint")


def _shell_links() -> dict[str, str]:
    if host_files.static_busybox() is None:
        return {"/bin/sh": "/usr/bin/sh"}
    links = {f"/bin/{name}": "/bin/busybox" for name in host_files.COREUTILS if name != "bash"}
    return links | {"/usr/bin/env": "/bin/busybox"}


def layer(content: Image) -> bytes:
    """Return the image's one layer as an uncompressed tar, equal for equal content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        _add_folders(tar, content)
        for target, source in sorted(content.files.items()):
            data = source.read_bytes()
            _add_file(tar, target, data, 0o755 if os.access(source, os.X_OK) else 0o644)
        for target, text in sorted(content.texts.items()):
            _add_file(tar, target, text.encode(), 0o755 if text.startswith("#!") else 0o644)
        for target, goal in sorted(content.links.items()):
            if target not in content.files and target != goal:
                entry = tarfile.TarInfo(target.lstrip("/"))
                entry.type, entry.linkname = tarfile.SYMTYPE, goal
                tar.addfile(entry)
    return buffer.getvalue()


def _add_folders(tar: tarfile.TarFile, content: Image) -> None:
    paths = [*content.files, *content.texts, *content.links]
    folders = {str(parent) for path in paths for parent in Path(path).parents}
    # The mount points a runtime would otherwise have to make in a read-only root.
    folders |= {
        "/tmp",
        "/var/tmp",
        "/proc",
        "/sys",
        "/dev",
        "/root",
        "/home",
        "/srv",
        "/mnt",
        "/var",
    }
    for folder in sorted(folders - {"/"}):
        entry = tarfile.TarInfo(folder.lstrip("/"))
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder.endswith("tmp") else 0o755
        tar.addfile(entry)


def _add_file(tar: tarfile.TarFile, target: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(target.lstrip("/"))
    entry.size, entry.mode = len(data), mode
    tar.addfile(entry, io.BytesIO(data))


def archive(name: str) -> tuple[Path, str]:
    """Write the image in ``docker save``'s format and return (path, content hash)."""
    content = image(name)
    key = _fingerprint(content)
    path = _kept(f"{name}-{key}.tar")
    if not path.exists():
        unfinished = path.with_suffix(f".{os.getpid()}")
        _write_archive(unfinished, content, key)
        unfinished.replace(path)
    return path, key


def _kept(file: str) -> Path:
    """Return where the file lies or goes: the tree's cache, else (a tree of root's) one's own."""
    if not (TREE_CACHE / file).exists():
        own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hpcc-images"
        folder = TREE_CACHE if os.access(TREE_CACHE.parent.parent, os.W_OK) else own
        folder.mkdir(parents=True, exist_ok=True)
        return folder / file
    return TREE_CACHE / file


def _fingerprint(content: Image) -> str:
    """Hash what decides the content: each file's path, size and time; texts, configuration."""
    stats = [(t, s.stat().st_size, s.stat().st_mtime_ns) for t, s in sorted(content.files.items())]
    told = repr((stats, content.texts, content.links, content.config, Path(__file__).read_text()))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _write_archive(path: Path, content: Image, key: str) -> None:
    data = layer(content)
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    config = {
        "architecture": machine,
        "os": "linux",
        "created": "2000-01-01T00:00:00Z",
        "config": {
            "Env": [PATH, *content.config.get("Env", [])],
            "Labels": {LABEL: key},
            **{k: v for k, v in content.config.items() if k != "Env"},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(data).hexdigest()}"]},
        "history": [{"created": "2000-01-01T00:00:00Z", "created_by": "scripts/images.py"}],
    }
    text = json.dumps(config).encode()
    name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [content.reference], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as tar:
        _add_file(tar, name, text, 0o644)
        _add_file(tar, "layer.tar", data, 0o644)
        _add_file(tar, "manifest.json", json.dumps(manifest).encode(), 0o644)


@contextmanager
def _engine(socket: str) -> Iterator[Any]:
    engine = docker.DockerClient(base_url=f"unix://{socket.removeprefix('unix://')}", timeout=300)
    try:
        yield engine
    finally:
        engine.close()


def load(name: str, socket: str) -> str:
    """Have the image in the engine behind the socket and return its reference there."""
    path, key = archive(name)
    reference = image(name).reference
    with _engine(socket) as engine:
        for known in engine.images.list(filters={"label": f"{LABEL}={key}"}):
            for tag in known.tags:
                if tag.removeprefix("localhost/") == reference:
                    return tag
        with path.open("rb") as data:
            engine.images.load(data)
        tags = [t for i in engine.images.list(filters={"label": f"{LABEL}={key}"}) for t in i.tags]
    # Podman puts names without a registry under localhost/.
    return next(tag for tag in tags if tag.removeprefix("localhost/") == reference)


def unload(name: str, socket: str) -> None:
    """Remove the image from the engine behind the socket."""
    with _engine(socket) as engine:
        engine.images.remove(image(name).reference, force=True)


def sif(name: str, apptainer: str) -> Path:
    """Convert the image with Apptainer (or Singularity) and return the SIF's path."""
    source, key = archive(name)
    path = _kept(f"{name}-{key}.sif")
    if not path.exists():
        unfinished = path.with_suffix(f".{os.getpid()}.sif")
        done = subprocess.run(
            [apptainer, "--silent", "build", str(unfinished), f"docker-archive:{source}"],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise SystemExit(f"{apptainer} could not build {name}: {done.stderr[-2000:]}")
        unfinished.replace(path)
    return path


def main(arguments: list[str]) -> int:
    """Run one verb and print its answer."""
    match arguments:
        case ["archive", name]:
            print(archive(name)[0])
        case ["load", name, socket]:
            print(load(name, socket))
        case ["unload", name, socket]:
            unload(name, socket)
        case ["sif", name, apptainer]:
            print(sif(name, apptainer))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
