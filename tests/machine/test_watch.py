"""Changes in an attempt's folder, told by the kernel."""

from __future__ import annotations

import asyncio
import os
import select
from pathlib import Path

import pytest
from supervisor_lab import Lab

from jupyter_hpccontainers.machine.leftovers import end_leftovers
from jupyter_hpccontainers.machine.watch import Change, Changed, Watch


def told(watch: Watch) -> list[Changed]:
    """What the watch tells within 5 s."""
    assert select.select([watch], [], [], 5)[0], "nothing was told"
    return watch.read()


@pytest.mark.parametrize(("name", "change"), [("started", Change.STARTED), ("exit", Change.EXITED)])
def test_a_rename_is_told_once_whole(tmp_path: Path, name: str, change: Change) -> None:
    watch = Watch()
    watch.add(tmp_path)
    (tmp_path / f"{name}.new").write_text("{}")
    (tmp_path / f"{name}.new").rename(tmp_path / name)
    assert told(watch) == [Changed(tmp_path, change)]
    assert watch.read() == []
    watch.close()


def test_many_writes_are_one_change(tmp_path: Path) -> None:
    watch = Watch()
    with (tmp_path / "output").open("wb", buffering=0) as output:
        watch.add(tmp_path)
        for _ in range(50):
            output.write(b"line\n")
        assert told(watch) == [Changed(tmp_path, Change.OUTPUT)]
    watch.close()


def test_other_files_are_nobodys_business(tmp_path: Path) -> None:
    watch = Watch()
    watch.add(tmp_path)
    (tmp_path / "output.idx").write_bytes(b"123456789")
    (tmp_path / "supervisor.json").write_text("{}")
    assert watch.read() == []
    watch.close()


def test_after_remove_nothing_is_told_and_remove_of_a_stranger_is_harmless(tmp_path: Path) -> None:
    watch = Watch()
    watch.add(tmp_path)
    watch.remove(tmp_path)
    watch.remove(tmp_path / "stranger")
    (tmp_path / "output").write_bytes(b"x")
    assert watch.read() == []
    watch.close()


def test_a_folder_that_is_deleted_and_made_again_can_be_watched_again(tmp_path: Path) -> None:
    folder = tmp_path / "1"
    folder.mkdir()
    watch = Watch()
    watch.add(folder)
    folder.rmdir()
    watch.read()
    folder.mkdir()
    watch.add(folder)
    (folder / "output").write_bytes(b"x")
    assert told(watch) == [Changed(folder, Change.OUTPUT)]
    watch.close()


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    watch = Watch()
    with pytest.raises(FileNotFoundError):
        watch.add(tmp_path / "missing")
    watch.close()


def test_more_events_than_the_kernel_keeps_are_told_as_missed(tmp_path: Path) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    watch = Watch()
    watch.add(tmp_path)
    with open(tmp_path / "output", "wb", buffering=0) as a, open(tmp_path / "x", "wb", 0) as b:
        # Alternating, because equal events that follow each other are merged (inotify(7)).
        for _ in range(limit // 2 + 2):
            a.write(b"1")
            b.write(b"2")
    seen: list[Changed] = []
    while not any(one.change & Change.MISSED for one in seen):
        seen += told(watch)
    assert Changed(None, Change.MISSED) in seen
    watch.close()


def test_it_wakes_an_event_loop(tmp_path: Path) -> None:
    async def wait() -> list[Changed]:
        watch, loop = Watch(), asyncio.get_running_loop()
        heard: asyncio.Future[list[Changed]] = loop.create_future()
        loop.add_reader(watch, lambda: heard.set_result(watch.read()))
        watch.add(tmp_path)
        loop.call_soon(lambda: (tmp_path / "output").write_bytes(b"x"))
        try:
            return await asyncio.wait_for(heard, 5)
        finally:
            loop.remove_reader(watch)
            watch.close()

    assert asyncio.run(wait()) == [Changed(tmp_path, Change.OUTPUT)]


def test_the_end_of_a_supervisor_is_told_however_it_came(apptainer_lab: Lab) -> None:
    job = apptainer_lab.run("import time; print('in', flush=True); time.sleep(300)").says(b"in")
    pidfd = job.attempt.pidfd()
    assert pidfd is not None
    watch = Watch()
    watch.add(job.attempt.folder)
    assert not select.select([pidfd], [], [], 0)[0]
    job.popen.kill()
    assert select.select([pidfd], [], [], 5)[0]
    assert told(watch)[0].change & Change.RELEASED
    os.close(pidfd)
    watch.close()
    job.popen.wait()
    assert end_leftovers(job.attempt) > 0
