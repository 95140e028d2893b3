"""The engine as a program: its configuration, its start and its end."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Any

from jupyter_core.application import JupyterApp
from traitlets import Bool, CaselessStrEnum, Dict, Float, Int, List, Unicode

from ..backends.local.config import LocalConfig
from ..backends.local.projects import parse_projects
from ..client.locate import make_folder, runtime_folder
from ..model.errors import HpccError
from ..model.job import Network, RuntimeChoice
from ..model.quantities import parse_memory
from ..model.wants import parse_tokens
from .folders import default_state_folder
from .policy import SchedulingPolicy
from .serve import serve

_NETWORKS = [network.value for network in Network if network is not Network.DEFAULT]
_RUNTIMES = [choice.value for choice in RuntimeChoice if choice is not RuntimeChoice.AUTO]


class Engine(JupyterApp):
    """Schedules and runs container jobs on this machine; one process per user."""

    name = "jupyter-hpccontainers-engine"
    description = "The hpccontainers engine: scheduler, store and supervisors of container jobs."
    config_file_name = Unicode("jupyter_hpccontainers_config").tag(config=True)

    state_dir = Unicode("", help="Folder of database, logs and job folders; '' chooses one.").tag(
        config=True
    )
    runtimes = List(
        CaselessStrEnum(_RUNTIMES),
        default_value=_RUNTIMES,
        help="Container runtimes that may be used, best first.",
    ).tag(config=True)
    docker_host = Unicode(
        "", help="Docker-compatible socket (unix:///…); '' looks at DOCKER_HOST and usual places."
    ).tag(config=True)
    image_folders = List(
        Unicode(), help="Folders whose .sif files are listed and found by name."
    ).tag(config=True)
    cores = List(
        Int(),
        allow_none=True,
        default_value=None,
        help="Numbers of the logical CPUs jobs may get; None: all this process may use.",
    ).tag(config=True)
    memory = Unicode("", help="Memory jobs may get together, e.g. 32g; '' measures it.").tag(
        config=True
    )
    gpus = Int(
        None, allow_none=True, help="Number of GPUs to declare; None asks the driver (NVML)."
    ).tag(config=True)
    tokens = Dict(
        help='Licences and other countable things, by name: {"matlab": 2}; never more are in use.'
    ).tag(config=True)
    labels = List(
        Unicode(), help='What this machine is, for jobs that require it: ["ssd", "gpu=a100"].'
    ).tag(config=True)
    default_network = CaselessStrEnum(
        _NETWORKS, default_value="bridge", help="Network of a job that names none."
    ).tag(config=True)
    networks = List(
        CaselessStrEnum(_NETWORKS), default_value=_NETWORKS, help="Networks a job may ask for."
    ).tag(config=True)
    grace = Float(10.0, min=0.0, help="Seconds between TERM and KILL.").tag(config=True)
    start_timeout = Float(120.0, min=1.0, help="Seconds a runtime may take to start a job.").tag(
        config=True
    )
    keep_days = Float(30.0, min=0.0, help="Days a finished job's folder and log are kept.").tag(
        config=True
    )
    keep_gb = Float(20.0, min=0.0, help="GB that finished jobs' folders and logs may hold.").tag(
        config=True
    )
    run_as = Unicode("", help="User whose jobs these are when root runs the engine.").tag(
        config=True
    )
    allow_root = Bool(False, help="Whether a job may ask to be root in its container.").tag(
        config=True
    )
    max_pending = Int(10_000, min=1, help="Most jobs that may wait at once.").tag(config=True)
    max_pending_per_user = Int(
        None,
        allow_none=True,
        min=1,
        help="Most jobs one person may have waiting or held, each task of an array counted; "
        "None: no such limit.",
    ).tag(config=True)
    projects = Dict(
        help="Projects and who may submit for them, users and @groups, and up to which class: "
        '{"carbon": {"members": ["ann", "@chemists"], "highest_priority": "normal"}}. The name '
        "'' stands for jobs without a project. Where none is configured, any may be named."
    ).tag(config=True)
    rules = List(
        Unicode(),
        help="Submission rules of the site, asked in this order: names of Python functions "
        '("site_rules.max_gpus", from a file beside this one or an installed package) or of '
        "entry points of jupyter_hpccontainers.rules. Each may refuse a job or amend it.",
    ).tag(config=True)
    rules_timeout = Float(
        5.0, min=0.1, help="Seconds a rule may take; then nothing is accepted, naming it."
    ).tag(config=True)
    idle_exit = Float(1800.0, min=1.0, help="Seconds without job and client until it ends.").tag(
        config=True
    )
    site_env = Dict(help="Environment every job gets: proxy variables, an extra CA.").tag(
        config=True
    )
    host_path_map = Dict(
        help="Paths here → paths on the Docker daemon's host, where the daemon lives elsewhere."
    ).tag(config=True)

    classes = [SchedulingPolicy]  # noqa: RUF012
    aliases = {"state-dir": "Engine.state_dir", "docker-host": "Engine.docker_host"}  # noqa: RUF012
    flags: dict[str, Any] = {}  # noqa: RUF012

    def start(self) -> None:
        """Run until stopped; a refusal is one line on stderr and exit status 2."""
        logging.basicConfig(
            level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
        )
        os.umask(0o077)  # the umask of the door that started us must not open what we write
        try:
            folder = runtime_folder(os.environ)
            make_folder(folder)
            asyncio.run(serve(self.local_config(), folder, self.idle_exit))
        except HpccError as error:
            print(f"hpccontainers engine: {error}", file=sys.stderr, flush=True)
            self.exit(2)

    def local_config(self) -> LocalConfig:
        """Return the traits as the backend's plain values; raises HpccError for a bad one."""
        state = Path(self.state_dir) if self.state_dir else default_state_folder(dict(os.environ))
        return LocalConfig(
            state_folder=state,
            runtimes=tuple(RuntimeChoice(name) for name in self.runtimes),
            docker_host=self.docker_host,
            image_folders=tuple(Path(folder).expanduser() for folder in self.image_folders),
            image_cache=state / "images",
            cores=tuple(self.cores) if self.cores is not None else None,
            memory_bytes=parse_memory(self.memory) if self.memory else None,
            gpus=self.gpus,
            tokens=parse_tokens(self.tokens),
            labels=tuple(self.labels),
            default_network=Network(self.default_network),
            networks=tuple(Network(name) for name in self.networks),
            grace_s=self.grace,
            start_timeout_s=self.start_timeout,
            keep_days=self.keep_days,
            keep_gb=self.keep_gb,
            run_as=self.run_as,
            allow_root=self.allow_root,
            max_pending=self.max_pending,
            max_pending_per_user=self.max_pending_per_user,
            projects=parse_projects(self.projects),
            rules=tuple(self.rules),
            rule_folders=tuple(self.config_file_paths),
            rules_timeout_s=self.rules_timeout,
            policy=SchedulingPolicy(parent=self).values(),
            site_env={str(k): str(v) for k, v in self.site_env.items()},
            host_paths={str(k): str(v) for k, v in self.host_path_map.items()},
        )
