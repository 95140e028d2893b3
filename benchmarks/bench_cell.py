"""A print in a job → the cell's display, in a real kernel: five prints 0.5 s apart, both runtimes.

Images come from HPCC_BENCH_DOCKER and HPCC_BENCH_SIF; the anchor is the promise, 500 ms, and ours
the slowest of the five prints in the median round.
"""

from __future__ import annotations

import os
import re
import statistics
import sys
import time

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from rounds import Comparison, report

ROUNDS = int(os.environ.get("ROUNDS", "5"))
PROMISE_MS = 500.0
CARD = "application/vnd.hpccontainers.job+json"
# Not flushed: that the program's prints appear is the runtime's part of the promise.
BODY = """import time
for n in range(5):
    print("printed at", time.time())
    time.sleep(0.5)
"""


def lags_ms(client: BlockingKernelClient, image: str, runtime: str) -> list[float]:
    """Run the cell once and return for each print how long it took into the display."""
    message_id = client.execute(f"%%container '{image}' --runtime {runtime}\n{BODY}")
    seen: dict[str, float] = {}
    while True:
        message = client.get_iopub_msg(timeout=60)
        now = time.time()
        if message["parent_header"].get("msg_id") != message_id:
            continue
        content = message["content"]
        if message["msg_type"] == "error":
            raise SystemExit("\n".join(content["traceback"]))
        tail = content.get("data", {}).get(CARD, {}).get("tail", "")
        for printed in re.findall(r"printed at ([\d.]+)\n", tail):
            seen.setdefault(printed, now)
        if content.get("execution_state") == "idle":
            return [(at - float(printed)) * 1000 for printed, at in seen.items()]


def case(client: BlockingKernelClient, image: str, runtime: str) -> Comparison:
    """Measure one runtime."""
    lags_ms(client, image, runtime)
    slowest = []
    for number in range(ROUNDS):
        lags = lags_ms(client, image, runtime)
        if len(lags) != 5:
            raise SystemExit(f"{runtime}: {len(lags)} of 5 prints were seen")
        slowest.append(max(lags))
        shown = ", ".join(f"{lag:.0f}" for lag in lags)
        print(f"{runtime}: round {number + 1}: {shown} ms", file=sys.stderr)
    ours = statistics.median(slowest)
    ratio = round(ours / PROMISE_MS, 3)
    return Comparison(f"{runtime}: slowest of 5 prints", round(ours, 1), PROMISE_MS, ratio)


def main() -> int:
    """Measure what is here."""
    manager, client = start_new_kernel()
    client.execute("%load_ext jupyter_hpccontainers", reply=True, timeout=60)
    wanted = {"docker": "HPCC_BENCH_DOCKER", "apptainer": "HPCC_BENCH_SIF"}
    images = {runtime: os.environ.get(name) for runtime, name in wanted.items()}
    results = [case(client, image, runtime) for runtime, image in images.items() if image]
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    report("cell", results)
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main())
