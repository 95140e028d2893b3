"""What a cell means, through a real kernel, a real engine and real containers."""

from __future__ import annotations

import ast
import hashlib

import nbformat
import pytest
from engine_fixture import IsolatedEngine, RunImage
from kernel_fixture import CARD, Kernel, Ran
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

# Prints the digest of the script it is, as it lies in its job folder.
DIGEST = """import hashlib, os
# "quotes" 'of both' kinds, $HOME, `ls`, back\\\\slash \\n, é 漢字, {braces} {{twice}}
'''
>>> 1 + 1
2
    ...indented
In [1]: x
'''
script = open(os.environ["HPCC_JOB_DIR"] + "/script", "rb").read()
print(hashlib.sha256(script).hexdigest())"""


def cell(image: RunImage, options: str, body: str) -> str:
    """Return a cell that runs a body."""
    return f"%%container '{image.reference}' --runtime {image.runtime} {options}\n{body}"


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_the_body_reaches_the_container_byte_for_byte(
    kernel: Kernel, run_image: RunImage, end: str
) -> None:
    ran = kernel.run(cell(run_image, "--out digest", DIGEST + end))
    assert ran.error is None
    sent = hashlib.sha256((DIGEST + end).encode()).hexdigest()
    assert kernel.value("digest") == repr(sent + "\n")


def test_a_body_is_run_by_its_shebang(kernel: Kernel, run_image: RunImage) -> None:
    body = '#!/bin/sh\nprintf \'%s|\' "$0" "$#" "é \\\\"\nexit 0\n'
    kernel.run(cell(run_image, "--out said", body))
    path, count, text, _ = ast.literal_eval(kernel.value("said")).split("|")
    assert (path.rpartition("/")[2], count, text) == ("script", "0", "é \\")


def test_the_working_folder_is_the_notebooks(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    (engine.workdir / "data.txt").write_text("from the notebook's folder")
    kernel.run(cell(run_image, "--out found", "print(open('data.txt').read(), end='')"))
    assert kernel.value("found") == repr("from the notebook's folder")


def test_one_card_is_updated_in_place_and_nothing_is_printed(
    kernel: Kernel, run_image: RunImage
) -> None:
    ran = kernel.run(cell(run_image, "--name mine", "print('hello'); print('world')"))
    assert ran.error is None
    assert ran.printed == {"stdout": "", "stderr": ""}
    last = ran.cards[-1]
    assert (last["state"], last["result"], last["exit_code"]) == ("DONE", "COMPLETED", 0)
    assert (last["tail"], last["name"]) == ("hello\nworld\n", "mine")
    assert "COMPLETED" in ran.text.splitlines()[0]
    assert ran.text.splitlines()[1:] == ["hello", "world"]
    assert all(card["job"] == last["job"] and len(card["engine"]) >= 32 for card in ran.cards)


def test_a_line_is_in_the_card_while_the_job_runs(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    body = """import os, time
for n in range(3):
    print("line", n)
    while not os.path.exists(f"seen-{n}"):
        time.sleep(0.01)
"""

    def touch_when_seen(ran: Ran) -> None:
        # The job prints its next line only once the one before was in the cell.
        if ran.displays and ran.cards:
            for n in range(3):
                if f"line {n}\n" in ran.cards[-1]["tail"]:
                    (engine.workdir / f"seen-{n}").touch()

    ran = kernel.run(cell(run_image, "", body), touch_when_seen)
    assert ran.error is None
    assert ran.cards[-1]["tail"] == "line 0\nline 1\nline 2\n"


def test_a_failing_cell_is_one_red_line_and_its_exit_code_is_set(
    kernel: Kernel, run_image: RunImage
) -> None:
    ran = kernel.run(cell(run_image, "", "import sys\nprint('so far'); sys.exit(3)"))
    assert ran.error is not None
    assert ran.error["ename"] == "JobFailed"
    assert "FAILED" in ran.red_line
    assert "3" in ran.red_line
    assert kernel.value("_exit_code, _job.outcome.value, _job.exit_code") == "(3, 'FAILED', 3)"


def test_a_signal_is_told_as_a_shell_does(kernel: Kernel, run_image: RunImage) -> None:
    ran = kernel.run(cell(run_image, "", "import os\nos.kill(os.getpid(), 9)"))
    assert "FAILED" in ran.red_line
    assert kernel.value("_exit_code") == "137"


def test_no_raise_lets_the_notebook_go_on(kernel: Kernel, run_image: RunImage) -> None:
    ran = kernel.run(cell(run_image, "--no-raise", "raise SystemExit(4)"))
    assert ran.error is None
    assert kernel.value("_exit_code") == "4"


def test_run_all_stops_at_a_failed_cell(engine: IsolatedEngine, run_image: RunImage) -> None:
    cells = ["%load_ext jupyter_hpccontainers", cell(run_image, "", "raise SystemExit(5)"), "1/0"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    client = NotebookClient(
        notebook, timeout=90, resources={"metadata": {"path": str(engine.workdir)}}
    )
    with pytest.raises(CellExecutionError, match="JobFailed"):
        client.execute(env=engine.env)
    failed, never = notebook.cells[1], notebook.cells[2]
    (card,) = [output for output in failed.outputs if CARD in output.get("data", {})]
    assert card.data[CARD]["result"] == "FAILED"
    assert never.execution_count is None


def test_out_binds_all_of_stdout_as_text_and_only_that(kernel: Kernel, run_image: RunImage) -> None:
    body = """import sys
for n in range(80_000):
    print(f"{n:063d}")
print("not this", file=sys.stderr)"""
    ran = kernel.run(cell(run_image, "--out text", body))
    assert ran.error is None
    assert kernel.value("len(text), text.splitlines()[-1].lstrip('0')") == "(5120000, '79999')"
    assert len(ran.cards[-1]["tail"].encode()) <= 4096


def test_out_is_bound_also_when_the_job_fails(kernel: Kernel, run_image: RunImage) -> None:
    kernel.run(cell(run_image, "--out text", "print('before'); raise SystemExit(1)"))
    assert kernel.value("text") == repr("before\n")


def test_names_are_filled_in_only_when_asked(kernel: Kernel, run_image: RunImage) -> None:
    kernel.run("who = 'world'")
    kernel.run(cell(run_image, "--out plain", "print('{who} $who')"))
    kernel.run(cell(run_image, "--expand --out filled", "print('{who.upper()} $who {{}}')"))
    assert kernel.value("plain, filled") == repr(("{who} $who\n", "WORLD $who {}\n"))


def test_a_name_that_cannot_be_filled_in_is_one_line(kernel: Kernel, run_image: RunImage) -> None:
    ran = kernel.run(cell(run_image, "--expand", "print('{nobody}')"))
    assert "--expand cannot fill in" in ran.red_line
    assert ran.displays == {}


def test_stream_prints_both_streams_apart(kernel: Kernel, run_image: RunImage) -> None:
    body = "import sys\nprint('to out é')\nprint('to err', file=sys.stderr)"
    ran = kernel.run(cell(run_image, "--stream", body))
    assert ran.printed == {"stdout": "to out é\n", "stderr": "to err\n"}
    assert ran.cards[-1]["tail"] == ""


def test_a_flood_is_printed_as_head_and_tail(kernel: Kernel, run_image: RunImage) -> None:
    body = "for n in range(100_000):\n    print('line', n)"
    ran = kernel.run(cell(run_image, "--stream", body))
    printed = ran.printed["stdout"]
    assert printed.startswith("line 0\nline 1\n")
    assert printed.endswith("line 99998\nline 99999\n")
    assert "bytes not shown" in printed
    assert len(printed) < 400_000


def test_detach_returns_with_the_card_while_the_job_runs(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    body = "import os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.02)"
    ran = kernel.run(cell(run_image, "--detach", body))
    assert ran.error is None
    assert ran.cards[-1]["state"] != "DONE"
    (engine.workdir / "go").touch()
    assert kernel.value("_job.wait().outcome.value") == "'COMPLETED'"


def test_the_first_interrupt_stops_the_job_and_waits_for_its_end(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    body = """import signal, sys, time
def end(*_):
    print("cleaned up")
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
print("ready")
while True:
    time.sleep(0.05)"""
    pressed: list[bool] = []

    def press_when_ready(ran: Ran) -> None:
        if not pressed and ran.displays and ran.cards and "ready" in ran.cards[-1]["tail"]:
            pressed.append(True)
            kernel.interrupt()

    ran = kernel.run(cell(run_image, "", body), press_when_ready)
    assert ran.error is not None
    assert ran.error["ename"] == "KeyboardInterrupt"
    assert ran.cards[-1]["result"] == "CANCELLED"
    assert ran.cards[-1]["tail"] == "ready\ncleaned up\n"


def test_the_second_interrupt_kills(kernel: Kernel, run_image: RunImage) -> None:
    kernel.run("%config IPCompleter.use_jedi = False")
    body = """import signal, time
signal.signal(signal.SIGTERM, lambda *_: print("not yet"))
print("ready")
while True:
    time.sleep(0.05)"""
    waits_for = ["ready", "not yet"]

    def press_twice(ran: Ran) -> None:
        if waits_for and ran.displays and ran.cards and waits_for[0] in ran.cards[-1]["tail"]:
            waits_for.pop(0)
            kernel.interrupt()

    ran = kernel.run(cell(run_image, "", body), press_twice)
    assert ran.error is not None
    assert ran.error["ename"] == "KeyboardInterrupt"
    assert waits_for == []
    assert ran.cards[-1]["result"] == "CANCELLED"


def test_a_wrong_request_is_one_line_and_leaves_no_job(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    wrong = {
        "--memory abc": "is not an amount",
        "--memory 500": "did you mean 500m",
        "--cores 10000": "10000 cores",
        "--gpus 10": "10 GPUs",
        "--time soon": "is not a duration",
        "--mount /etc/../root": "not",
        "--env HPCC_X=1": "HPCC_X",
        "--out 1x": "is not a name",
    }
    for options, said in wrong.items():
        ran = kernel.run(cell(run_image, options, "pass"))
        assert said in ran.red_line, options
    assert engine.client.jobs() == ()


def test_options_that_do_not_parse_are_one_line(kernel: Kernel) -> None:
    wrong = {
        "%%container --privileged\npass": "unrecognized arguments: --privileged",
        "%%container img --cores many\npass": "invalid int value: 'many'",
        "%%container\npass": "no image is named",
        "%%container 'img\npass": "close the quotes",
        "%container dance": "one of run, ps, logs, stop",
        "%container logs": "required: job",
    }
    for code, said in wrong.items():
        ran = kernel.run(code)
        assert said in ran.printed["stderr"] + str(ran.error), code
