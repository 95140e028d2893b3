"""Random lives under limits: nobody over them, nobody kept waiting that no limit keeps waiting."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from limits_world import LimitedWorld
from scheduler_lab import job, machine
from test_scheduler_machine import ASKED, LIMITS, LivesOfAMachine, TestLivesOfAMachine

from jupyter_hpccontainers.model.errors import NeverFits
from jupyter_hpccontainers.scheduler import DrainChanged, Policy, Submitted

SOME = st.dictionaries(st.sampled_from(["cores", "jobs", "gpus"]), st.integers(1, 3), max_size=3)
TABLE = st.dictionaries(st.sampled_from(["ann", "bob", "*", "*"]), SOME, min_size=1, max_size=2)
#: Minutes after midnight, which is when these lives begin.
HOURS = st.sampled_from([((0, 1),), ((1, 2), (3, 5)), ((0, 4),)])
OFFSETS = st.sampled_from([(), ((0.0, 30.0),), ((0.0, -30.0), (100.0, 30.0))])
WHOSE = st.fixed_dictionaries(
    {
        "user": st.sampled_from(["ann", "bob", ""]),
        "project": st.sampled_from(["ann", "carbon", "", ""]),
        "tokens": st.sampled_from([(), (), (("matlab", 1),), (("matlab", 2), ("ansys", 1))]),
    }
)


class LivesUnderLimits(LivesOfAMachine):
    """The same lives on a machine that counts more than cores."""

    @initialize(
        cores=st.integers(2, 4), gpus=st.integers(0, 2), users=TABLE, projects=TABLE,
        headroom=st.sampled_from([0.0, 0.5, 0.5, 0.25]), hours=HOURS, offsets=OFFSETS,
    )  # fmt: skip
    def begin(self, cores, gpus, users, projects, headroom, hours, offsets) -> None:
        on = replace(machine(cores=cores, gpus=gpus), tokens={"matlab": 2, "ansys": 1})
        policy = Policy(
            user_limits=users,
            project_limits=projects,
            headroom=headroom,
            headroom_short_s=15.0,
            headroom_calendar=tuple(f"mon-sun 00:{a:02}-00:{b:02}" for a, b in hours),
            utc_offsets=offsets,
        )
        seconds = tuple((a * 60, b * 60) for a, b in hours)
        self.begin_in(LimitedWorld(on, policy=policy, hours=seconds))

    @rule(some=st.lists(st.tuples(ASKED, LIMITS, WHOSE), min_size=1, max_size=4))
    def submit_counted(self, some) -> None:
        self.submit_all(
            [{"asked": asked, "limit_s": limit_s, **whose} for asked, limit_s, whose in some]
        )

    @rule(drained=st.booleans())
    def drain(self, drained) -> None:
        self.world.drained = drained
        self.send(DrainChanged(drained))

    @rule(tokens=st.sampled_from([(("matlab", 3),), (("ansys", 1), ("maple", 1))]))
    def submit_more_tokens_than_there_are(self, tokens) -> None:
        one = job(len(self.world.jobs) + 1, tokens=tokens)
        assert self.is_refused(Submitted(one), NeverFits)

    @rule(label=st.just("ssd"))
    def submit_for_another_machine(self, label) -> None:
        one = job(len(self.world.jobs) + 1, labels=(label,))
        assert self.is_refused(Submitted(one), NeverFits)

    @invariant()
    @precondition(lambda self: hasattr(self, "world"))
    def nothing_is_over_its_limit(self) -> None:
        for counted, number in self.world.used().items():
            assert number <= self.world.limit(counted)


TestLivesUnderLimits = LivesUnderLimits.TestCase
TestLivesUnderLimits.settings = TestLivesOfAMachine.settings
del TestLivesOfAMachine
