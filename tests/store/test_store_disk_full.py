"""A full or read-only disk: refused clearly, nothing half-made, running jobs still recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from store_builders import filled, moved_to, opened, submission

from jupyter_hpccontainers.model.errors import StoreFull
from jupyter_hpccontainers.model.states import State

HERE = Path(__file__).parent

#: Fills a small real disk, in a mount namespace of its own that goes with the process.
FILL = """
import json, os, sys
from pathlib import Path
from store_builders import filled, moved_to, opened, submission
from jupyter_hpccontainers.model.errors import StoreFull
from jupyter_hpccontainers.model.states import State

folder = Path(sys.argv[1])
(folder / "luggage").write_bytes(bytes(4 * 2**20))
store = opened(folder, reserve_bytes=2**20, ballast_bytes=2**20)
accepted, refused = [], ""
try:
    for n in range(10_000):
        accepted.append(store.accept(submission(script="x" * 20_000), at=float(n)).job.id)
except StoreFull as error:
    refused = str(error)
try:
    with (folder / "hog").open("wb", buffering=0) as hog:
        while True:
            hog.write(bytes(4096))
except OSError:
    pass
free = os.statvfs(folder).f_bavail
recorded = [
    store.record([moved_to(State.RUNNING, n, started_at=1.0)], at=1.0)[0].state for n in accepted
]
accepting = store.accepting()
(folder / "hog").unlink()
(folder / "luggage").unlink()
later = store.accept(submission(), at=1.0).job.id
ballast = (folder / "state.db.ballast").exists()
store.close()
store = opened(folder, reserve_bytes=2**20, ballast_bytes=2**20)
print(json.dumps({
    "accepted": accepted, "refused": refused, "free": free, "recorded": recorded,
    "accepting": accepting, "later": later, "ballast": ballast, "damage": store.damage,
    "kept": [stored.job.id for stored in store.active()],
}))
store.close()
"""


def on_small_disk(script: str, folder: Path, options: str) -> dict[str, object]:
    """Run a script with a tmpfs over a folder that only it sees, and return what it printed."""
    folder.mkdir()
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    mount = f'mount -t tmpfs -o {options} none "$1" && exec "$2" -c "$3" "$1"'
    done = subprocess.run(
        ["unshare", "--mount", *user, "sh", "-c", mount, "sh", str(folder), sys.executable, script],
        env={**os.environ, "PYTHONPATH": f"{HERE}:{HERE.parents[1]}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_disk_that_fills_loses_nothing_and_recovers_by_itself(tmp_path: Path) -> None:
    found = on_small_disk(FILL, tmp_path / "disk", "size=10m")
    accepted = found["accepted"]
    assert isinstance(accepted, list)
    assert len(accepted) > 10
    assert "nothing was accepted" in str(found["refused"])
    assert "1 MiB are free" in str(found["refused"])
    assert found["free"] == 0
    assert found["recorded"] == ["RUNNING"] * len(accepted), "by giving up the ballast"
    assert found["accepting"] is False
    assert found["later"] == len(accepted) + 1, "accepted again as soon as there is room"
    assert found["ballast"] is True
    assert found["damage"] is None
    assert found["kept"] == [*accepted, found["later"]]


def test_no_room_left_means_not_accepting(tmp_path: Path) -> None:
    room = [2**30]
    store = opened(tmp_path, free=lambda _: room[0])
    filled(store, 1)
    room[0] = 64 * 2**20 - 1
    assert not store.accepting()
    with pytest.raises(StoreFull, match="nothing was accepted") as refused:
        store.accept(submission(), at=0.0)
    assert "free space there" in refused.value.cure
    store.record([moved_to(State.RUNNING, 1)], at=1.0)
    room[0] += 1
    assert store.accepting()
    assert store.accept(submission(), at=0.0).job.id == 2


def test_a_known_key_is_answered_on_a_full_disk_too(tmp_path: Path) -> None:
    room = [2**30]
    store = opened(tmp_path, free=lambda _: room[0])
    first = store.accept(submission(key="k"), at=0.0)
    room[0] = 0
    assert store.accept(submission(key="k"), at=0.0) == ((first.job,), False)


def test_sqlite_out_of_pages_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    store = opened(tmp_path)
    filled(store, 3)
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFull, match="database or disk is full"):
        store.accept(submission(script="x" * 100_000), at=0.0)
    assert [stored.job.id for stored in store.active()] == [1, 2, 3]
    assert len(store.events_since(0)) == 3
    store._connection.execute("PRAGMA max_page_count = 1000000")
    assert store.accept(submission(), at=0.0).job.id == 4


READ_ONLY = """
import json, sys
from pathlib import Path
from store_builders import opened
from jupyter_hpccontainers.model.errors import StoreFull

try:
    opened(Path(sys.argv[1]))
except StoreFull as error:
    print(json.dumps({"message": error.message, "cure": error.cure}))
"""


def test_a_read_only_folder_is_refused_clearly(tmp_path: Path) -> None:
    found = on_small_disk(READ_ONLY, tmp_path / "disk", "size=1m,ro")
    assert "cannot be written" in str(found["message"])
    assert str(tmp_path / "disk") in str(found["message"])
    assert "make it writable" in str(found["cure"])
