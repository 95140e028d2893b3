"""Chooses which cores and GPUs a job gets, out of those that are free.

Any free core and GPU will do for the decision *whether* a job starts, so a job that fits by amounts
can always be placed. Which ones is a matter of speed: all on one NUMA node where possible, cores on
the node of the GPUs, and both hyperthreads of a core to the same job, so that a job asking for an
odd number breaks one core only, a broken one first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from ..model.machine import Core, Gpu, Machine
from ..model.resources import Allocation, Resources


def place(
    machine: Machine, asked: Resources, free_cores: Collection[int], free_gpus: Collection[int]
) -> Allocation | None:
    """Return what to give for ``asked``, numbers ascending; None when too few are free."""
    cores = [core for core in machine.cores if core.number in free_cores]
    gpus = [gpu for gpu in machine.gpus if gpu.number in free_gpus]
    if len(cores) < asked.cores or len(gpus) < asked.gpus:
        return None
    order = _node_order(asked, cores, gpus)
    given_gpus = _gpus(asked.gpus, gpus, order)
    near = [node for node in order if node in {gpu.numa_node for gpu in given_gpus}]
    nodes = near + [node for node in order if node not in near]
    return Allocation(
        tuple(sorted(_cores(asked.cores, cores, nodes, machine.cores))),
        asked.memory_bytes,
        tuple(sorted(gpu.number for gpu in given_gpus)),
    )


def is_plain(machine: Machine) -> bool:
    """Whether any free core is as good as any other: one NUMA node, no hyperthreads."""
    nodes = {core.numa_node for core in machine.cores} | {gpu.numa_node for gpu in machine.gpus}
    groups = {core.sibling_group for core in machine.cores}
    return len(nodes) <= 1 and len(groups) == len(machine.cores)


def place_plain(
    asked: Resources, free_cores: Sequence[int], free_gpus: Sequence[int]
) -> Allocation:
    """Return the same as ``place`` on a plain machine, which is much faster; enough are free.

    Free numbers are given ascending.
    """
    cores, gpus = free_cores[: asked.cores], free_gpus[: asked.gpus]
    return Allocation(tuple(cores), asked.memory_bytes, tuple(gpus))


def _node_order(asked: Resources, cores: Sequence[Core], gpus: Sequence[Gpu]) -> list[int]:
    """Nodes best first: holding all of it, then its GPUs, then its cores; the tightest of equals.

    Where no node holds enough, the one with most free goes first, so that fewest are spanned.
    """
    core_count = _count(core.numa_node for core in cores)
    gpu_count = _count(gpu.numa_node for gpu in gpus)

    def badness(node: int) -> tuple[int, int, int, int]:
        spare_gpus = gpu_count[node] - asked.gpus
        spare_cores = core_count[node] - asked.cores
        return (
            2 * (spare_gpus < 0) + (spare_cores < 0),
            abs(spare_gpus),
            abs(spare_cores),
            node,
        )

    return sorted({*core_count, *gpu_count}, key=badness)


def _gpus(count: int, free: Sequence[Gpu], nodes: Sequence[int]) -> list[Gpu]:
    by_node = sorted(free, key=lambda gpu: (nodes.index(gpu.numa_node), gpu.number))
    return by_node[:count]


def _cores(
    count: int, free: Sequence[Core], nodes: Sequence[int], every: Sequence[Core]
) -> list[int]:
    given: list[int] = []
    for node in nodes:
        wanted = count - len(given)
        given += _cores_of_node(wanted, [c for c in free if c.numa_node == node], every)
    return given


def _cores_of_node(count: int, free: Sequence[Core], every: Sequence[Core]) -> list[int]:
    """Take whole cores while they fit, then the smallest remainder that still serves."""
    whole_size = _count(core.sibling_group for core in every)
    groups: dict[int, list[int]] = defaultdict(list)
    for core in sorted(free, key=lambda core: core.number):
        groups[core.sibling_group].append(core.number)
    broken = [group for key, group in groups.items() if len(group) < whole_size[key]]
    intact = [group for key, group in groups.items() if len(group) == whole_size[key]]
    given: list[int] = []
    for group in intact:
        if len(given) + len(group) <= count:
            given += group
    rest = [group for group in intact if not set(group) <= set(given)]
    left_over = [number for group in (*broken, *rest) for number in group]
    return given + left_over[: count - len(given)]


def _count(items: Iterable[int]) -> dict[int, int]:
    counts: dict[int, int] = defaultdict(int)
    for item in items:
        counts[item] += 1
    return counts
