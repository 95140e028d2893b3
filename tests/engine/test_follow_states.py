"""The stream of all states: every change, and why and where who waits."""

from __future__ import annotations

import time
from collections.abc import Callable

from engine_fixture import IsolatedEngine

from jupyter_hpccontainers.client.follow import Follow, StateChanged
from jupyter_hpccontainers.model.job import Job
from jupyter_hpccontainers.model.states import ReasonCode


def told(follow: Follow, wanted: Callable[[Job], bool], timeout_s: float = 20) -> Job:
    """Return the first record on the stream that is wanted."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for event in follow.poll(0.2):
            if isinstance(event, StateChanged) and wanted(event.job):
                return event.job
    raise AssertionError("it was never told")


def test_reason_and_position_are_told_as_they_change(
    make_engine: Callable[..., IsolatedEngine], docker_socket: str, tiny_image: str
) -> None:
    engine = make_engine(docker_host=f"unix://{docker_socket}", cores=[0], memory="1g", grace=0.5)
    with engine.client.follow(None) as follow:
        running = engine.submit(tiny_image, command=["sleep", "60"], memory="20m")
        told(follow, lambda job: job.id == running.id and job.state == "RUNNING")
        first = engine.submit(tiny_image, command=["sleep", "60"], memory="20m")
        second = engine.submit(tiny_image, command=["true"], memory="20m")
        waiting = told(follow, lambda job: job.id == second.id and job.position == 2)
        assert waiting.reason is not None
        engine.client.cancel(first.id)
        moved = told(follow, lambda job: job.id == second.id and job.position == 1)
        assert moved.reason is not None
        assert moved.reason.code is ReasonCode.RESOURCES
        engine.client.cancel(running.id)
        told(follow, lambda job: job.id == second.id and job.done)
