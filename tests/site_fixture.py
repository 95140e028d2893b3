"""A site with submission rules beside its configuration, for the tests of every door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine_fixture import IsolatedEngine

_RULES = """
import time
from dataclasses import replace
from jupyter_hpccontainers.model.rules import Amend, Refuse

def students(spec, submitter):
    if submitter.uid and spec.resources.gpus > 2:
        return Refuse("students get at most 2 GPUs")

def one_core(spec, submitter):
    if spec.resources.cores > 1:
        return Amend(replace(spec, resources=replace(spec.resources, cores=1)), "one core each")

def moody(spec, submitter):
    if spec.name == "hang":
        time.sleep(3600)
"""
#: What the rules say of three GPUs, and of two cores.
REFUSAL = "students get at most 2 GPUs"
WHOSE = "rule site_rules.students of this site refuses it"
NOTE = "cores 2 → 1: one core each (site rule site_rules.one_core)"


def site_engine(
    make: Callable[..., IsolatedEngine], docker_socket: str, **traits: Any
) -> IsolatedEngine:
    """Return an engine of two cores and four GPUs at that site, which is not started yet."""
    engine = make(
        start=False,
        docker_host=f"unix://{docker_socket}",
        cores=[0, 1],
        memory="1g",
        gpus=4,
        rules=[f"site_rules.{name}" for name in ("students", "one_core", "moody")],
        rules_timeout=2.0,
        **traits,
    )
    (engine.folder / "config/site_rules.py").write_text(_RULES)
    return engine
