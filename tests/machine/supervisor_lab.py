"""Small builders: a script becomes an attempt under a real supervisor, in either runtime."""

from __future__ import annotations

import os
import pwd
import secrets
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_hpccontainers.machine import cgroups
from jupyter_hpccontainers.machine.attempt import (
    Ask,
    Attempt,
    Exit,
    Standing,
    prepare,
    spawn,
    write_order,
)
from jupyter_hpccontainers.machine.log import Log
from jupyter_hpccontainers.machine.processes import all_processes
from jupyter_hpccontainers.model.job import JobSpec, Network
from jupyter_hpccontainers.model.resources import Allocation
from jupyter_hpccontainers.runtimes.apptainer import Apptainer
from jupyter_hpccontainers.runtimes.apptainer_command import apptainer_command
from jupyter_hpccontainers.runtimes.docker_config import docker_config, identity_files, mount_points
from jupyter_hpccontainers.runtimes.order import ImageFacts, Person, RunOrder
from jupyter_hpccontainers.runtimes.world import group_path, group_text, passwd_path, passwd_text

PYTHON = {"python3": "/usr/bin/python3", "sh": "/bin/sh"}
MEMORY = 256 * 2**20


def person() -> Person:
    """Who runs the jobs: ourselves, or under root an account of this machine that is not root."""
    if os.geteuid() != 0:
        return Person(uid=os.geteuid(), gid=os.getegid(), name=pwd.getpwuid(os.geteuid()).pw_name)
    account = next((a for a in pwd.getpwall() if 1000 <= a.pw_uid < 60000), None)
    account = account or pwd.getpwnam("nobody")
    return Person(uid=account.pw_uid, gid=account.pw_gid, name=account.pw_name)


@dataclass
class Running:
    """An attempt whose supervisor was spawned."""

    attempt: Attempt
    popen: subprocess.Popen[bytes]
    order: RunOrder

    def started(self) -> Running:
        """Wait until the program runs."""
        until(lambda: self.attempt.started() or self.attempt.exit(), "the start")
        return self

    def says(self, words: bytes) -> Running:
        """Wait until the words are in the log."""
        until(lambda: words in self.log.read(0, 2**20) or self.attempt.exit(), f"{words!r}")
        assert words in self.log.read(0, 2**20), self.attempt.exit()
        return self

    def ended(self) -> Exit:
        """Wait for the supervisor's end and return how the job ended."""
        assert self.popen.wait(60) == 0, self.own_words
        found = self.attempt.exit()
        assert found is not None
        assert self.attempt.standing() is Standing.ENDED
        return found

    def ask(self, what: Ask) -> Running:
        """Signal the supervisor."""
        assert self.attempt.ask(what)
        return self

    @property
    def log(self) -> Log:
        """The job's log."""
        return Log(self.attempt.folder)

    @property
    def out(self) -> bytes:
        """All of stdout."""
        return self.log.read(0, 2**30, 1)

    @property
    def err(self) -> bytes:
        """All of stderr."""
        return self.log.read(0, 2**30, 2)

    @property
    def own_words(self) -> str:
        """What the supervisor itself printed."""
        return (self.attempt.folder / "supervisor.log").read_text()


@dataclass
class Lab:
    """Runs jobs of one runtime in a folder of its own, and ends what a failed test left."""

    folder: Path
    place: str
    image: str
    engine: str = field(default_factory=lambda: secrets.token_hex(16))
    running: list[Running] = field(default_factory=list)

    @property
    def docker(self) -> bool:
        """Whether ``place`` is a Docker socket; else it is an Apptainer program."""
        return self.place.endswith(".sock")

    def run(self, script: str | None = None, *command: str, **changed: Any) -> Running:
        """Spawn a job; ``changed`` may name fields of the spec or of supervisor.json."""
        spawner = changed.pop("spawner", spawn)
        spec_fields = {k: changed.pop(k) for k in ("tty", "merge_stderr", "env") if k in changed}
        spec = JobSpec(image=self.image, script=script, command=command, **spec_fields)
        order = self.order(spec, changed.pop("cores", (0,)))
        attempt = prepare(
            self.folder / "jobs",
            order.job_id,
            1,
            uid=order.person.uid,
            gid=order.person.gid,
            script=script.encode() if script is not None else None,
            folders=mount_points(order),
            identity=(
                identity_files(order)
                if self.docker
                else {passwd_path(order): passwd_text(order), group_path(order): group_text(order)}
            ),
        )
        body = self._docker(order) if self.docker else self._apptainer(order)
        common = {"tty": spec.tty, "merge_stderr": spec.merge_stderr, "grace_s": 2}
        write_order(attempt, {**body, **common, "start_timeout_s": 60, **changed})
        started = Running(attempt, spawner(attempt), order)
        self.running.append(started)
        return started

    def order(self, spec: JobSpec, cores: tuple[int, ...]) -> RunOrder:
        """The order of the next job."""
        number = len(self.running) + 1
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        who = person()
        os.chown(work, who.uid, who.gid)
        return RunOrder(
            job_id=number,
            attempt=1,
            engine=self.engine,
            spec=spec,
            allocation=Allocation(cores, MEMORY),
            person=who,
            image=ImageFacts(reference=self.image, path=self.image, cmd=("sh",), programs=PYTHON),
            job_dir=str(self.folder / "jobs" / str(number) / "1" / "dir"),
            workdir=str(work),
            network=Network.NONE,
        )

    def close(self) -> None:
        """End every supervisor that still lives, by its process."""
        for one in self.running:
            if one.popen.poll() is None:
                one.popen.send_signal(Ask.KILL)
                one.popen.wait(30)

    def _docker(self, order: RunOrder) -> dict[str, Any]:
        return {
            "runtime": "docker",
            "socket": self.place,
            "name": order.name,
            "create": docker_config(order),
            "candidates": [],
        }

    def _apptainer(self, order: RunOrder) -> dict[str, Any]:
        flavour = Apptainer(self.place, "apptainer").flavour(order.person, self.image)
        command = apptainer_command(order, flavour)
        return {
            "runtime": "apptainer",
            "argv": command.argv,
            "environment": dict(command.environment),
            "cwd": "/",
            "uid": order.person.uid,
            "gid": order.person.gid,
            "groups": list(order.person.groups),
            "cores": list(order.allocation.cores),
            "memory_bytes": MEMORY,
            "pids_limit": 200,
            "cgroup": order.name if cgroups.rights() else None,
        }


def until(true: Callable[[], Any], what: str, limit_s: float = 60) -> None:
    """Wait for something that happens elsewhere; fail, naming it, when it does not."""
    give_up = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < give_up, f"{what} did not come within {limit_s} s"
        time.sleep(0.005)


def running_with(word: str) -> list[int]:
    """Return the living processes that have a word in their command line."""
    found = []
    for one in all_processes():
        try:
            line = Path(f"/proc/{one.pid}/cmdline").read_bytes()
        except OSError:
            continue
        if word.encode() in line and not one.dead:
            found.append(one.pid)
    return found
