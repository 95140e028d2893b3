"""Which host paths a person may have in a container."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_hpccontainers.machine.paths import (
    PathRules,
    PathWish,
    is_within,
    vet_path,
    vet_paths,
    vet_target,
)
from jupyter_hpccontainers.model.errors import InvalidSpec, MountRefused

PERSON = 1234
as_root = pytest.mark.as_root


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody may enter (pytest's own are closed to other users)."""
    folder = Path(tempfile.mkdtemp(prefix="hpcc-paths-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def mine(path: str | Path, *, writable: bool = True, rules: PathRules | None = None) -> str:
    """Vet a path for whoever runs this test."""
    return vet_path(
        str(path), uid=os.getuid(), gid=os.getgid(), groups=os.getgroups(),
        rules=rules or PathRules(), writable=writable,
    )  # fmt: skip


def theirs(path: str | Path, *, writable: bool = True, groups: tuple[int, ...] = ()) -> str:
    """Vet a path for uid 1234, as an engine of root does."""
    return vet_path(
        str(path), uid=PERSON, gid=PERSON, groups=groups, rules=PathRules(), writable=writable
    )


def owned(path: Path, mode: int, *, uid: int = PERSON, gid: int = PERSON) -> Path:
    path.mkdir()
    os.chown(path, uid, gid)
    path.chmod(mode)
    return path


def test_a_folder_of_mine_is_returned_by_its_real_path(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to("data")
    real = str((tmp_path / "data").resolve())
    assert mine(tmp_path / "data") == real
    assert mine(tmp_path / "link") == real
    assert mine(f"{tmp_path}/./link/../data//") == real


def test_a_file_may_be_mounted_but_is_no_working_folder(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("1,2")
    assert mine(file) == str(file.resolve())
    wish = PathWish(str(file), field="workdir", folder_only=True)
    with pytest.raises(InvalidSpec) as refusal:
        vet_paths([wish], uid=os.getuid(), gid=os.getgid(), groups=(), rules=PathRules())
    assert refusal.value.field == "workdir"


@pytest.mark.parametrize(
    "path",
    ["/", "/etc", "/etc/ssh", "/proc", "/proc/self/root", "/proc/self/root/etc", "/proc/self/cwd",
     "/sys", "/dev", "/dev/shm", "/boot", "/run", "/var", "/var/lib", "/var/lib/docker",
     "/var/run/docker.sock", "/run/docker.sock", "/tmp/../etc", "//etc", "/../proc/1"],
)  # fmt: skip
def test_the_systems_and_the_daemons_folders_are_refused_to_everybody(path: str) -> None:
    with pytest.raises((MountRefused, InvalidSpec)) as refusal:
        mine(path, writable=False)
    assert refusal.value.cure
    if os.path.exists(path):
        assert refusal.type is MountRefused


def test_a_symbolic_link_into_a_forbidden_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "innocent").symlink_to("/etc")
    with pytest.raises(MountRefused, match="belongs to the system"):
        mine(tmp_path / "innocent", writable=False)
    (tmp_path / "root").symlink_to("/proc/self/root")
    with pytest.raises(MountRefused):
        mine(tmp_path / "root" / "etc", writable=False)


def test_a_daemons_socket_and_every_folder_above_it_are_refused(tmp_path: Path) -> None:
    place = tmp_path / "run" / "d"
    place.mkdir(parents=True)
    address = place / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        with pytest.raises(MountRefused, match="neither a folder nor a file"):
            mine(address)
        rules = PathRules(sockets=(str(address),))
        for path in (address, place, tmp_path / "run", tmp_path):
            with pytest.raises(MountRefused, match="power over the machine"):
                mine(path, rules=rules)
    (tmp_path / "run" / "dd").mkdir()
    assert mine(tmp_path / "run" / "dd", rules=rules).endswith("/run/dd")


def test_the_state_folder_is_refused_but_not_the_home_it_lies_in(tmp_path: Path) -> None:
    state = tmp_path / "home" / "state"
    (state / "jobs").mkdir(parents=True)
    (tmp_path / "home" / "state2").mkdir()
    rules = PathRules(state_folder=str(state))
    for path in (state, state / "jobs"):
        with pytest.raises(MountRefused, match="engine's own"):
            mine(path, rules=rules)
    assert mine(tmp_path / "home", rules=rules)
    assert mine(tmp_path / "home" / "state2", rules=rules).endswith("/state2")


def test_a_missing_path_names_the_field_and_the_cure(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="there is no") as refusal:
        mine(tmp_path / "absent")
    assert refusal.value.field == "mounts"
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("path", ["relative", "", "./x", "/a\0b"])
def test_a_path_that_is_not_absolute_is_refused(path: str) -> None:
    with pytest.raises(InvalidSpec, match="absolute"):
        mine(path)


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(MountRefused, match="can't be used"):
        mine(tmp_path / "a")


def test_a_path_swapped_while_it_is_vetted_never_escapes(tmp_path: Path) -> None:
    data, trap, name = tmp_path / "data", tmp_path / "trap", tmp_path / "name"
    data.mkdir()
    trap.symlink_to("/etc")
    name.symlink_to(data)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for target in (trap, data):
                (tmp_path / "next").symlink_to(target)
                os.replace(tmp_path / "next", name)

    swapper = threading.Thread(target=swap)
    swapper.start()
    answers = set()
    try:
        for _ in range(1000):
            try:
                answers.add(mine(name, writable=False))
            except MountRefused:
                answers.add("refused")
    finally:
        stop.set()
        swapper.join()
    assert answers <= {str(data.resolve()), "refused"}
    assert len(answers) == 2, "the swap was never seen, so this run shows nothing"


@as_root
def test_a_person_gets_what_they_own_and_not_what_root_may_read(shared: Path) -> None:
    assert theirs(owned(shared / "own", 0o700)) == str(shared / "own")
    closed = owned(shared / "roots", 0o700, uid=0, gid=0)
    with pytest.raises(MountRefused, match="you may not read"):
        theirs(closed, writable=False)
    (closed / "inside").mkdir()
    with pytest.raises(MountRefused, match="you may not"):
        theirs(closed / "inside", writable=False)
    with pytest.raises(MountRefused):
        theirs(closed / "absent", writable=False)  # and not told whether it is there


@as_root
def test_reading_needs_read_and_enter_and_writing_needs_write(shared: Path) -> None:
    readable = owned(shared / "readable", 0o755, uid=0, gid=0)
    assert theirs(readable, writable=False) == str(readable)
    with pytest.raises(MountRefused, match="write to") as refusal:
        theirs(readable)
    assert ":ro" in refusal.value.cure
    with pytest.raises(MountRefused):
        theirs(owned(shared / "unlisted", 0o711, uid=0, gid=0), writable=False)


@as_root
def test_supplementary_groups_count(shared: Path) -> None:
    team = owned(shared / "team", 0o770, uid=0, gid=7777)
    assert theirs(team, groups=(7777,)) == str(team)
    with pytest.raises(MountRefused):
        theirs(team, groups=(7778,))


@as_root
def test_a_link_of_the_person_does_not_lend_them_roots_rights(shared: Path) -> None:
    home = owned(shared / "home", 0o755)
    secret = owned(shared / "secret", 0o700, uid=0, gid=0)
    (home / "link").symlink_to(secret)
    with pytest.raises(MountRefused):
        theirs(home / "link", writable=False)


@as_root
def test_several_wishes_are_answered_in_order_by_one_process(shared: Path) -> None:
    first, second = owned(shared / "b", 0o755), owned(shared / "a", 0o755)
    wishes = [PathWish(str(first)), PathWish(str(second), writable=False)]
    found = vet_paths(wishes, uid=PERSON, gid=PERSON, groups=(), rules=PathRules())
    assert found == (str(first), str(second))
    assert os.geteuid() == 0


def test_paths_are_compared_by_component() -> None:
    assert is_within("/scratch/a", "/scratch")
    assert is_within("/scratch", "/scratch/")
    assert not is_within("/scratch2", "/scratch")
    assert not is_within("/scratch", "/scratch/a")


@pytest.mark.parametrize("target", ["/data", "/data/", "//data", "/./data"])
def test_a_place_in_the_container_is_made_normal(target: str) -> None:
    assert vet_target(target) == "/data"


@pytest.mark.parametrize(
    "target",
    ["/", "//", "data", "/data/..", "/proc", "/proc/1", "/dev/shm", "/etc", "/etc/passwd",
     "/etc/group", "/.singularity.d/env", "/jobs/1", "/jobs", "/jobs/1/home"],
)  # fmt: skip
def test_places_the_container_needs_are_refused(target: str) -> None:
    with pytest.raises(MountRefused):
        vet_target(target, job_dir="/jobs/1")


def test_a_place_beside_the_containers_own_is_free() -> None:
    assert vet_target("/etc/ssl/certs", job_dir="/jobs/1") == "/etc/ssl/certs"
    assert vet_target("/jobs/10", job_dir="/jobs/1") == "/jobs/10"
