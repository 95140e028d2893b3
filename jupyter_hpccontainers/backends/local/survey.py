"""What a form shows: the machine with what is given and used by others, and what may be asked."""

from __future__ import annotations

from typing import Any

from ...model.job import Priority
from ...model.wire import encode
from .door import default_memory_per_core_bytes
from .rooms import Rooms


def machine_use(rooms: Rooms) -> dict[str, Any]:
    """Return MachineUse: the sum of what running jobs hold, exactly, beside the whole."""
    used = rooms.scheduler.used()
    return {
        "machine": encode(rooms.machine),
        "used": encode(used.amounts),
        "used_cores": list(used.cores),
        "used_gpus": list(used.gpus),
        "drained": rooms.scheduler.drained,
        "others": encode(rooms.scheduler.others),
        "enforcement": {
            found.choice.value: encode(found.enforcement) for found in rooms.runtimes.present()
        },
        "runtimes": {found.choice.value: found.name for found in rooms.runtimes.present()},
    }


def form_config(rooms: Rooms) -> dict[str, Any]:
    """Return Config: runtimes that answer, the most one job may ask, networks, priorities."""
    return {
        "runtimes": [
            {
                "name": found.choice.value,
                "version": found.name,
                "suspends": found.suspends,
            }
            for found in rooms.runtimes.present()
        ],
        "max": encode(rooms.machine.amounts),
        "networks": [network.value for network in rooms.config.networks],
        "priorities": [priority.value for priority in Priority],
        "default_memory_per_core_bytes": default_memory_per_core_bytes(rooms.machine),
        "site": {
            "default_network": rooms.config.default_network.value,
            "grace_s": rooms.config.grace_s,
            "keep_days": rooms.config.keep_days,
            "keep_gb": rooms.config.keep_gb,
        },
    }
