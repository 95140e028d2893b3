"""What an image says of itself, told by Apptainer's own shell: nothing need be in the image."""

from __future__ import annotations

import re

from .order import ImageFacts

#: Programs a script may ask for, and those named to a person when there is no Python.
_PROGRAMS = (
    *("python3", "python", "sh", "bash", "zsh", "dash", "perl", "ruby", "node", "julia"),
    *("R", "Rscript", "octave", "lua", "tclsh", "php"),
)
_RUNSCRIPT = "/.singularity.d/runscript"
#: Where a conversion from Docker's format puts the image's ENV.
_DOCKER_ENV = "/.singularity.d/env/10-docker2singularity.sh"
#: Sourced by the interpreter inside Apptainer that sets a container's environment
#: (internal/pkg/util/shell/interpreter): builtins and redirections only, no program is executed.
LOOK_SCRIPT = f"""
echo @@programs
for hpcc in {" ".join(_PROGRAMS)}; do command -v "$hpcc"; done
echo @@env
getallenv
for hpcc_file in /etc/passwd /etc/group {_RUNSCRIPT} {_DOCKER_ENV}; do
    echo "@@$hpcc_file"
    if test -f "$hpcc_file"; then
        while IFS= read -r hpcc; do printf '%s\\n' "$hpcc"; done <"$hpcc_file"
    fi
done
echo @@end
"""
#: Where the script is shown in the container: after the image's own environment scripts.
LOOK_TARGET = "/.singularity.d/env/zz-hpcc-look.sh"
#: What is executed after it: nothing of that name exists, so nothing is.
LOOK_COMMAND = "/.singularity.d/hpcc-nothing"

_RUNTIME_VARIABLES = re.compile(
    r"(APPTAINER|SINGULARITY|APPTAINERENV|SINGULARITYENV)_.*|HOME|PATH|PS1|PWD|LD_LIBRARY_PATH"
    r"|PROMPT_COMMAND|hpcc.*"
)
_OCI = re.compile(r"^OCI_(ENTRYPOINT|CMD)='(.*)'$", re.MULTILINE)
_EXPORT = re.compile(r'^export (\w+)="\$\{\1:-"(.*)"\}"$', re.MULTILINE)
_NO_RUNSCRIPT = "There is no runscript defined for this container"


def read_look(text: str, path: str) -> ImageFacts | None:
    """Return what the script told of the image at ``path``; None when it did not get to its end."""
    parts = dict(re.findall(r"^@@(.+)\n((?:(?!@@).*\n)*)", text, re.MULTILINE))
    if "end" not in parts:
        return None
    entrypoint, cmd = _runscript(parts[_RUNSCRIPT])
    return ImageFacts(
        reference=path,
        path=path,
        env=tuple(f"{name}={value}" for name, value in _variables(parts).items()),
        entrypoint=entrypoint,
        cmd=cmd,
        passwd=parts["/etc/passwd"],
        group=parts["/etc/group"],
        programs={found.rsplit("/", 1)[-1]: found for found in parts["programs"].split()},
    )


def _variables(parts: dict[str, str]) -> dict[str, str]:
    """Return the image's own variables, those of a Docker image as Docker has them.

    ``getallenv`` writes a newline in a value as ``\\u000A``. A conversion escapes quotes and
    dollars twice but a shell undoes it once, so a value with them would arrive mangled.
    """
    lines = (line.partition("=") for line in parts["env"].splitlines())
    shown = {
        name: value.replace("\\u000A", "\n")
        for name, found, value in lines
        if found and not _RUNTIME_VARIABLES.fullmatch(name)
    }
    docker = {
        name: _unescaped(_unescaped(value)) for name, value in _EXPORT.findall(parts[_DOCKER_ENV])
    }
    return {**shown, **docker}


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _runscript(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Entrypoint and cmd: what Docker's image had, else the runscript itself when it does anything.

    Only whether they are empty matters: ``run`` executes the image's own.
    """
    if not text or _NO_RUNSCRIPT in text:
        return (), ()
    docker = dict(_OCI.findall(text))
    if docker:
        return _words(docker.get("ENTRYPOINT", "")), _words(docker.get("CMD", ""))
    return (_RUNSCRIPT,), ()


def _words(quoted: str) -> tuple[str, ...]:
    return tuple(re.findall(r'"((?:[^"\\]|\\.)*)"', quoted)) or tuple(quoted.split())
