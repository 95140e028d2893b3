"""One job under Apptainer, from its control group to its ending."""

from __future__ import annotations

import os
import select
import time

from .. import cgroups
from .apptainer_tree import ApptainerTree, adopt_orphans, reap
from .exit_file import Ending, Failure
from .launch import Streams, launch
from .signals import Stopping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .exit_file import Report
    from .output_file import OutputFile
    from .signals import Requests

_READ_BYTES = 2**20
#: How often to look whether the program runs. A start takes 60 to 150 ms, and a look 0.5 ms of
#: the same cores; output is read at once, whenever it comes.
_FIRST_LOOK_S, _LOOK_S, _LOOK_LATER_S, _LATER_S = 0.05, 0.02, 0.05, 1.0
_DRAIN_S = 2.0

#: Apptainer's last words when it could not start the program, always on its last line.
_REFUSAL = rb"(?:\x1b\[\d+m)?(?:FATAL|ERROR) *:(?:\x1b\[0m)? +(.*?)\s*\Z"
_CAUSES = (
    (r"executable file not found|exec .* failed", "CommandNotFound"),
    (r"could not open image|no such file or directory: .*\.sif", "ImageNotFound"),
    (r"(?i)network|\bcni\b", "NetworkUnavailable"),
)


def run_apptainer(
    order: dict[str, Any], folder: str, output: OutputFile, report: Report, requests: Requests
) -> Ending:
    """Run the order's argv to its end; raises Failure when the program could not be started."""
    cgroup = _cgroup(order)
    try:
        if requests.stop or requests.kill:
            raise Failure("StartFailed", "stopped before it was started")
        streams = Streams(tty=order["tty"], merge_stderr=order["merge_stderr"])
        leader = launch(order, folder, streams, cgroup)
        adopt_orphans()
        run = _Run(order, leader, streams, cgroup, output, report, requests)
        return run.to_the_end()
    finally:
        if cgroup is not None:
            cgroup.remove()


def _cgroup(order: dict[str, Any]) -> cgroups.JobCgroup | None:
    if order["cgroup"] is None:
        return None
    return cgroups.create(
        order["cgroup"],
        cores=order["cores"],
        memory_bytes=order["memory_bytes"],
        pids_limit=order["pids_limit"],
    )


class _Run:
    def __init__(
        self,
        order: dict[str, Any],
        leader: int,
        streams: Streams,
        cgroup: cgroups.JobCgroup | None,
        output: OutputFile,
        report: Report,
        requests: Requests,
    ) -> None:
        self._leader = leader
        self._tree = ApptainerTree(leader, cgroup)
        self._readers = streams.readers
        self._merged = order["merge_stderr"] or order["tty"]
        self._cgroup = cgroup
        self._output = output
        self._report = report
        self._requests = requests
        self._stopping = Stopping(requests, order["grace_s"], order.get("signal"))
        self._begun = time.monotonic()
        self._start_timeout_s: float = order["start_timeout_s"]
        self._late = False
        self._last_look = time.time()
        self._poll = select.poll()
        self._poll.register(requests.fileno(), select.POLLIN)
        for reader in self._readers:
            self._poll.register(reader, select.POLLIN)

    def to_the_end(self) -> Ending:
        """Read and wait until Apptainer has ended, then end the rest and read what is left."""
        status = None
        while status is None:
            self._turn()
            status = reap().get(self._leader)
        if self._stopping.killed:
            self._tree.wait_for_clear_up()
        self._tree.end_all()
        self._drain()
        return self._ending(os.waitstatus_to_exitcode(status))

    def _turn(self) -> None:
        waits = [w for w in (self._look(), self._stopping.step(self._tree)) if w is not None]
        events = self._poll.poll(min(waits) * 1000 if waits else None)
        for handle, _ in events:
            if handle in self._readers:
                self._read(handle)
            else:
                self._requests.drain()

    def _look(self) -> float | None:
        """Look whether the program runs; returns when to look again, None for never."""
        if self._report.started_at is not None:
            return None
        waited = time.monotonic() - self._begun
        if waited < _FIRST_LOOK_S:
            return _FIRST_LOOK_S - waited
        init = self._tree.find_init()
        if init:
            self._report.started("", init)
            return None
        self._last_look = time.time()
        if waited > self._start_timeout_s and not self._late:
            self._late = True
            self._stopping.kill_now()
        return _LOOK_S if waited < _LATER_S else _LOOK_LATER_S

    def _read(self, handle: int) -> bool:
        """Append what is there; False at the end of the stream."""
        try:
            data = os.read(handle, _READ_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            data = b""  # EIO: every process has closed the terminal (pty(7))
        if data:
            self._output.append(self._readers[handle], data)
            return True
        self._poll.unregister(handle)
        del self._readers[handle]
        os.close(handle)
        return False

    def _drain(self) -> None:
        """Read to the end of both streams: nobody is left who could hold them open."""
        give_up = time.monotonic() + _DRAIN_S
        self._poll.unregister(self._requests.fileno())
        while self._readers and time.monotonic() < give_up:
            for handle, _ in self._poll.poll(100):
                self._read(handle)

    def _ending(self, status: int) -> Ending:
        code = status if status >= 0 else 128 - status
        if self._report.started_at is None:
            self._never_seen(code)
        ending = Ending(code)
        kills = self._cgroup.oom_kills() if self._cgroup is not None else 0
        ending.oom_seen = kills > 0
        ending.oom_killed = kills > 0 and code == 137 and not self._stopping.killed
        return ending

    def _never_seen(self, code: int) -> None:
        """Tell a program that was quicker than our looks from one that was never executed.

        Apptainer refuses with words of its own on the last line of stderr and nothing on stdout;
        it executes nothing after them. Raises Failure for those, and when we ended the start.
        """
        if self._late:
            raise Failure(
                "StartTimeout", f"Apptainer did not start within {self._start_timeout_s:g} s"
            )
        if self._stopping.asked:
            raise Failure("StartFailed", "stopped before it was started")
        refusal = self._refusal() if code != 0 else None
        if refusal is not None:
            raise Failure(_cause(refusal), refusal)
        self._report.started("", 0, self._last_look)

    def _refusal(self) -> str | None:
        stream = 1 if self._merged else 2
        if not self._merged and self._output.bytes_of[1]:
            return None
        lines = self._output.tail(stream).strip().splitlines()
        return _refused_in(lines[-1]) if lines else None


# A failure is rare and ``re`` costs every start 4 ms: it is loaded where it is used.


def _refused_in(line: bytes) -> str | None:
    import re  # noqa: PLC0415

    match = re.match(_REFUSAL, line)
    return match[1].decode(errors="replace") if match else None


def _cause(refusal: str) -> str:
    import re  # noqa: PLC0415

    return next((code for pattern, code in _CAUSES if re.search(pattern, refusal)), "StartFailed")
