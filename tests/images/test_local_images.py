"""The list of what is here: Docker's images and SIF files, searchable."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from jupyter_hpccontainers.images.local import list_images, matches
from jupyter_hpccontainers.images.sif_cache import SifCache
from jupyter_hpccontainers.images.sif_facts import SifFacts
from jupyter_hpccontainers.model.job import Image, RuntimeChoice
from jupyter_hpccontainers.runtimes.docker import Docker


@pytest.fixture
def folder(tmp_path: Path, tiny_sif: str) -> Path:
    """A folder of images: one SIF, one deeper, an unpacked one, and what is no image."""
    images = tmp_path / "images"
    for name in ("a.sif", "deep/er/b.SIMG", "deep/er/too/deep/c.sif"):
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tiny_sif, images / name)
    (images / "unpacked/.singularity.d").mkdir(parents=True)
    (images / "unpacked/inner.sif").write_text("part of an image, no image")
    (images / "notes.txt").write_text("no image")
    return images


def names(images: tuple[Image, ...], under: Path) -> list[str]:
    return [os.path.relpath(image.reference, under) for image in images]


def test_docker_images_and_sifs_are_one_list(
    docker: Docker, docker_image: str, folder: Path, facts: SifFacts
) -> None:
    found = list_images(docker=docker, folders=[folder], cache=None, facts=facts)
    by_name = {image.reference: image for image in found}
    ours, sif = by_name[docker_image], by_name[str(folder / "a.sif")]
    assert (ours.runtime, sif.runtime) == (RuntimeChoice.DOCKER, RuntimeChoice.APPTAINER)
    assert ours.digest == docker.find_id(docker_image)
    content = (folder / "a.sif").read_bytes()
    assert sif.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert sif.size_bytes == len(content)
    assert sif.path == sif.reference
    assert sif.labels["org.hpccontainers.content"]
    assert list(by_name) == sorted(by_name)


def test_folders_are_looked_through_three_deep_and_unpacked_images_not_at_all(
    folder: Path, facts: SifFacts
) -> None:
    found = list_images(docker=None, folders=[folder, folder], cache=None, facts=facts)
    assert names(found, folder) == ["a.sif", "deep/er/b.SIMG", "unpacked"]


def test_a_missing_folder_holds_no_images(tmp_path: Path, facts: SifFacts) -> None:
    assert list_images(docker=None, folders=[tmp_path / "x"], cache=None, facts=facts) == ()


def test_a_file_that_only_looks_like_a_sif_is_listed_without_labels(
    tmp_path: Path, facts: SifFacts
) -> None:
    (tmp_path / "broken.sif").write_bytes(b"not an image")
    (found,) = list_images(docker=None, folders=[tmp_path], cache=None, facts=facts)
    assert found.labels == {}
    assert found.size_bytes == 12


def test_what_was_converted_here_is_listed_by_its_name(
    cache: SifCache, facts: SifFacts, tiny_sif: str
) -> None:
    with cache.building("x") as (partial, _):
        shutil.copyfile(tiny_sif, partial / "image.sif")
        cache.keep(partial / "image.sif", "docker.io/library/tool:1", "sha256:" + "ab" * 32)
    (found,) = list_images(docker=None, folders=[], cache=cache, facts=facts)
    assert found.reference == "docker.io/library/tool:1"
    assert found.digest == "sha256:" + "ab" * 32


def test_every_word_of_a_search_is_in_the_name_or_a_label() -> None:
    image = Image(
        reference="python:3.12",
        runtime=RuntimeChoice.DOCKER,
        labels={"maintainer": "Ada Lovelace"},
    )
    for search in ("", "PYTHON", "3.12 pyth", "ada", "maintainer=ada python"):
        assert matches(image, search), search
    for search in ("julia", "python julia"):
        assert not matches(image, search), search


def test_searching_narrows_the_list(folder: Path, facts: SifFacts) -> None:
    found = list_images(docker=None, folders=[folder], cache=None, facts=facts, search="DEEP b")
    assert names(found, folder) == ["deep/er/b.SIMG"]


def test_what_was_read_once_is_remembered_until_the_file_changes(
    tmp_path: Path, apptainer: str, tiny_sif: str
) -> None:
    store, sif = tmp_path / "facts.json", tmp_path / "a.sif"
    shutil.copyfile(tiny_sif, sif)
    first = SifFacts(store, apptainer)
    labels, digest = first.labels([str(sif)]), first.digest(str(sif))
    assert labels[str(sif)]
    # Without a program nothing could be read anew: this is what was remembered.
    again = SifFacts(store, "")
    assert again.labels([str(sif)]) == labels
    assert again.known_digest(str(sif)) == digest
    sif.write_bytes(b"other content")
    assert again.labels([str(sif)]) == {str(sif): {}}
    assert again.digest(str(sif)) == f"sha256:{hashlib.sha256(b'other content').hexdigest()}"


def test_a_lost_or_damaged_memory_only_costs_reading_again(
    tmp_path: Path, apptainer: str, tiny_sif: str
) -> None:
    store = tmp_path / "facts.json"
    digest = SifFacts(store, apptainer).digest(tiny_sif)
    assert tiny_sif in json.loads(store.read_text())
    store.write_text("{")
    assert SifFacts(store, apptainer).digest(tiny_sif) == digest
