"""The SIF cache: by digest, by name, shared by engines, trimmed, swept."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from jupyter_hpccontainers.images.sif_cache import SifCache, sif_digest

DIGEST, OTHER = "sha256:" + "ab" * 32, "sha256:" + "cd" * 32


def put(cache: SifCache, name: str, digest: str = "", content: bytes = b"sif") -> str:
    """Build something and keep it under a name; return its path."""
    with cache.building(digest or name) as (folder, _):
        built = folder / "image.sif"
        built.write_bytes(content)
        return cache.keep(built, name, digest).path


def test_what_was_kept_is_found_by_name_and_by_digest(cache: SifCache) -> None:
    path = put(cache, "docker.io/library/x:1", DIGEST)
    found = cache.find("docker.io/library/x:1")
    assert found is not None
    assert (found.path, found.digest, found.size_bytes) == (path, DIGEST, 3)
    assert cache.find_digest(DIGEST) == path
    assert cache.find("docker.io/library/x:2") is None
    assert cache.find_digest(OTHER) == ""
    assert os.stat(path).st_mode & 0o777 == 0o644


def test_without_a_digest_of_its_source_a_sif_has_its_own(cache: SifCache) -> None:
    path = put(cache, "x", content=b"content")
    found = cache.find("x")
    assert found is not None
    assert found.digest == sif_digest(Path(path))


def test_two_names_of_one_digest_share_the_file(cache: SifCache) -> None:
    path = put(cache, "a", DIGEST)
    assert cache.name("b", DIGEST).path == path
    assert {entry.reference for entry in cache.entries()} == {"a", "b"}
    assert len(list(cache.folder.glob("*.sif"))) == 1


def test_a_name_whose_file_is_gone_means_nothing(cache: SifCache) -> None:
    os.unlink(put(cache, "a", DIGEST))
    assert cache.find("a") is None
    assert cache.entries() == []


def test_a_damaged_note_is_no_image(cache: SifCache) -> None:
    put(cache, "a", DIGEST)
    for note in (cache.folder / "names").iterdir():
        note.write_text('{"reference": 1')
    assert cache.find("a") is None
    assert cache.entries() == []


def test_names_cannot_lead_out_of_the_folder(cache: SifCache) -> None:
    for name in ("../../etc/passwd", "/etc/passwd", "sha256:../../x", "a\n b"):
        assert Path(put(cache, name)).parent == cache.folder


def test_who_builds_the_same_waits_and_finds_it(cache: SifCache) -> None:
    built, entered = [], threading.Event()

    def build() -> None:
        with cache.building(DIGEST) as (folder, _):
            entered.set()
            if not cache.find_digest(DIGEST):
                (folder / "image.sif").write_bytes(b"sif")
                built.append(cache.keep(folder / "image.sif", "x", DIGEST))

    with cache.building(DIGEST):
        builders = [threading.Thread(target=build) for _ in range(5)]
        for builder in builders:
            builder.start()
        assert not entered.wait(0.2)
    for builder in builders:
        builder.join()
    assert len(built) == 1


def test_different_images_are_built_beside_each_other(cache: SifCache) -> None:
    with cache.building(DIGEST) as (first, _), cache.building(OTHER) as (second, _):
        assert first != second


def test_the_longest_unwanted_go_first_and_those_in_use_never(cache: SifCache) -> None:
    paths = [put(cache, name, f"sha256:{n:064x}", b"x" * 100) for n, name in enumerate("abc")]
    for age, path in zip((300, 200, 100), paths, strict=True):
        os.utime(path, (1e9 - age, 1e9 - age))
    assert cache.find("a") is not None  # wanted just now
    assert cache.trim(200) == [paths[1]]
    assert cache.trim(0, in_use={paths[0]}) == [paths[2]]
    assert cache.trim(0, in_use={paths[0]}) == []
    assert [entry.reference for entry in cache.entries()] == ["a"]


def test_only_what_a_dead_engine_left_is_swept(cache: SifCache) -> None:
    program = (
        "import os, sys; from pathlib import Path;"
        "from jupyter_hpccontainers.images.sif_cache import SifCache\n"
        "with SifCache(Path(sys.argv[1])).building('x'): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(cache.folder)], check=False)
    (left,) = cache.folder.glob("partial-*")
    with cache.building(DIGEST) as (alive, _):
        assert cache.sweep() == [left.name]
        assert alive.exists()
    assert list(cache.folder.glob("partial-*")) == []


def test_a_folder_lives_as_long_as_the_process_that_builds_in_it(cache: SifCache) -> None:
    with cache.building("x") as (folder, lock):
        child = subprocess.Popen(["sleep", "60"], pass_fds=(lock,))
        (folder.parent / "partial-copy").mkdir()
        os.link(folder / "lock", folder.parent / "partial-copy" / "lock")
    try:
        assert cache.sweep() == []
    finally:
        child.kill()
        child.wait()
    assert cache.sweep() == ["partial-copy"]
