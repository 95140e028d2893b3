"""The door: a spec is resolved and vetted whole, or refused whole, before anything is stored."""

from __future__ import annotations

import os
from dataclasses import replace

from ...machine.paths import PathRules, PathWish, vet_paths, vet_target
from ...model.errors import NotAllowed
from ...model.job import JobSpec, Mount, Network
from ...model.machine import Machine
from ...model.states import State
from ...runtimes.order import Person
from ...store.records import Ownership, Restart, Submission
from .config import LocalConfig
from .people import person_for
from .present import Present
from .runtimes import Runtimes


class Door:
    """Turns what a person asks into what the store keeps; every refusal is an HpccError."""

    def __init__(self, config: LocalConfig, machine: Machine, runtimes: Runtimes) -> None:
        self._config = config
        self._machine = machine
        self._runtimes = runtimes

    def person(self, spec: JobSpec) -> Person:
        """Return as whom such a job would run; raises NotAllowed."""
        return person_for(
            _workdir(spec),
            as_root=spec.as_root,
            run_as=self._config.run_as,
            allow_root=self._config.allow_root,
        )

    def vet(self, spec: JobSpec, key: str | None) -> Submission:
        """Return the submission of a spec with nothing left open; blocks for milliseconds."""
        workdir = _workdir(spec)
        reference, runtime = self._runtimes.choose(spec, workdir)
        person = self.person(spec)
        workdir, mounts = self._vet_paths(spec, reference.path, workdir, person)
        whole = replace(
            spec,
            workdir=workdir,
            mounts=mounts,
            network=self._network(spec, runtime),
            resources=replace(spec.resources, memory_bytes=self._memory_bytes(spec)),
        )
        owner = Ownership(uid=person.uid, gid=person.gid, groups=person.groups, user=person.name)
        # What is at hand needs no fetch: such a job may start with its submission.
        image = runtime.at_hand(reference, runtime.inside(person))
        return Submission(
            spec=whole,
            owner=owner,
            key=key,
            state=State.HELD if spec.hold else State.PENDING,
            runtime=runtime.choice,
            image_digest=image.digest if image else "",
            enforcement=runtime.enforcement if image else None,
            restart=Restart(
                workdir=workdir,
                image_reference=image.reference if image else "",
                image_path=image.path if image else "",
            ),
        )

    def _vet_paths(
        self, spec: JobSpec, image_path: str, workdir: str, person: Person
    ) -> tuple[str, tuple[Mount, ...]]:
        rules = PathRules(
            state_folder=str(self._config.state_folder), sockets=self._runtimes.sockets()
        )
        wishes = [PathWish(workdir, writable=False, field="workdir", folder_only=True)]
        wishes += [PathWish(mount.source, writable=not mount.read_only) for mount in spec.mounts]
        if image_path:
            wishes.append(PathWish(image_path, writable=False, field="image"))
        real, *sources = vet_paths(
            wishes, uid=person.uid, gid=person.gid, groups=person.groups, rules=rules
        )
        sources = sources[: len(spec.mounts)]
        targets = [vet_target(mount.target) for mount in spec.mounts]
        mounts = (
            Mount(source, target, mount.read_only)
            for mount, source, target in zip(spec.mounts, sources, targets, strict=True)
        )
        return real, tuple(mounts)

    def _network(self, spec: JobSpec, runtime: Present) -> Network:
        if spec.network is Network.DEFAULT:
            return runtime.network(self._config.default_network, default=True)
        asked = spec.network
        if asked not in self._config.networks:
            raise NotAllowed(
                f"network {asked} is not allowed here",
                cure=f"one of {', '.join(self._config.networks)}",
                field="network",
            )
        return runtime.network(asked)

    def _memory_bytes(self, spec: JobSpec) -> int:
        """Return what was asked, else memory in proportion to the cores.

        A quarter of the proportion stays free: what other programs use would otherwise keep the
        last core of a full machine waiting for memory.
        """
        if spec.resources.memory_bytes:
            return spec.resources.memory_bytes
        share = default_memory_per_core_bytes(self._machine) * spec.resources.cores
        # Whoever asks for too many cores is told of the cores alone.
        return min(share, self._machine.memory_bytes)


def _workdir(spec: JobSpec) -> str:
    return spec.workdir or os.path.expanduser("~")


def default_memory_per_core_bytes(machine: Machine) -> int:
    """Return what one core brings along when no memory is asked for."""
    return machine.memory_bytes * 3 // 4 // max(1, len(machine.cores))
