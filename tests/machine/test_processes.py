"""Processes told apart by their start time, and signals that reach only them."""

from __future__ import annotations

import os
import signal
import subprocess

from supervisor_lab import until

from jupyter_hpccontainers.machine.processes import (
    Process,
    boot_id,
    descendants,
    process,
    send,
    session_members,
)


def test_a_process_is_read_whatever_its_name() -> None:
    named = "import sys, time\nopen('/proc/self/comm', 'w').write(') R 1 (x')\n"
    child = subprocess.Popen(
        ["python3", "-c", f"{named}print('on', flush=True)\ntime.sleep(60)"],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        found = process(child.pid)
        assert found is not None
        assert (found.parent, found.session) == (os.getpid(), child.pid)
        assert found.start_ticks > 0
        child.kill()


def test_descendants_are_found_through_their_parents() -> None:
    with subprocess.Popen(["sh", "-c", "sh -c 'sleep 60 & wait' & wait"]) as child:
        until(lambda: len(descendants(child.pid)) == 2, "the grandchild")
        inner, sleeper = descendants(child.pid)
        assert (inner.parent, sleeper.parent) == (child.pid, inner.pid)
        for one in (sleeper, inner):
            send(one, signal.SIGKILL)


def test_a_signal_never_reaches_a_later_process_of_the_same_number() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        real = process(child.pid)
        assert real is not None
        earlier = Process(real.pid, "S", real.parent, real.session, real.start_ticks - 1)
        assert not send(earlier, signal.SIGKILL)
        assert child.poll() is None
        assert send(real, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        assert not send(real, signal.SIGKILL)


def test_init_and_groups_are_never_signalled() -> None:
    one = process(1)
    assert one is not None
    for pid in (1, 0, -1):
        assert not send(Process(pid, "S", 0, 0, one.start_ticks), 0)


def test_a_session_is_its_members_and_a_boot_has_a_name() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 60 & wait"], start_new_session=True) as child:
        until(lambda: len(session_members(child.pid)) == 2, "both")
        for one in session_members(child.pid):
            send(one, signal.SIGKILL)
    until(lambda: session_members(child.pid) == [], "the end of both")
    assert len(boot_id()) == 36
