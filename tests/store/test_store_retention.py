"""Retention: old and too many folders go, running ones never, records stay."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from store_builders import filled, moved_to, opened

from jupyter_hpccontainers.model.states import State
from jupyter_hpccontainers.store.records import FinishedJob, JobChange
from jupyter_hpccontainers.store.retention import expired

DAY = 86_400.0
GB = 2**30


def test_old_folders_go_and_young_ones_stay() -> None:
    finished = [FinishedJob(1, 0.0, GB), FinishedJob(2, 5 * DAY, GB), FinishedJob(3, 9 * DAY, GB)]
    assert expired(finished, keep_days=7, keep_bytes=None, now=10 * DAY) == [1]
    assert expired(finished, keep_days=7, keep_bytes=None, now=12 * DAY + 1) == [1, 2]
    assert expired(finished, keep_days=None, keep_bytes=None, now=1000 * DAY) == []


def test_the_oldest_go_until_the_rest_fits() -> None:
    finished = [FinishedJob(3, 3.0, GB), FinishedJob(1, 1.0, 2 * GB), FinishedJob(2, 2.0, GB)]
    assert expired(finished, keep_days=None, keep_bytes=4 * GB, now=4.0) == []
    assert expired(finished, keep_days=None, keep_bytes=2 * GB, now=4.0) == [1]
    assert expired(finished, keep_days=None, keep_bytes=GB - 1, now=4.0) == [1, 2, 3]


@given(
    jobs=st.lists(st.tuples(st.floats(0, 100), st.integers(0, 50)), max_size=30),
    keep_days=st.floats(0, 100),
    keep=st.integers(0, 500),
)
def test_what_stays_is_young_enough_small_enough_and_the_newest(
    jobs: list[tuple[float, int]], keep_days: float, keep: int
) -> None:
    finished = [FinishedJob(n, day * DAY, size) for n, (day, size) in enumerate(jobs)]
    gone = set(expired(finished, keep_days=keep_days, keep_bytes=keep, now=100 * DAY))
    stay = [job for job in finished if job.id not in gone]
    assert all(100 * DAY - job.ended_at <= keep_days * DAY for job in stay)
    assert sum(job.disk_bytes for job in stay) <= keep
    left = [job for job in finished if job.id in gone]
    assert all(old.ended_at <= young.ended_at for old in left for young in stay)


def test_running_jobs_are_never_offered_and_records_are_kept(tmp_path: Path) -> None:
    store = opened(tmp_path)
    filled(store, 4)
    store.record([moved_to(State.RUNNING, 1)], at=0.0)
    for n, size in ((2, 10), (3, 20)):
        store.record([moved_to(State.DONE, n, ended_at=float(n), disk_bytes=size)], at=9.0)
    finished = store.finished()
    assert finished == [FinishedJob(2, 2.0, 10), FinishedJob(3, 3.0, 20)]

    gone = expired(finished, keep_days=0, keep_bytes=None, now=2.5 + 0.1)
    assert gone == [2]
    store.record([JobChange(n, "Cleaned", {"files_removed": True}) for n in gone], at=9.0)
    assert [job.id for job in store.finished()] == [3]
    assert store.job(2).state is State.DONE
