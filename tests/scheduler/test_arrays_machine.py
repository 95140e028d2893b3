"""An array is what its tasks would be as single jobs: two schedulers told the same live alike.

One is given arrays, the other each task as a job of its own. The second is held to every promise by
``test_scheduler_machine``; as long as both decide alike, so is the first.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from scheduler_lab import ask, job, machine

from jupyter_hpccontainers.model.dependencies import Dependency, DependencyKind
from jupyter_hpccontainers.model.states import Result, State
from jupyter_hpccontainers.scheduler import (
    Action,
    CancelRequested,
    Edge,
    Event,
    Exited,
    Held,
    Progress,
    Record,
    Released,
    Restored,
    Resume,
    Resumed,
    Scheduler,
    Start,
    Started,
    Stop,
    Submission,
    Submitted,
    Suspend,
    Suspended,
    TaskBlock,
    Ticked,
    TimeLimitChanged,
    WakeAt,
)

LIMITS = st.sampled_from([10.0, 20.0, 40.0, None])
RUNS = {State.RUNNING, State.SUSPENDED}


@dataclass
class Known:
    """One job, or one task, as its records say."""

    job: Submission
    array: int | None = None
    state: State = State.PENDING
    result: Result | None = None
    last: Record | None = None
    times: dict[State, float] = field(default_factory=dict)
    limit_s: float | None = None

    def row(self, now: float) -> Restored:
        """Return what a store holds of it."""
        return Restored(
            job=replace(self.job, limit_s=self.limit_s, array=self.array),
            state=self.state,
            allocation=self.last.allocation if self.last else None,
            starting_at=self.times.get(State.STARTING),
            started_at=self.last.started_at if self.last else None,
            paused_s=self.paused_s(now),
            stopping_at=self.times.get(State.STOPPING),
            stop_reason=self.last.reason if self.last else None,
        )

    def paused_s(self, now: float) -> float:
        """Return how much of the time since its start does not count."""
        if self.last is None or self.last.paused_s is None:
            return 0.0
        still = self.state is State.SUSPENDED
        return self.last.paused_s + (now - self.last.at if still else 0.0)


class ArraysAndTheirTwins(RuleBasedStateMachine):
    """Sends each event to both, in the words of each."""

    @initialize(cores=st.integers(1, 4))
    def begin(self, cores: int) -> None:
        self.machine = machine(cores=cores)
        self.one, self.twin = Scheduler(self.machine), Scheduler(self.machine)
        self.jobs: dict[int, Known] = {}
        self.arrays: dict[int, Submission] = {}
        self.whole: dict[int, Record] = {}
        #: The tasks that are jobs of their own, and how jobs ended, as the first says.
        self.recorded: dict[int, Result | None] = {}
        self.now = 0.0
        self.wake_at: float | None = None

    # ---------------------------------------------------------------------------- what happens

    @rule(cores=st.integers(1, 4), limit_s=LIMITS)
    def submit_job(self, cores: int, limit_s: float | None) -> None:
        single = self.submission(cores, limit_s)
        self.jobs[single.job_id] = Known(single, limit_s=limit_s)
        self.send([Submitted(single)], [Submitted(single)])

    @rule(data=st.data(), cores=st.integers(1, 4), kind=st.sampled_from(DependencyKind))
    @precondition(lambda self: self.jobs)
    def submit_dependent(self, data, cores, kind) -> None:
        parents = data.draw(st.lists(st.sampled_from(self.numbers(lambda one: True)), max_size=3))
        edges = tuple(Edge(Dependency(kind, number)) for number in dict.fromkeys(parents))
        single = replace(self.submission(cores, 20.0), dependencies=edges)
        self.jobs[single.job_id] = Known(single, limit_s=20.0)
        self.send(
            [Submitted(replace(single, dependencies=self.told(edges)))],
            [Submitted(replace(single, dependencies=self.told(edges, twin=True)))],
        )

    @rule(cores=st.integers(1, 2), limit_s=LIMITS, count=st.integers(1, 6))
    def submit_array(self, cores: int, limit_s: float | None, count: int) -> None:
        whole = self.submission(cores, limit_s)
        block = TaskBlock(whole.job_id + 1, count)
        tasks = [replace(whole, job_id=block.first + n) for n in range(count)]
        self.arrays[whole.job_id] = replace(whole, tasks=block)
        for task in tasks:
            self.jobs[task.job_id] = Known(task, array=whole.job_id, limit_s=limit_s)
        self.send([Submitted(self.arrays[whole.job_id])], [Submitted(task) for task in tasks])

    def submission(self, cores: int, limit_s: float | None) -> Submission:
        """Return the next job, cut to what the machine has."""
        number = len(self.jobs) + len(self.arrays) + 1
        cores = min(cores, len(self.machine.cores))
        around = {"grace_s": 1.0, "start_timeout_s": 5.0, "submitted_at": self.now}
        return job(number, ask(cores, 0), limit_s=limit_s, **around)

    @rule(data=st.data())
    @precondition(lambda self: self.numbers(lambda one: one.state is State.STARTING))
    def start(self, data) -> None:
        number = self.draw(data, lambda one: one.state is State.STARTING)
        self.send([Started(number)])

    @rule(data=st.data(), code=st.sampled_from([0, 0, 1]))
    @precondition(lambda self: self.numbers(lambda one: one.state.holds_allocation))
    def exit(self, data, code) -> None:
        number = self.draw(data, lambda one: one.state.holds_allocation)
        self.send([Exited(job_id=number, exit_code=code)])

    @rule(data=st.data())
    @precondition(lambda self: self.jobs)
    def cancel_one(self, data) -> None:
        self.send([CancelRequested(self.draw(data, lambda one: True))])

    @rule(data=st.data())
    @precondition(lambda self: self.arrays)
    def cancel_array(self, data) -> None:
        number = data.draw(st.sampled_from(list(self.arrays)))
        # What waits goes first, or what is freed by the others would let it begin.
        tasks = sorted(self.tasks(number), key=lambda n: not self.jobs[n].state.waits)
        self.send([CancelRequested(number)], [CancelRequested(task) for task in tasks])

    @rule(data=st.data())
    @precondition(lambda self: self.open_arrays())
    def hold_or_release_array(self, data) -> None:
        number = data.draw(st.sampled_from(self.open_arrays()))
        waiting = [n for n in self.tasks(number) if self.jobs[n].state.waits]
        kind = Released if self.jobs[waiting[0]].state is State.HELD else Held
        self.send([kind(number)], [kind(task) for task in waiting])

    @rule(data=st.data(), kind=st.sampled_from([Suspended, Resumed]))
    @precondition(lambda self: self.numbers(lambda one: one.array and one.state in RUNS))
    def suspend_or_resume_array(self, data, kind) -> None:
        task = self.draw(data, lambda one: one.array and one.state in RUNS)
        number = self.jobs[task].array
        running = [n for n in self.tasks(number) if self.jobs[n].state in RUNS]
        self.send([kind(number)], [kind(task) for task in running])

    @rule(data=st.data(), kind=st.sampled_from([Suspended, Resumed]))
    @precondition(lambda self: self.numbers(lambda one: one.state in RUNS))
    def suspend_or_resume_one(self, data, kind) -> None:
        self.send([kind(self.draw(data, lambda one: one.state in RUNS))])

    @rule(data=st.data(), limit_s=LIMITS)
    @precondition(lambda self: self.open_arrays())
    def change_array(self, data, limit_s) -> None:
        number = data.draw(st.sampled_from(self.open_arrays()))
        waiting = [n for n in self.tasks(number) if self.jobs[n].state.waits]
        for task in waiting:
            self.jobs[task].limit_s = limit_s
        self.arrays[number] = replace(self.arrays[number], limit_s=limit_s)
        self.send(
            [TimeLimitChanged(number, limit_s)],
            [TimeLimitChanged(task, limit_s) for task in waiting],
        )

    @rule(seconds=st.integers(1, 30))
    def time_passes(self, seconds: int) -> None:
        until = self.now + seconds
        while self.wake_at is not None and self.wake_at <= until:
            self.now = self.wake_at
            self.send([Ticked()])
        self.now = until
        # What is overdue counts as coming back now, so time alone may let a job go past the head.
        self.send([Ticked()])

    @rule()
    def engine_is_killed_and_restarted(self) -> None:
        self.one, self.twin = Scheduler(self.machine), Scheduler(self.machine)
        rows = {number: known.row(self.now) for number, known in self.jobs.items()}
        begun = [
            row
            for number, row in rows.items()
            if not (self.jobs[number].array and row.state.waits) and row.state is not State.DONE
        ]
        begun = [self.with_edges(row) for row in begun]
        wholes = [self.row_of(number) for number in self.arrays]
        told = self.one.restore([*begun, *(row for row in wholes if row)], self.now)
        alone = [replace(row, job=replace(row.job, array=None)) for row in rows.values()]
        alone = [self.with_edges(row, twin=True) for row in alone]
        twins = self.twin.restore([row for row in alone if row.state is not State.DONE], self.now)
        self.compare(told, twins)

    def row_of(self, number: int) -> Restored | None:
        """Return an array as a store and its tasks' rows say; None when it is DONE."""
        last, block = self.whole[number], self.arrays[number].tasks
        if last.state is State.DONE:
            return None
        tasks = [self.jobs[n] for n in self.tasks(number)]
        rows = [n for n in range(block.count) if block.first + n in self.recorded]
        following = next(n for n in range(block.count + 1) if n not in rows)
        return Restored(
            job=self.arrays[number],
            state=last.state,
            stop_reason=last.reason,
            progress=Progress(
                following,
                frozenset(n for n in rows if n > following),
                Counter(tasks[n].result for n in rows if tasks[n].result),
            ),
            started_at=self.began_at(tasks),
        )

    def told(self, edges: tuple[Edge, ...], twin: bool = False) -> tuple[Edge, ...]:
        """Return edges as a door tells them: on tasks by their array, with results there are."""
        return tuple(self.edge(edge.on, twin) for edge in edges)

    def edge(self, on: Dependency, twin: bool) -> Edge:
        """Return one of them; of a task without a row its array's result is told."""
        parent = self.jobs[on.job]
        if twin or parent.array is None:
            return Edge(on, parent.result)
        number, index = parent.array, on.job - self.arrays[parent.array].tasks.first
        result = self.recorded[on.job] if on.job in self.recorded else self.whole[number].result
        return Edge(Dependency(on.kind, number, index), result, on.job)

    def with_edges(self, row: Restored, twin: bool = False) -> Restored:
        """Return a row with what a restarted engine finds of its parents."""
        edges = self.told(row.job.dependencies, twin)
        return replace(row, job=replace(row.job, dependencies=edges))

    @staticmethod
    def began_at(tasks: list[Known]) -> float | None:
        """Return when the first of these tasks began."""
        return min([min(known.times.values()) for known in tasks if known.times], default=None)

    # ---------------------------------------------------------------------------- what must hold

    @invariant()
    def both_stand_alike(self) -> None:
        self.one.check(self.now)
        assert self.one.allocations() == self.twin.allocations()
        for number in self.numbers(lambda one: one.array is None):
            known = self.jobs[number]
            if known.state is State.DONE:
                assert self.recorded[number] is known.result
            else:
                assert self.one.state_of(number) is known.state
        for number in self.arrays:
            tasks = [self.jobs[n] for n in self.tasks(number)]
            last, counts = self.whole[number], self.one.tasks_of(number)
            done = all(known.state is State.DONE for known in tasks)
            assert (last.state is State.DONE) == done
            if done:
                good = all(known.result is Result.COMPLETED for known in tasks)
                assert (last.result is Result.COMPLETED) == good
                counts = last.tasks
            assert counts.pending == sum(known.state.waits for known in tasks)
            assert counts.running == sum(known.state.holds_allocation for known in tasks)
            assert counts.completed == sum(known.result is Result.COMPLETED for known in tasks)

    # ---------------------------------------------------------------------------------- the ways

    def send(self, events: list[Event], twins: list[Event] | None = None) -> None:
        """Send to both, and see that they do the same."""
        told = self.one.handle_all(events, self.now)
        self.compare(told, self.twin.handle_all(events if twins is None else twins, self.now))

    def compare(self, told: list[Action], twins: list[Action]) -> None:
        """Believe the records; starts, stops and times to wake must be the same."""
        for record in (action for action in twins if isinstance(action, Record)):
            known = self.jobs[record.job_id]
            known.state, known.result = record.state, record.result
            if record.state is not State.PENDING or known.times:
                known.last = record
            if record.state.holds_allocation:
                known.times[record.state] = record.at
        for record in (action for action in told if isinstance(action, Record)):
            if record.job_id in self.arrays:
                self.whole[record.job_id] = record
            else:
                self.recorded[record.job_id] = record.result
                assert self.jobs[record.job_id].state in {record.state, State.STARTING, State.DONE}
        for kind in (Start, Stop, Suspend, Resume, WakeAt):
            mine, others = ([a for a in some if isinstance(a, kind)] for some in (told, twins))
            assert sorted(mine, key=repr) == sorted(others, key=repr)
        self.wake_at = next((action.at for action in told if isinstance(action, WakeAt)), None)

    def tasks(self, number: int) -> list[int]:
        """Return the numbers of an array's tasks."""
        block = self.arrays[number].tasks
        return [*range(block.first, block.first + block.count)]

    def open_arrays(self) -> list[int]:
        """Return the arrays of which a task waits."""
        return [n for n in self.arrays if any(self.jobs[t].state.waits for t in self.tasks(n))]

    def numbers(self, which) -> list[int]:
        """Return such jobs."""
        return [number for number, known in self.jobs.items() if which(known)]

    def draw(self, data, which) -> int:
        """Draw one of such jobs."""
        return data.draw(st.sampled_from(self.numbers(which)))


TestArraysAndTheirTwins = ArraysAndTheirTwins.TestCase
_LONG = os.environ.get("HPCC_HYPOTHESIS") == "long"
TestArraysAndTheirTwins.settings = settings(
    derandomize=not _LONG,
    max_examples=2_000 if _LONG else 200,
    stateful_step_count=50 if _LONG else 30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
