"""A cancel at any moment around the start: nothing lives on, and the end that is told is true."""

from __future__ import annotations

import random
import time

import pytest
from supervisor_lab import Lab, running_with

from jupyter_hpccontainers.machine.attempt import Ask
from jupyter_hpccontainers.machine.supervisor.docker_api import Docker

TRIALS = 12


@pytest.mark.timeout(300)
@pytest.mark.parametrize("ask", [Ask.STOP, Ask.KILL])
def test_a_cancel_around_the_start_is_never_lost(lab: Lab, ask: Ask) -> None:
    chance = random.Random(17)
    for _ in range(TRIALS):
        job = lab.run("import time\nopen('ran', 'a').write('1')\ntime.sleep(300)", grace_s=5)
        time.sleep(chance.uniform(0, 0.35))
        job.popen.send_signal(ask)
        end = job.ended()
        inside = f"{job.attempt.job_dir}/script"
        assert not running_with(inside)
        if end.error_code:
            assert (end.error_code, end.exit_code) == ("StartFailed", None), end
        else:
            assert end.exit_code == 128 + (15 if ask is Ask.STOP else 9), end
        if lab.docker:
            found = Docker(lab.place).call("GET", f"/containers/{job.order.name}/json")
            assert found.status == 404
