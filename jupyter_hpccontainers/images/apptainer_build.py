"""One ``apptainer build`` as a subprocess of ours: progress as it comes, ended whole on request."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from .progress import ApptainerProgress, Progress

_MOST_LINE_BYTES = 4096
_KEPT_LINES = 40


class BuildFailed(Exception):
    """The program ended otherwise than with 0; the text is the end of what it said."""


class ApptainerBuild:
    """Writes the image of a URI (``docker://…``, ``oras://…``, ``docker-daemon:ID``) to a SIF.

    Its temporary files lie in ``folder``, which the caller removes; it runs in a session of its
    own, so that ``stop`` reaches mksquashfs too.
    """

    def __init__(
        self,
        program: str,
        uri: str,
        sif: Path,
        *,
        folder: Path,
        environ: Mapping[str, str],
        plain_http: bool = False,
        keep_open: tuple[int, ...] = (),
    ) -> None:
        options = ["--no-https"] if plain_http else []
        self._process = subprocess.Popen(
            [program, "--verbose", "build", *options, "--", str(sif), uri],
            env={**environ, "APPTAINER_TMPDIR": str(folder), "SINGULARITY_TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=keep_open,
        )

    def run(self, report: Callable[[Progress], None]) -> None:
        """Read to the end, reporting; raises BuildFailed."""
        reader, said = ApptainerProgress(), deque[str](maxlen=_KEPT_LINES)
        assert self._process.stdout is not None  # noqa: S101 -- asked for above, for the types
        with self._process.stdout as output:
            for line in _lines(output):
                said.append(line)
                progress = reader.take(line)
                if progress:
                    report(progress)
        if self._process.wait() != 0:
            raise BuildFailed("\n".join(said))

    def stop(self) -> None:
        """End the whole session at once; nothing half-built is of use."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _lines(output: IO[bytes]) -> Iterator[str]:
    """Lines as they come; mksquashfs draws its bar with carriage returns alone."""
    rest = b""
    while chunk := os.read(output.fileno(), 65_536):
        *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
        rest = rest[-_MOST_LINE_BYTES:]
        yield from (line.decode(errors="replace") for line in lines if line.strip())
    if rest.strip():
        yield rest.decode(errors="replace")
