"""Damaged files: found at opening, kept aside, and everything that is whole is read back."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from store_builders import filled, moved_to, opened, submission

from jupyter_hpccontainers.model.job import Job
from jupyter_hpccontainers.model.states import State
from jupyter_hpccontainers.store.records import JobFilter

COUNT = 300


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the database of 300 jobs, every third of them running."""
    folder = tmp_path_factory.mktemp("sound")
    store = opened(folder)
    filled(store, COUNT, script="print('x')\n" * 40, tags=("t",))
    changes = [moved_to(State.RUNNING, n, started_at=1.0) for n in range(3, COUNT + 1, 3)]
    store.record(changes, at=1.0)
    store.accept(submission(key="a key"), at=2.0)
    store.close()
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    shutil.copytree(sound, tmp_path / "state")
    return tmp_path / "state"


def overwrite(folder: Path, offset: int, data: bytes) -> None:
    with (folder / "state.db").open("r+b") as file:
        file.seek(offset)
        file.write(data)


def change_sql(folder: Path, statement: str) -> None:
    connection = sqlite3.connect(folder / "state.db")
    assert connection.execute(statement).rowcount > 0
    connection.commit()
    connection.close()


def noise(seed: int) -> bytes:
    return random.Random(seed).randbytes(64)


def jobs_before(sound: Path, tmp_path: Path) -> dict[int, Job]:
    shutil.copytree(sound, tmp_path / "before")
    return {stored.job.id: stored.job for stored in opened(tmp_path / "before").active()}


@pytest.mark.parametrize(
    "where",
    [
        lambda size: 0,
        lambda size: 100,
        lambda size: size // 2,
        lambda size: size // 3 // 4096 * 4096,
    ],
    ids=["the header", "the schema", "the middle", "a page's head"],
)
def test_noise_anywhere_loses_no_job_in_silence(
    where: Callable[[int], int], folder: Path, sound: Path, tmp_path: Path
) -> None:
    before = jobs_before(sound, tmp_path)
    size = (folder / "state.db").stat().st_size
    for seed in range(5):
        again = tmp_path / f"copy{seed}"
        shutil.copytree(folder, again)
        overwrite(again, where(size), noise(seed))
        store = opened(again)
        after = {stored.job.id: stored.job for stored in store.active()}
        lost = set(store.damage.lost) if store.damage else set()
        assert after.keys() | lost == before.keys(), "each is there, or said to be lost"
        assert len(after) > COUNT * 0.9
        rebuilt = store.damage.rebuilt if store.damage else ()
        assert all(after[n] == before[n] for n in after if n not in rebuilt)
        store.close()


def test_the_damaged_file_is_kept_and_the_report_says_where(folder: Path) -> None:
    overwrite(folder, 0, noise(1))
    damaged = (folder / "state.db").read_bytes()
    store = opened(folder)
    assert store.damage is not None
    assert Path(store.damage.moved_to).read_bytes() == damaged
    assert store.damage.moved_to in str(store.damage)
    assert (store.damage.kept, store.damage.lost) == (COUNT + 1, ())
    store.close()
    again = opened(folder)
    assert again.damage is None, "said once, then sound again"
    again.close()
    left = {path.name for path in folder.iterdir()}
    assert left == {"state.db", "state.db.damaged-1", "state.db.engine"}


def test_engine_keys_numbers_and_history_survive_a_lost_header(folder: Path, sound: Path) -> None:
    remembered = (sound / "state.db.engine").read_text().strip()
    overwrite(folder, 0, noise(2))
    store = opened(folder)
    assert store.engine_id() == remembered
    again = store.accept(submission(key="a key"), at=9.0)
    assert (again.job.id, again.created) == (COUNT + 1, False)
    assert store.accept(submission(), at=9.0).job.id == COUNT + 2
    assert len(store.events_since(0, limit=10_000)) == COUNT + COUNT // 3 + 2
    assert len(store.jobs(JobFilter(tag="t", limit=1000))) == COUNT


def test_half_a_file_gives_back_its_half_and_names_the_rest(folder: Path) -> None:
    with (folder / "state.db").open("r+b") as file:
        file.truncate((folder / "state.db").stat().st_size // 2 // 4096 * 4096)
    store = opened(folder, job_folders=[3, COUNT + 50])
    assert store.damage is not None
    kept = {stored.job.id for stored in store.active()}
    assert len(kept) > COUNT // 3
    assert kept | set(store.damage.lost) == set(range(1, COUNT + 51))
    assert store.accept(submission(), at=9.0).job.id == COUNT + 51


def test_a_record_whose_checksum_fails_is_rebuilt_from_its_history(folder: Path) -> None:
    change_sql(
        folder, "UPDATE jobs SET record = replace(record, 'RUNNING', 'PENDING') WHERE id = 6"
    )
    store = opened(folder)
    assert store.damage is not None
    assert "job 6 " in store.damage.found
    assert store.damage.rebuilt == (6,)
    assert store.job(6).state is State.RUNNING
    assert store.job(6).started_at == 1.0


def test_a_waiting_job_put_together_again_is_held_for_it_may_have_run(folder: Path) -> None:
    change_sql(
        folder, "UPDATE jobs SET record = replace(record, 'PENDING', 'RUNNING') WHERE id = 7"
    )
    store = opened(folder)
    assert store.damage is not None
    assert store.damage.rebuilt == (7,)
    assert store.job(7).state is State.HELD
    assert "may have run already" in store.job(7).warnings[-1]


def test_a_spec_whose_checksum_fails_is_never_run(folder: Path) -> None:
    change_sql(folder, "UPDATE specs SET body = replace(body, 'print', 'erase') WHERE job_id = 7")
    store = opened(folder)
    assert store.damage is not None
    assert store.damage.lost == (7,)
    assert len(store.active()) == COUNT


def test_a_damaged_line_of_history_is_left_out(folder: Path) -> None:
    change_sql(folder, "UPDATE events SET data = '{}' WHERE seq = 5")
    events = opened(folder).events_since(0, limit=8)
    assert [event.seq for event in events] == [1, 2, 3, 4, 6, 7, 8]


@pytest.mark.parametrize("empty", [True, False], ids=["emptied", "deleted"])
def test_a_vanished_database_is_no_silent_empty_queue(folder: Path, empty: bool) -> None:
    (folder / "state.db").unlink()
    if empty:
        (folder / "state.db").touch(mode=0o600)
    store = opened(folder, job_folders=[4, 9])
    assert store.damage is not None
    assert store.damage.lost == (4, 9)
    assert store.accept(submission(), at=0.0).job.id == 10


def test_a_log_with_the_newest_commits_is_salvaged_with_the_file(
    folder: Path, tmp_path: Path
) -> None:
    store = opened(folder)
    filled(store, 20)
    for name in ("state.db", "state.db-wal", "state.db.engine"):
        (tmp_path / "live").mkdir(exist_ok=True)
        shutil.copyfile(folder / name, tmp_path / "live" / name)
    size = (folder / "state.db").stat().st_size
    overwrite(tmp_path / "live", size // 2, noise(3) * 64)
    again = opened(tmp_path / "live")
    active = {stored.job.id for stored in again.active()}
    assert again.damage is not None
    assert active >= set(range(COUNT + 2, COUNT + 22))
    assert active | set(again.damage.lost) == set(range(1, COUNT + 22))
