"""The one place where a job becomes an Apptainer command line and its environment.

Options and their meaning: apptainer-exec(1) of Apptainer 1.x; SingularityCE 3.9 and later have
the same. All of a job's values travel in ``APPTAINERENV_…`` variables, so that none is in argv.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..model.errors import RuntimeUnavailable
from ..model.job import Mount, Network
from .order import RunOrder
from .world import environment, mounts, script_argv

#: Where Apptainer itself finds what it calls; the container has the image's own PATH.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Set by options, or by the image's own scripts, never as variables.
_NOT_AS_VARIABLES = {"HOME", "PATH"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApptainerFlavour:
    """What the Apptainer (or Singularity) of this machine is and can do for a job's person.

    ``user_namespace``: it needs ``--userns``, plain ``exec`` does not work here.
    ``network_none``: ``--net --network none`` works for the person.
    """

    program: str
    version: str
    user_namespace: bool = False
    network_none: bool = True

    @property
    def singularity(self) -> bool:
        """Whether it is SingularityCE or an older Singularity, which names variables its way."""
        return "singularity" in self.version.lower()


@dataclass(frozen=True, slots=True)
class ApptainerCommand:
    """What to execute, and with exactly which environment."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]


def apptainer_command(order: RunOrder, flavour: ApptainerFlavour) -> ApptainerCommand:
    """Return the command line and environment of a job.

    Raises InvalidSpec when the image has no interpreter for a script, RuntimeUnavailable when
    the network asked for cannot be had from this Apptainer.
    """
    verb, program = _program(order)
    argv = (
        *(flavour.program, "--silent", verb),
        *(["--userns"] if flavour.user_namespace else []),
        *("--pid", "--containall", "--no-eval"),
        *("--home", f"{order.home}:{order.home}", "--pwd", order.workdir),
        *(part for mount in mounts(order) for part in ("--mount", _mount(mount))),
        *_network(order.network, flavour),
        *(["--nv"] if order.allocation.gpus else []),
        *(["--writable-tmpfs"] if order.spec.writable else []),
        *(["--fakeroot"] if order.spec.as_root else []),
        *(order.image.path, *program),
    )
    return ApptainerCommand(argv, _environment(order, flavour))


def _program(order: RunOrder) -> tuple[str, tuple[str, ...]]:
    """``run`` keeps what the image does by itself, ``exec`` replaces it."""
    if order.spec.script is not None:
        return ("run" if order.spec.keep_entrypoint else "exec"), script_argv(order)
    if order.spec.command and not order.image.entrypoint:
        return "exec", order.spec.command
    return "run", order.spec.command


def _mount(mount: Mount) -> str:
    """One ``--mount``: comma-separated values (RFC 4180), so that any path can be written."""
    fields = ["type=bind", f"source={mount.source}", f"destination={mount.target}"]
    return ",".join([_quoted(field) for field in fields] + (["ro"] if mount.read_only else []))


def _quoted(field: str) -> str:
    if any(character in field for character in ',"\n\r'):
        return '"' + field.replace('"', '""') + '"'
    return field


def _network(network: Network, flavour: ApptainerFlavour) -> tuple[str, ...]:
    """Nothing but loopback, or the host's own network: Apptainer has no bridge without root."""
    if network is not Network.NONE:
        return ()
    if not flavour.network_none:
        raise RuntimeUnavailable(
            "this Apptainer cannot start a job without network here",
            cure="ask for network host, or run the job with Docker",
        )
    return ("--net", "--network", "none")


def _environment(order: RunOrder, flavour: ApptainerFlavour) -> dict[str, str]:
    """The container's variables under Apptainer's prefix; its own few without.

    The image's ENV is passed too: ``--containall`` sets LANG=C, which the image's own script
    would not overwrite.
    """
    image = dict(pair.split("=", 1) for pair in order.image.env if "=" in pair)
    inside = {**image, **environment(order)}
    prefix = "SINGULARITYENV_" if flavour.singularity else "APPTAINERENV_"
    return {
        "PATH": _PATH,
        "HOME": order.home,
        "TMPDIR": order.tmp,
        **{prefix + k: v for k, v in inside.items() if k not in _NOT_AS_VARIABLES},
    }
