"""Which file system a folder is on, and where the state goes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from recorded import laid_out

from jupyter_hpccontainers.machine.disk import (
    StatePlace,
    file_system,
    free_bytes,
    make_state,
    on_network,
    state_place,
)
from jupyter_hpccontainers.model.errors import StoreFull

MOUNTS = """\
27 1 254:0 / / rw,relatime - ext4 /dev/sda2 rw
40 27 0:40 / /home rw - nfs4 server:/home rw,vers=4.2
41 40 0:41 / /home/ann/my\\040data rw - lustre mds@tcp:/fs rw
42 27 0:42 / /scratch rw - xfs /dev/sdb rw
43 42 0:43 / /scratch rw - cifs //server/share rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/var/lib", "ext4", False),
        ("/home/ann", "nfs4", True),
        ("/homework", "ext4", False),
        ("/home/ann/my data/x", "lustre", True),
        ("/scratch/x", "cifs", True),
    ],
)
def test_the_nearest_mount_decides(tmp_path: Path, path: str, kind: str, network: bool) -> None:
    host = laid_out(tmp_path, mounts=MOUNTS)
    assert file_system(Path(path), host) == kind
    assert on_network(Path(path), host) is network


def test_this_machine_agrees_with_stat(tmp_path: Path) -> None:
    # stat(1) and mountinfo name a few types differently: ext2/ext3 for ext4, overlayfs for overlay.
    told = subprocess.check_output(["stat", "-f", "-c", "%T", tmp_path], text=True).strip()
    assert file_system(tmp_path)[:3] == told[:3]
    assert file_system(Path("/proc/self")) == "proc"
    assert free_bytes(tmp_path) > 0


def test_state_on_a_network_goes_to_the_local_disk_and_says_so(tmp_path: Path) -> None:
    host = laid_out(tmp_path, mounts=MOUNTS)
    wanted, local = Path("/home/ann/state"), Path("/var/tmp/state")
    place = state_place(wanted, local, host)
    assert place.path == local
    assert place.why == "/home/ann/state is on a network file system (nfs4)"
    assert state_place(local, wanted, host) == StatePlace(local, local)


def test_a_pointer_at_the_wanted_place_says_where_it_is(tmp_path: Path) -> None:
    place = StatePlace(tmp_path / "local" / "state", tmp_path / "home", "network")
    made = make_state(place, os.getuid())
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert (tmp_path / "home" / "STATE_IS_AT").read_text() == f"{made}\n"
    assert make_state(place, os.getuid()) == made, "the second time as the first"


def test_a_folder_of_somebody_else_or_a_link_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreFull, match="belongs to user"):
        make_state(StatePlace(tmp_path, tmp_path), os.getuid() + 1)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(StoreFull, match="is a link"):
        make_state(StatePlace(tmp_path / "link", tmp_path / "link"), os.getuid())


def test_a_folder_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "state"
    with pytest.raises(StoreFull, match="cannot be made: Not a directory"):
        make_state(StatePlace(place, place), os.getuid())


def test_a_mounted_tmpfs_is_seen(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from jupyter_hpccontainers.machine.disk import file_system\n"
        "print(file_system(Path(sys.argv[1]) / 'not' / 'there'))"
    )
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    mount = 'mount -t tmpfs none "$1" && exec "$2" -c "$3" "$1"'
    command = ["sh", "-c", mount, "sh", str(tmp_path), sys.executable, script]
    root = Path(__file__).parents[2]
    told = subprocess.check_output(
        ["unshare", "--mount", *user, *command],
        text=True,
        env={**os.environ, "PYTHONPATH": f"{root}"},
    )
    assert told.strip() == "tmpfs"
