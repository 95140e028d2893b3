"""Submit → first line, against the bare runtime with the same isolation, both runtimes.

Ours includes the durable record, the scheduler, the supervisor and the stream back. Images come
from HPCC_BENCH_DOCKER (with DOCKER_HOST) and HPCC_BENCH_SIF; a missing one leaves its case out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time

from rounds import Comparison, compare, report

from jupyter_hpccontainers import submit

ROUNDS = int(os.environ.get("ROUNDS", "12"))


def through_us(image: str, runtime: str) -> float:
    """Submit ``echo hi``, return the seconds until its line is here; then let the job end."""
    begun = time.perf_counter()
    job = submit(image, ["echo", "hi"], runtime=runtime, network="none", name="latency")
    first = next(iter(job.logs(follow=True)))
    took = time.perf_counter() - begun
    if first.strip() != "hi":
        raise SystemExit(f"the job wrote {first!r}")
    job.result()
    return took


def by_command(command: list[str]) -> float:
    """Run the runtime's own command, return the seconds until its line is here."""
    begun = time.perf_counter()
    with subprocess.Popen([*command, "echo", "hi"], stdout=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline() if process.stdout else ""
        took = time.perf_counter() - begun
        process.communicate()
    if first.strip() != "hi" or process.returncode:
        raise SystemExit(f"{command[0]} wrote {first!r}, exit code {process.returncode}")
    return took


def docker_case(image: str) -> Comparison:
    """Docker: the command line program."""
    isolation = ["--network", "none", "--init", "--read-only", "--cap-drop", "ALL"]
    command = ["docker", "run", "--rm", *isolation, image]
    return compare(
        "docker", lambda: through_us(image, "docker"), lambda: by_command(command), ROUNDS
    )


def apptainer_case(sif: str) -> Comparison:
    """Apptainer, from a SIF."""
    program = shutil.which("apptainer") or shutil.which("singularity") or "apptainer"
    user = ["-u"] if os.geteuid() == 0 else []
    isolation = ["--pid", "--containall", "--no-eval", "--net", "--network", "none"]
    command = [program, "--silent", "exec", *user, *isolation, sif]
    return compare("sif", lambda: through_us(sif, "apptainer"), lambda: by_command(command), ROUNDS)


def main() -> int:
    """Measure what is here, in a folder of its own: a job's working folder is where we stand."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        if image := os.environ.get("HPCC_BENCH_DOCKER"):
            results.append(docker_case(image))
        if sif := os.environ.get("HPCC_BENCH_SIF"):
            results.append(apptainer_case(sif))
        os.chdir("/")
    report("latency", results)
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main())
