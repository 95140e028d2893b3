"""Looking at jobs from outside: /proc, cgroups and the log file, never our own API."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_hpccontainers.machine.processes import all_processes


def marked(mark: str) -> list[int]:
    """Return the pids of processes that have this mark in their environment or arguments."""
    wanted = os.fsencode(mark)
    found = []
    for one in all_processes():
        try:
            environ = Path(f"/proc/{one.pid}/environ").read_bytes()
        except OSError:
            continue
        if wanted in environ and not one.dead:
            found.append(one.pid)
    return found


def affinity(pid: int) -> frozenset[int]:
    """Return the cores a process may run on."""
    return frozenset(os.sched_getaffinity(pid))


@contextmanager
def sampled(mark: str, every_s: float = 0.05) -> Iterator[list[dict[str, frozenset[int]]]]:
    """Sample the jobs of one test while inside: HPCC_JOB_ID → affinity, a dict per look."""
    looks: list[dict[str, frozenset[int]]] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(every_s):
            now: dict[str, frozenset[int]] = {}
            for pid in marked(mark):
                try:
                    environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                    ids = [e[12:] for e in environ if e.startswith(b"HPCC_JOB_ID=")]
                    if ids:
                        now[ids[0].decode()] = affinity(pid)
                except (OSError, ProcessLookupError):
                    continue
            looks.append(now)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield looks
    finally:
        stop.set()
        thread.join()


def gone_within(mark: str, seconds: float) -> list[int]:
    """Return the marked processes that are still there after this time."""
    deadline = time.monotonic() + seconds
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left
