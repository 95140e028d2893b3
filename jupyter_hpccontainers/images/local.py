"""The images that are on this machine: Docker's, and SIF files and folders, in one list."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..model.job import Image, RuntimeChoice
from .fetch import DockerImages
from .sif_cache import CachedSif, SifCache
from .sif_facts import SifFacts

_SUFFIXES = (".sif", ".simg")
#: An unpacked image is known by this folder in it (Apptainer's own mark).
_UNPACKED = ".singularity.d"
_DEEPEST = 3
_MOST_FILES = 10_000
#: A larger SIF's digest is shown once it was read for a job; reading it takes about 1 s a GB.
_DIGEST_AT_ONCE_BYTES = 256 * 2**20


def list_images(
    *,
    docker: DockerImages | None,
    folders: Sequence[Path],
    cache: SifCache | None,
    facts: SifFacts,
    search: str = "",
) -> tuple[Image, ...]:
    """Return Docker's images, the SIFs of the folders and those converted here, by name.

    ``search``: every word of it, in any case, is in the name or in a label. Folders are looked
    through three levels deep; one that is missing holds no images. Raises RuntimeUnavailable
    when the daemon does not answer.
    """
    found = [
        *(docker.images() if docker else ()),
        *_sif_images(_walk(folders), facts),
        *((_cached_image(entry) for entry in cache.entries()) if cache else ()),
    ]
    wanted = (image for image in found if matches(image, search))
    return tuple(sorted(wanted, key=lambda image: (image.reference, image.runtime)))


def matches(image: Image, search: str) -> bool:
    """Whether every word of a search is in the image's name or labels."""
    labels = (f"{key}={value}" for key, value in image.labels.items())
    text = " ".join([image.reference, image.path, *labels]).casefold()
    return all(word in text for word in search.casefold().split())


def _walk(folders: Iterable[Path]) -> list[str]:
    """Paths of SIFs and unpacked images, each once."""
    paths: dict[str, None] = {}
    for folder in folders:
        for path in _images_in(os.path.abspath(folder.expanduser()), _DEEPEST):
            paths[path] = None
            if len(paths) >= _MOST_FILES:
                return list(paths)
    return list(paths)


def _images_in(folder: str, depth: int) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.lower().endswith(_SUFFIXES) and entry.is_file():
            yield entry.path
        elif entry.is_dir(follow_symlinks=False):
            if os.path.isdir(f"{entry.path}/{_UNPACKED}"):
                yield entry.path
            elif depth > 1 and not entry.name.startswith("."):
                yield from _images_in(entry.path, depth - 1)


def _sif_images(paths: Sequence[str], facts: SifFacts) -> Iterator[Image]:
    labels = facts.labels(paths)
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            continue
        small = status.st_size <= _DIGEST_AT_ONCE_BYTES
        yield Image(
            reference=path,
            runtime=RuntimeChoice.APPTAINER,
            digest=facts.digest(path) if small else facts.known_digest(path),
            size_bytes=0 if os.path.isdir(path) else status.st_size,
            created=datetime.fromtimestamp(status.st_mtime, UTC).isoformat(timespec="seconds"),
            labels=labels.get(path, {}),
            path=path,
        )


def _cached_image(entry: CachedSif) -> Image:
    return Image(
        reference=entry.reference,
        runtime=RuntimeChoice.APPTAINER,
        digest=entry.digest,
        size_bytes=entry.size_bytes,
        path=entry.path,
    )
