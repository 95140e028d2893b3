"""A machine of which the truth is known: stories of jobs, and what becomes of them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from scheduler_lab import GiB, job, machine, only, started

from jupyter_hpccontainers.model.dependencies import Dependency, DependencyKind
from jupyter_hpccontainers.model.job import Priority
from jupyter_hpccontainers.model.resources import Resources
from jupyter_hpccontainers.model.states import State
from jupyter_hpccontainers.scheduler import (
    DEFAULT,
    Backfill,
    Exited,
    Order,
    Policy,
    Scheduler,
    Started,
    Stop,
    Submission,
    Submitted,
    Ticked,
    WakeAt,
)
from jupyter_hpccontainers.scheduler.events import Edge, TaskBlock
from jupyter_hpccontainers.scheduler.profile import SOON_S

AROUND = {"grace_s": 0.0, "start_timeout_s": 0.0}
CORES = 8
#: Limits that bind often; time begins at midnight, so headroom is kept in the first minutes.
LIMITS = {
    "user_limits": {"a": {"cores": 5}, "*": {"jobs": 4}},
    "project_limits": {"p": {"jobs": 2, "gpus": 1}},
}
HEADROOM = {
    "headroom": 0.5,
    "headroom_short_s": 60.0,
    "headroom_calendar": ("mon-sun 00:00-00:03", "mon-sun 00:05-00:11"),
}
POLICIES = [
    DEFAULT,
    Policy(),
    Policy(order=Order.INDEX, guard=0.1),
    Policy(Backfill.NONE),
    Policy(Backfill.CONSERVATIVE),
    Policy(**LIMITS),
    Policy(order=Order.INDEX, guard=0.1, patience_s=20.0, fair_half_life_s=60.0, **LIMITS),
    Policy(order=Order.INDEX, patience_s=5.0, **HEADROOM),
    Policy(**LIMITS, **HEADROOM),
    Policy(Backfill.CONSERVATIVE, **LIMITS),
]
#: Numbers of jobs are so far apart, so that an array's tasks have theirs between.
APART = 10


class Truth:
    """A scheduler whose jobs take what they take, stepped from event to event."""

    def __init__(self, policy: Policy) -> None:
        lab = replace(machine(cores=CORES, gpus=2, memory=16), tokens={"t": 2})
        self.scheduler = Scheduler(lab, policy)
        self.now = 0.0
        self.starts: dict[int, float] = {}
        #: What the attempts of a job take, where that is less than its limit, and how many fail.
        self.runs: dict[int, float] = {}
        self.fails: dict[int, int] = {}
        self.ends: list[tuple[float, int]] = []
        self.wake_at = math.inf

    def send(self, *batch: object) -> None:
        """Let things happen now; what starts runs at once."""
        events = list(batch)
        while events:
            actions = self.scheduler.handle_all(events, self.now)
            begun = started(actions)
            for n in begun:
                one = self.scheduler.jobs[n]
                owner = one.job.array or n
                self.starts = {n: self.now, owner: self.now} | self.starts
                self.will_end(n, self.now + min(self.runs.get(owner, math.inf), one.limit_s))
            for told in only(Stop, actions):
                self.will_end(told.job_id, self.now + SOON_S)
            self.wake_at = min([a.at for a in only(WakeAt, actions)], default=math.inf)
            events = [Started(n) for n in begun]

    def will_end(self, number: int, at: float) -> None:
        """Expect the end of a job, and no other."""
        self.ends = sorted([(at, number), *(end for end in self.ends if end[1] != number)])

    def submit(self, one: Submission, run_s: float = math.inf, fails: int = 0) -> None:
        """Submit a job whose attempts take so long, else its limit."""
        self.runs[one.job_id], self.fails[one.job_id] = run_s, fails
        self.send(Submitted(one))

    def go_on(self, until: float) -> None:
        """Let time pass; what ends within it ends."""
        for _ in range(10_000):
            at = min(self.ends[0][0] if self.ends else math.inf, self.wake_at)
            # The hours of headroom change for ever.
            if at > until or at == math.inf or not list(self.scheduler.jobs.entries()):
                break
            self.now = max(self.now, at)
            ended = []
            while self.ends and self.ends[0][0] <= self.now:
                ended.append(self.exit(self.ends.pop(0)[1]))
            self.send(*(ended or [Ticked()]))
            if until == math.inf and self.waits_for_ever():
                break
        else:
            raise AssertionError("it goes on for ever")
        if until < math.inf:
            self.now = max(self.now, until)

    def waits_for_ever(self) -> bool:
        """Whether nothing runs, and nobody waits for a time."""
        queue = self.scheduler.jobs.queue
        return not (self.ends or queue.later or queue.ready)

    def exit(self, number: int) -> Exited:
        """Return how an attempt ends: the first ones fail."""
        one = self.scheduler.jobs[number]
        owner = one.job.array or number
        failed = one.job.attempt <= self.fails.get(owner, 0)
        return Exited(job_id=number, exit_code=int(failed))

    def take_whole_limits(self) -> None:
        """From here on every job takes its whole limit and ends well; starts are counted anew."""
        self.starts, self.runs, self.fails = {}, {}, {}
        for e in self.scheduler.jobs.holding():
            stops = e.state is State.STOPPING
            self.will_end(e.job.job_id, self.now + SOON_S if stops else e.started_at + e.limit_s)


REQUESTS = st.builds(
    Resources,
    st.integers(1, 9),
    st.sampled_from([0, GiB, 4 * GiB, 12 * GiB]),
    st.sampled_from([0, 0, 0, 1, 2]),
)
KINDS = st.sampled_from([DependencyKind.AFTEROK, DependencyKind.AFTERANY, *DependencyKind])
#: How many jobs ago the one came that this one depends on, and how it is to end.
PARENTS = st.lists(st.tuples(st.integers(1, 6), KINDS), max_size=2)


@st.composite
def submissions(draw: st.DrawFn) -> dict[str, Any]:
    """Return what a job asks; ``after`` and ``array`` are told by ``asked_of``."""
    return {
        "resources": draw(REQUESTS),
        "limit_s": draw(st.sampled_from([5.0, 20.0, 60.0, 61.0, 300.0])),
        "priority": draw(st.sampled_from([Priority.NORMAL, Priority.NORMAL, *Priority])),
        "user": draw(st.sampled_from("abc")),
        "project": draw(st.sampled_from(["", "", "p"])),
        "kind": draw(st.sampled_from("xyz")),
        "tokens": (("t", tokens),) if (tokens := draw(st.sampled_from([0, 0, 0, 1, 2]))) else (),
        "image_ready": draw(st.integers(0, 9)) > 0,
        "held": draw(st.integers(0, 9)) == 0,
        "requeue": draw(st.booleans()),
        "retries": draw(st.sampled_from([0, 0, 1, 3])),
        "after": draw(PARENTS) if draw(st.integers(0, 3)) == 0 else [],
        "array": draw(st.integers(1, 4)) if draw(st.integers(0, 5)) == 0 else 0,
        "max_running": draw(st.sampled_from([None, 1, 2])),
    }


#: What came, how long after the one before it, how long it takes, and how many attempts fail.
STORIES = st.lists(
    st.tuples(
        submissions(), st.sampled_from([0, 0, 1, 3, 8, 30]), st.integers(1, 300), st.integers(0, 2)
    ),
    min_size=6,
    max_size=25,
)


def asked_of(number: int, asked: dict[str, Any], known: list[int]) -> dict[str, Any]:
    """Return what the submission of ``number`` names, with ``known`` jobs before it."""
    asked = dict(asked)
    after, count, most = asked.pop("after"), asked.pop("array"), asked.pop("max_running")
    parents = [(known[-back], kind) for back, kind in after if back <= len(known)]
    asked["dependencies"] = tuple(Edge(Dependency(kind, parent)) for parent, kind in parents)
    asked["tasks"] = TaskBlock(number + 1, count, most) if count else None
    return asked


def random_state(policy: Policy, story: list[tuple[dict[str, Any], int, int, int]]) -> Truth:
    """Return a machine to which that has happened: jobs came, ran, failed, ended early."""
    truth, known = Truth(policy), []
    for place, (asked, gap, run_s, fails) in enumerate(story, start=1):
        truth.go_on(truth.now + gap)
        if asked["resources"].cores <= CORES:
            later = {"begin_at": truth.now + gap * 3} if gap > 20 else {}
            number = place * APART
            given = asked_of(number, asked, known)
            one = job(number, submitted_at=truth.now, **AROUND, **later, **given)
            truth.submit(one, float(run_s), fails)
            if number in truth.scheduler.jobs:
                known.append(number)
    return truth
