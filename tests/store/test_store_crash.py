"""kill -9 and copies taken in mid-write: what was answered for is there, and the file is sound."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

from store_builders import filled, moved_to, opened

from jupyter_hpccontainers.model.states import State

HERE = Path(__file__).parent

#: Accepts jobs with keys and starts them, printing each number once it is answered for.
WRITER = """
import sys
from pathlib import Path
from store_builders import moved_to, opened, submission
from jupyter_hpccontainers.model.states import State

store = opened(Path(sys.argv[1]))
for n in range(int(sys.argv[2]), 1_000_000):
    job = store.accept(submission(key=str(n)), at=float(n)).job
    print("accepted", n, job.id, flush=True)
    store.record([moved_to(State.RUNNING, job.id)], at=float(n))
    print("running", n, job.id, flush=True)
"""


def killed_writer(folder: Path, first: int, lines: int) -> list[tuple[str, int, int]]:
    """Run the writer, kill it -9 after some lines, and return all that it printed."""
    environment = {**os.environ, "PYTHONPATH": f"{HERE}:{HERE.parents[1]}"}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(first)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        printed = [writer.stdout.readline() for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
        printed += writer.stdout.readlines()
    whole = [line.split() for line in printed if line.endswith("\n")]
    return [(word, int(n), int(job_id)) for word, n, job_id in whole]


def test_what_was_answered_for_survives_kill_9_and_a_retry_makes_no_second_job(
    tmp_path: Path,
) -> None:
    chance = random.Random(7)
    answered: dict[int, int] = {}
    running: set[int] = set()
    for _ in range(12):
        # The last key is sent again: its answer may have been lost between commit and reply.
        printed = killed_writer(tmp_path, max(answered, default=0), chance.randint(1, 60))
        for word, n, job_id in printed:
            assert answered.setdefault(n, job_id) == job_id, "the same key, the same job"
            if word == "running":
                running.add(job_id)
    store = opened(tmp_path)
    active = {stored.job.id: stored.job.state for stored in store.active()}
    assert store.damage is None
    assert set(answered.values()) <= active.keys()
    assert running <= {n for n, state in active.items() if state is State.RUNNING}
    assert len(active) <= len(answered) + 1, "at most the one whose answer was cut off"


def test_a_copy_taken_while_writing_opens_sound_with_all_answers(tmp_path: Path) -> None:
    store = opened(tmp_path / "live")
    filled(store, 50)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            filled(store, 5)
            store.record([moved_to(State.RUNNING, 1)], at=1.0)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for n in range(10):
            copy = tmp_path / f"copy{n}"
            copy.mkdir()
            # The log first would be a copy that no power cut can leave: it is older than the file.
            for name in ("state.db", "state.db-wal", "state.db.engine"):
                shutil.copyfile(tmp_path / "live" / name, copy / name)
    finally:
        stop.set()
        writer.join()
    for n in range(10):
        again = opened(tmp_path / f"copy{n}")
        assert again.damage is None
        assert len(again.active()) >= 50
        again.close()


def test_thousands_of_jobs_are_there_again_after_a_restart(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store._connection.execute("PRAGMA synchronous = OFF")
    filled(store, 3_000)
    store.close()
    active = opened(tmp_path).active()
    assert [stored.job.id for stored in active] == list(range(1, 3_001))
