"""The options of a submission, declared once for every door that has a command line."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..model.errors import InvalidSpec
from ..model.job import Network, Priority, RuntimeChoice

_DATA = (
    "workdir", "name", "description", "runtime", "network", "priority", "memory", "time_limit",
    "begin", "project", "labels", "tokens", "signal",
)  # fmt: skip
_FLAGS = ("tty", "writable", "merge_stderr", "keep_entrypoint", "as_root", "hold")


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """Declare the image and everything that can be asked for."""
    _add_what(parser)
    _add_when(parser)
    _add_how_often(parser)
    _add_container(parser)


def _add_what(parser: argparse.ArgumentParser) -> None:
    """Image, amounts, what the job is called and what it sees."""
    add = parser.add_argument
    # Optional for argparse, so that an option it does not know is what it complains of first.
    add("image", nargs="?", help="image name, docker://… reference or path of a .sif file")
    add("-c", "--cores", type=int, metavar="N", help="logical CPUs (1)")
    add("-m", "--memory", metavar="SIZE", help="e.g. 500m or 4g (in proportion to the cores)")
    add("-g", "--gpus", type=int, metavar="N", help="whole GPUs (0)")
    add("-t", "--time", dest="time_limit", metavar="TIME", help="limit: 90 (min), 1:30:00, 1h30m")
    add("-n", "--name", help="a name for lists")
    add("--description", metavar="TEXT", help="a note kept with the job")
    add("--tag", action="append", dest="tags", metavar="TAG", help="may be given several times")
    add("-e", "--env", action="append", metavar="NAME[=VALUE]", help="set, or pass on, a variable")
    add("--env-file", metavar="FILE", help="NAME=VALUE lines; keeps secrets out of the command")
    add(
        "-v",
        "--mount",
        action="append",
        dest="mounts",
        metavar="PATH[:TARGET[:ro]]",
        help="show a folder or file of this machine to the job",
    )
    add("-w", "--workdir", metavar="PATH", help="working folder (this one), mounted read-write")


def _add_when(parser: argparse.ArgumentParser) -> None:
    """Before whom, not before when, after what, and what it counts against."""
    add = parser.add_argument
    add("--priority", choices=[priority.value for priority in Priority], help="(normal)")
    add("--begin", metavar="TIME", help="start not before: 2026-05-01T20:00, or +30m from now")
    add("--hold", action="store_true", help="keep it back until it is released")
    add(
        "--dependency",
        action="append",
        dest="dependencies",
        metavar="KIND:JOB[:JOB]",
        help="wait for jobs: afterok, afterany, afternotok or afterarray, e.g. afterok:12:13_7",
    )
    add("--after", action="append", metavar="JOB", help="short for afterok:JOB")
    add("--project", metavar="NAME", help="what it counts for, where projects have limits")
    add(
        "--token",
        action="append",
        dest="tokens",
        metavar="NAME[=N]",
        help="a licence or the like; waits while all are in use",
    )
    add("--require", action="append", dest="labels", metavar="LABEL", help="what the machine is")


def _add_how_often(parser: argparse.ArgumentParser) -> None:
    """As how many tasks, and again after which end."""
    add = parser.add_argument
    add("--array", metavar="LIST[%N]", help="tasks, e.g. 1-1000:2%%8: at most 8 at once")
    add(
        "--array-file",
        metavar="FILE",
        help="one task for each line, or text of a JSON list: HPCC_ARRAY_ITEM",
    )
    add("--retries", type=int, metavar="N", help="after a failure try again, at most N times (0)")
    add(
        "--retry-on",
        type=int,
        action="append",
        metavar="CODE",
        help="retry on this exit code only; may be given several times (any but 0)",
    )
    add(
        "--signal",
        metavar="NAME[@SECONDS]",
        help="given so long before the time limit (60 s), e.g. USR1@30, to write a checkpoint",
    )
    add("--no-requeue", action="store_true", help="end for good when it has to make way")


def _add_container(parser: argparse.ArgumentParser) -> None:
    """What runs it, and how its container is made."""
    add = parser.add_argument
    add("--runtime", choices=[choice.value for choice in RuntimeChoice], help="(auto)")
    add("--network", choices=[network.value for network in Network], help="(the site's default)")
    add("--tty", action="store_true", help="give it a terminal (merges stderr into stdout)")
    add("--writable", action="store_true", help="a throw-away writable layer over the image")
    add("--merge-stderr", action="store_true", help="one pipe: exact order of both streams")
    add("--keep-entrypoint", action="store_true", help="run a script through the ENTRYPOINT")
    add("--as-root", action="store_true", help="be root in the container, where allowed")


def add_change_options(parser: argparse.ArgumentParser) -> None:
    """Declare what can be changed of a job; the names are those of ``EngineClient.change``."""
    add = parser.add_argument
    add("-t", "--time", dest="time_limit", metavar="TIME", help="limit; also while it runs")
    add("--priority", choices=[priority.value for priority in Priority])
    add("-c", "--cores", type=int, metavar="N")
    add("-m", "--memory", metavar="SIZE")
    add("-g", "--gpus", type=int, metavar="N")
    add("--begin", metavar="TIME", help="2026-05-01T20:00, +30m from now, or now")


#: What ``add_change_options`` declares.
CHANGES = ("time_limit", "priority", "cores", "memory", "gpus", "begin")


def split_command(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words before ``--`` and those after it, which are the job's own."""
    if "--" not in words:
        return list(words), []
    cut = list(words).index("--")
    return list(words[:cut]), list(words[cut + 1 :])


def request_from(options: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the request that parsed options ask for, without command or script.

    Raises InvalidSpec when a variable or file that is named does not exist.
    """
    if options.image is None:
        raise InvalidSpec("no image is named", cure="name one, e.g. python:3.12", field="image")
    request: dict[str, Any] = {"image": options.image}
    request |= {key: getattr(options, key) for key in _DATA if getattr(options, key)}
    request |= {key: True for key in _FLAGS if getattr(options, key)}
    if options.no_requeue:
        request["requeue"] = False
    for key in ("cores", "gpus", "tags", "retries", "retry_on"):
        if getattr(options, key) is not None:
            request[key] = getattr(options, key)
    if options.dependencies or options.after:
        after = [f"afterok:{job}" for job in options.after or []]
        request["dependencies"] = [*(options.dependencies or []), *after]
    if options.array or options.array_file:
        request["array"] = _array(options.array or "", options.array_file)
    if options.mounts:
        request["mounts"] = options.mounts
    if env := variables(options.env or [], options.env_file, environ):
        request["env"] = env
    return seen_from_here(request)


def seen_from_here(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request with absolute paths; this is its working folder unless it names another.

    What is no text, or no list, is left for the engine to refuse.
    """
    seen = {**request, "workdir": request.get("workdir") or "."}
    for key, absolute in (("image", absolute_image), ("workdir", _absolute)):
        if isinstance(seen.get(key), str):
            seen[key] = absolute(seen[key])
    if isinstance(seen.get("mounts"), list):
        mounts = seen["mounts"]
        seen["mounts"] = [absolute_mount(one) if isinstance(one, str) else one for one in mounts]
    return seen


def _array(text: str, file: str | None) -> Any:
    if file is None:
        return text
    indexes, percent, most = text.partition("%")
    array: dict[str, Any] = {"items": _items(file)}
    if indexes:
        array["indexes"] = indexes
    # What is no number the engine refuses by name.
    return {**array, "max_running": int(most) if most.isdecimal() else most} if percent else array


def _items(file: str) -> list[str]:
    """Return the texts of a JSON list (a file named .json), else the lines of a file."""
    try:
        with open(os.path.expanduser(file), encoding="utf-8") as opened:
            return json.load(opened) if file.endswith(".json") else opened.read().splitlines()
    except (OSError, ValueError) as error:
        raise InvalidSpec(
            f"the file {file} cannot be read: {error}", cure="name a readable file", field="array"
        ) from None


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def absolute_image(image: str) -> str:
    """Return an image with the path of a file made absolute; names are left as they are."""
    if image.startswith(("./", "../", "~")) or (image.endswith(".sif") and ":" not in image):
        return _absolute(image)
    return image


def absolute_mount(mount: str) -> str:
    """Return a mount with its source as an absolute path, seen from this folder."""
    source, colon, rest = mount.partition(":")
    return f"{_absolute(source)}{colon}{rest}"


def variables(named: Sequence[str], file: str | None, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of ``--env`` and ``--env-file``; a bare NAME is passed on."""
    found = {}
    for item in [*_lines_of(file), *named]:
        name, equals, value = item.partition("=")
        if not equals and name not in environ:
            raise InvalidSpec(
                f"variable {name[:40]!r} is not set here", cure="write NAME=VALUE", field="env"
            )
        found[name] = value if equals else environ[name]
    return found


def _lines_of(file: str | None) -> list[str]:
    if file is None:
        return []
    try:
        with open(os.path.expanduser(file), encoding="utf-8") as lines:
            stripped = [line.strip() for line in lines]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSpec(
            f"the file {file} cannot be read: {error}", cure="name a readable file", field="env"
        ) from None
    return [line for line in stripped if line and not line.startswith("#")]
