"""The supervisor's first and last acts: the lock, the order, the exit file."""

from __future__ import annotations

import fcntl
import os
import sys

from .. import folder as names
from ..light import from_json, to_json
from ..processes import boot_id, process
from .exit_file import Ending, Failure, Report
from .output_file import OutputFile
from .signals import Requests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main(folder: str, lock: int) -> int:
    """Run the attempt in ``folder``; ``lock`` is the descriptor of the flock taken for us.

    Returns 0 when the exit file is written, 1 when there was one, 2 when someone else holds it.
    """
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 2
    # What we start must not hold our flock: it says that we live.
    os.set_inheritable(lock, False)
    if os.path.exists(f"{folder}/{names.EXIT}"):
        return 1
    _sign(lock)
    requests = Requests(folder)
    report = Report(folder)
    output = OutputFile(folder)
    ending = _run(folder, output, report, requests)
    if output.lost_bytes:
        ending.warnings.append(
            f"the log ends at byte {output.size}: the disk was full, {output.lost_bytes} bytes lost"
        )
    report.ended(ending)
    return 0


def _run(folder: str, output: OutputFile, report: Report, requests: Requests) -> Ending:
    try:
        report.reserve()
        with open(f"{folder}/{names.ORDER}", "rb") as file:
            order: dict[str, Any] = from_json(file.read())
        # Each runtime's code is loaded only where it is used: memory per job.
        if order["runtime"] == "apptainer":
            from .apptainer_run import run_apptainer  # noqa: PLC0415

            return run_apptainer(order, folder, output, report, requests)
        from .docker_run import run_docker  # noqa: PLC0415

        return run_docker(order, output, report, requests)
    except Failure as failure:
        return Ending(failure.exit_code, failure)
    except Exception as error:
        sys.excepthook(*sys.exc_info())
        return Ending(None, Failure("StartFailed", f"the supervisor failed: {error!r}"))


def _sign(lock: int) -> None:
    own = process(os.getpid())
    ticks = own.start_ticks if own is not None else 0
    holder = {"pid": os.getpid(), "start_ticks": ticks, "boot_id": boot_id()}
    os.pwrite(lock, to_json(holder), 0)
