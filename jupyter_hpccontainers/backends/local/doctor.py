"""Checks with cures: what is missing on this machine, and how to have it."""

from __future__ import annotations

from typing import Any

from ...machine.disk import file_system, free_bytes, on_network
from ...model.job import RuntimeChoice
from ...model.machine import Enforcement
from ...model.quantities import format_memory
from .rooms import Rooms

_ENFORCED = "enforced"


def examine(rooms: Rooms) -> list[dict[str, Any]]:
    """Return every check; blocks for as long as silent daemons are waited for."""
    return [*_runtimes(rooms), _machine(rooms), _gpus(rooms), *_state(rooms), *_rules(rooms)]


def _runtimes(rooms: Rooms) -> list[dict[str, Any]]:
    checks = []
    found = {present.choice: present for present in rooms.runtimes.present()}
    missing = rooms.runtimes.missing()
    for choice in rooms.config.runtimes:
        present = found.get(choice)
        if present is None:
            error = missing[choice]
            # One runtime is enough; only where none is there something is wrong.
            checks.append(_check(choice, bool(found), error.message, error.cure))
            continue
        checks.append(_check(choice, True, f"{present.name}, {present.where}", ""))
        checks.append(_limits(choice, present.enforcement))
        checks += [
            _check(f"{choice} daemon", False, warning, _daemon_cure(warning))
            for warning in present.warnings
        ]
    return checks


def _limits(choice: RuntimeChoice, limits: Enforcement) -> dict[str, Any]:
    kept = limits.cores == _ENFORCED and limits.memory == _ENFORCED
    cure = (
        "run under Docker, or give this user's session cgroup rights "
        "(systemd: Delegate=cpuset memory pids)"
    )
    found = f"cores {limits.cores}, memory {limits.memory}, GPUs {limits.gpus}"
    return _check(f"{choice} limits", kept, found, "" if kept else cure)


def _daemon_cure(warning: str) -> str:
    if "live-restore" in warning:
        return 'set "live-restore": true in the daemon\'s daemon.json'
    return "enable the controller on the kernel's command line (cgroup_enable=memory swapaccount=1)"


def _machine(rooms: Rooms) -> dict[str, Any]:
    machine = rooms.machine
    limits = f" (limited by {', '.join(machine.limited_by)})" if machine.limited_by else ""
    return _check(
        "machine",
        True,
        f"{len(machine.cores)} cores, {format_memory(machine.memory_bytes)} for jobs{limits}",
        "",
    )


def _gpus(rooms: Rooms) -> dict[str, Any]:
    if rooms.machine.gpus:
        names = ", ".join(f"{gpu.number}: {gpu.name}" for gpu in rooms.machine.gpus)
        return _check("GPUs", True, names, "")
    return _check(
        "GPUs",
        True,
        "none (no NVIDIA driver answers)",
        "if there is one: install its driver and nvidia-ml-py, or declare Engine.gpus",
    )


def _state(rooms: Rooms) -> list[dict[str, Any]]:
    folder = rooms.config.state_folder
    free, least = free_bytes(folder), rooms.config.min_free_bytes
    checks = [
        _check(
            "disk",
            free > least,
            f"{format_memory(free)} free in {folder}; finished jobs kept "
            f"{rooms.config.keep_days:g} days and {rooms.config.keep_gb:g} GB",
            "" if free > least else "make room: new jobs are refused until there is",
        )
    ]
    if on_network(folder):
        checks.append(
            _check(
                "state folder",
                False,
                f"{folder} is on a network file system ({file_system(folder)})",
                "set Engine.state_dir to a local disk",
            )
        )
    damage = rooms.ledger.damage
    if damage is not None:
        checks.append(_check("database", False, str(damage), "show the moved file to an expert"))
    return checks


def _rules(rooms: Rooms) -> list[dict[str, Any]]:
    failures = rooms.rules.failures
    cure = "mend it and stop the engine: the next one loads it anew; until then nothing is accepted"
    return [
        _check("site rule", name not in failures, f"{name} {failures.get(name, '')}".strip(), cure)
        for name in rooms.rules.names
    ]


def _check(name: str, ok: bool, found: str, cure: str) -> dict[str, Any]:
    return {"name": str(name), "ok": ok, "found": found, "cure": cure}
