"""Site rules in their process: whatever one does, its name is told and the next one is asked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from jupyter_hpccontainers.backends.local.config import LocalConfig
from jupyter_hpccontainers.backends.local.rules import Rules
from jupyter_hpccontainers.model.errors import NotAllowed, RuleFailed
from jupyter_hpccontainers.model.job import JobSpec
from jupyter_hpccontainers.model.rules import Submitter

ASKED = JobSpec(image="python:3.12")
ANN = Submitter(user="ann", uid=1001, groups=("students",))
SITE = """
import os, re, time
from dataclasses import replace
from jupyter_hpccontainers.model.rules import Amend, Refuse

def students(spec, submitter):
    print("printed by a rule")
    if "students" in submitter.groups and spec.resources.gpus > 2:
        return Refuse("students get at most 2 GPUs")

def two_cores(spec, submitter):
    return Amend(replace(spec, resources=replace(spec.resources, cores=2)), "pairs only")

def named(spec, submitter):
    cores = spec.resources.cores
    return Amend(replace(spec, name=f"{submitter.user}-{cores}"), "names tell whose")

def raises(spec, submitter):
    raise KeyError("no such thing")

def leaves(spec, submitter):
    raise SystemExit(3)

def hangs(spec, submitter):
    if spec.name == "hang":
        time.sleep(3600)

def hangs_in_c(spec, submitter):
    if spec.name == "hang":
        re.match("(a|a)*b", "a" * 60)

def dies(spec, submitter):
    if spec.name == "hang":
        os._exit(1)

def answers_yes(spec, submitter):
    return True

def makes_nonsense(spec, submitter):
    return Amend(replace(spec, resources=replace(spec.resources, cores=0)), "none needed")

number = 7
"""


@pytest.fixture
def config(tmp_path: Path) -> Any:
    (tmp_path / "site_rules.py").write_text(SITE)

    def with_rules(*names: str, timeout_s: float = 30.0) -> LocalConfig:
        return LocalConfig(
            state_folder=tmp_path,
            rules=tuple(f"site_rules.{name}" for name in names),
            rule_folders=(str(tmp_path),),
            rules_timeout_s=timeout_s,
        )

    return with_rules


def asked(config: LocalConfig, *specs: JobSpec) -> list[Any]:
    """Return what the rules make of each spec in turn: spec and notes, or the error."""

    async def ask() -> list[Any]:
        rules = Rules(config)
        try:
            return [
                (await asyncio.gather(rules.applied(spec, ANN), return_exceptions=True))[0]
                for spec in specs
            ]
        finally:
            await rules.close()

    return asyncio.run(ask())


def test_rules_amend_in_their_order_and_each_sees_what_those_before_made(config: Any) -> None:
    [(spec, notes)] = asked(config("students", "two_cores", "named"), ASKED)
    assert (spec.resources.cores, spec.name) == (2, "ann-2")
    assert notes == (
        "cores 1 → 2: pairs only (site rule site_rules.two_cores)",
        "name none → ann-2: names tell whose (site rule site_rules.named)",
    )


def test_a_refusal_is_in_the_rule_s_own_words(config: Any) -> None:
    greedy = JobSpec(image="a", resources=ASKED.resources.__class__(gpus=3))
    [error] = asked(config("students", "raises"), greedy)
    assert isinstance(error, NotAllowed)
    assert error.message == "students get at most 2 GPUs"
    assert error.details == {"rule": "site_rules.students"}


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("raises", "KeyError: 'no such thing'"),
        ("leaves", "SystemExit: 3"),
        ("answers_yes", "it answered bool, no Refuse or Amend"),
        ("makes_nonsense", "made a job that can't be accepted: cores 0 is out of range"),
        ("missing", "can't be loaded: AttributeError"),
        ("number", "can't be loaded: TypeError: it is no function"),
    ],
)
def test_a_rule_without_a_proper_answer_accepts_nothing(config: Any, rule: str, told: str) -> None:
    for error in asked(config("students", rule), ASKED, ASKED):
        assert isinstance(error, RuleFailed)
        assert f"site rule site_rules.{rule} failed" in error.message
        assert told in error.message


def test_a_module_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name, why in (("no_such.rule", "ModuleNotFoundError"), ("unknown", "no installed package")):
        [error] = asked(LocalConfig(state_folder=tmp_path, rules=(name,)), ASKED)
        assert isinstance(error, RuleFailed)
        assert name in error.message
        assert why in error.message


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("hangs", "gave no answer within 0.5 s"),
        ("hangs_in_c", "gave no answer within 0.5 s"),
        ("dies", "ended its process"),
    ],
)
def test_after_a_rule_that_hung_or_died_the_next_one_is_asked_anew(
    config: Any, rule: str, told: str
) -> None:
    limits = config(rule, "two_cores", timeout_s=0.5)
    error, [spec, _] = asked(limits, JobSpec(image="a", name="hang"), ASKED)
    assert isinstance(error, RuleFailed)
    assert told in error.message
    assert f"site_rules.{rule}" in error.message
    assert spec.resources.cores == 2
