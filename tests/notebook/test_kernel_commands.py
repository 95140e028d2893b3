"""``%container`` lines, help and completion, in a real kernel against a real engine."""

from __future__ import annotations

from engine_fixture import IsolatedEngine, RunImage
from kernel_fixture import CARD, Kernel, Ran

from jupyter_hpccontainers.model.states import ReasonCode


def submit(engine: IsolatedEngine, image: RunImage, script: str, **fields: object) -> int:
    """Submit a job from elsewhere and return its number."""
    return engine.submit(image, script=script, **fields).id


def until_image_is_here(engine: IsolatedEngine, number: int) -> None:
    """Wait until a job waits for something else than its image."""
    while (reason := engine.client.job(number).reason) and reason.code is ReasonCode.IMAGE:
        continue


def test_run_runs_an_argv_with_its_entrypoint_kept(kernel: Kernel, run_image: RunImage) -> None:
    ran = kernel.run(
        f"%container run '{run_image.reference}' --runtime {run_image.runtime} --out said "
        "-- python3 -c 'import sys; print(sys.argv[1:])' --cores '$HOME {x}'"
    )
    assert ran.error is None
    assert kernel.value("said") == repr("['--cores', '$HOME {x}']\n")


def test_ps_shows_active_jobs_as_a_table_and_all_when_asked(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    ended = engine.wait(submit(engine, run_image, "pass", name="ended"))
    running = submit(engine, run_image, "import time; time.sleep(600)", name="running", tags=["t"])
    assert kernel.run("%container ps").result["text/plain"].count("\n") == 1
    every = kernel.run("%container ps -a").result["text/plain"]
    assert [line.split()[0] for line in every.splitlines()] == ["JOB", str(running), str(ended.id)]
    assert "COMPLETED" in every
    assert kernel.value("[job.id for job in get_ipython().run_line_magic('container', 'ps')]") == (
        f"[{running}]"
    )


def test_logs_prints_what_was_written_one_stream_or_its_end(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    body = "import sys\nprint('one'); print('two'); print('oops', file=sys.stderr)"
    number = engine.wait(submit(engine, run_image, body)).id
    assert kernel.run(f"%container logs {number} --stream stdout").printed["stdout"] == "one\ntwo\n"
    assert kernel.run(f"%container logs {number} --stream stderr").printed["stdout"] == "oops\n"
    last = kernel.run(f"%container logs {number} --stream stdout --tail 1")
    assert last.printed["stdout"] == "two\n"


def test_logs_follow_goes_on_until_the_job_ends(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    body = """import os, time
print("begun")
while not os.path.exists("go"):
    time.sleep(0.02)
print("gone on")"""
    number = submit(engine, run_image, body)
    ran = kernel.run(
        f"%container logs -f {number}",
        lambda ran: "begun" in ran.printed["stdout"] and (engine.workdir / "go").touch(),
    )
    assert ran.printed["stdout"] == "begun\ngone on\n"
    assert ran.cards[-1]["result"] == "COMPLETED"


def test_an_interrupted_logs_follow_leaves_the_job_running(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    number = submit(engine, run_image, "import time\nprint('here')\ntime.sleep(600)")
    pressed: list[bool] = []

    def press_once(ran: Ran) -> None:
        # A second press, while the first is shown, IPython would show in its own way.
        if not pressed and "here" in ran.printed["stdout"]:
            pressed.append(True)
            kernel.interrupt()

    ran = kernel.run(f"%container logs -f {number}", press_once)
    assert ran.error is not None
    assert ran.error["ename"] == "KeyboardInterrupt"
    assert engine.client.job(number).state == "RUNNING"


def test_stop_ends_jobs_by_number_and_by_tag(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    forever = "import time; time.sleep(600)"
    one = submit(engine, run_image, forever)
    tagged = submit(engine, run_image, forever, tags=["sweep"])
    kernel.run(f"%container stop {one}")
    assert engine.wait(one).result == "CANCELLED"
    assert engine.client.job(tagged).state != "DONE"
    kernel.run("%container stop --tag sweep")
    assert engine.wait(tagged).result == "CANCELLED"


def test_what_would_start_when_is_told_before_submitting(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    image = f"{run_image.reference} --runtime {run_image.runtime}"
    engine.wait(submit(engine, run_image, "print('looked at')"))
    before = len(engine.client.jobs())
    assert "starts now on core" in kernel.run(f"%container explain {image}").printed["stdout"]
    said = kernel.run(f"%%container {image} -c 9999 --dry-run\nprint(1)").printed["stdout"]
    assert said.startswith("never: asks 9999 cores, the machine has ")
    assert len(engine.client.jobs()) == before


def test_jobs_are_held_changed_extended_and_released(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    number = submit(engine, run_image, "print('ran')", hold=True, time_limit="1h")
    kernel.run(f"%container hold {number}")
    assert engine.client.job(number).state == "HELD"
    kernel.run(f"%container change {number} --priority urgent -m 64m")
    kernel.run(f"%container extend {number} 30m")
    changed = engine.client.job(number).spec
    assert (changed.priority, changed.time_limit_s) == ("urgent", 5400)
    shown = kernel.run(f"%container release {number}").result["text/plain"]
    assert str(number) in shown
    assert engine.wait(number).result == "COMPLETED"
    assert "StateConflict" in kernel.run(f"%container hold {number}").red_line


def test_a_job_is_held_and_changed_from_python(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    code = f"""from datetime import datetime, timedelta
from jupyter_hpccontainers.notebook import python as hpc
job = hpc.submit({run_image.reference!r}, ["true"], runtime={run_image.runtime!r}, hold=True,
                 begin=datetime.now() + timedelta(hours=1), time_limit="10m")
job.change(begin="now", memory="64m").extend(timedelta(minutes=5))
job.release().result().job.record.spec.time_limit_s"""
    assert kernel.run(code).result["text/plain"] == "900"


def test_a_job_is_suspended_and_resumed_by_the_magic_and_from_python(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    number = submit(engine, run_image, "import time; time.sleep(600)")
    job = engine.until(engine.client.job(number), "RUNNING")
    assert "SUSPENDED" in kernel.run(f"%container suspend {number}").result["text/plain"]
    kernel.run(f"%container resume {number}")
    assert engine.client.job(number).state == "RUNNING"
    code = f"""from jupyter_hpccontainers.notebook import python as hpc
job = hpc.job({number})
states = [job.suspend().state, job.resume().state]
[str(state) for state in states]"""
    assert kernel.run(code).result["text/plain"] == "['SUSPENDED', 'RUNNING']"
    engine.client.cancel(number, kill=True)
    engine.wait(job)
    assert "StateConflict" in kernel.run(f"%container suspend {number}").red_line


def test_explain_says_why_a_job_waits(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    cores = engine.client.machine().machine.amounts.cores
    first = submit(engine, run_image, "import time; time.sleep(600)", cores=cores)
    engine.until(engine.client.job(first), "RUNNING")
    second = submit(engine, run_image, "pass")
    until_image_is_here(engine, second)
    said = kernel.run(f"%container explain {second}").printed["stdout"]
    assert f"job {second} PENDING: waits for 1 core" in said
    assert "number 1 in the queue" in said


def test_info_and_images_show_the_machine_and_what_is_on_it(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    said = kernel.run("%container info").printed["stdout"]
    cores = engine.client.machine().machine.amounts.cores
    assert f"cores    0 of {cores} in use by jobs" in said
    table = kernel.run("%container images").result["text/plain"]
    assert table.splitlines()[0].split() == ["IMAGE", "RUNTIME", "SIZE", "PATH"]


def test_a_job_that_is_not_there_is_one_line(kernel: Kernel) -> None:
    assert "UnknownJob" in kernel.run("%container logs 999").red_line


def test_the_help_shows_every_declared_option(kernel: Kernel) -> None:
    found = kernel.ask(kernel.client.inspect("%%container"))["data"]["text/plain"]
    for word in ("--cores", "--memory", "--detach", "--out", "--no-raise", "--expand", "ps [-a]"):
        assert word in found


def completed(kernel: Kernel, line: str) -> list[str]:
    """Return what the Tab key offers at the end of a line."""
    matches: list[str] = kernel.ask(kernel.client.complete(line))["matches"]
    return matches


def test_tab_completes_subcommands_options_choices_and_images(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    assert set(completed(kernel, "%container ")) >= {"run", "ps", "logs", "stop", "explain"}
    assert completed(kernel, "%%container img --det") == ["--detach"]
    assert {"auto", "docker", "apptainer"} <= set(completed(kernel, "%%container i --runtime "))
    here = [image.path or image.reference for image in engine.client.images()]
    assert set(completed(kernel, "%container run ")) >= set(here)


def test_a_card_of_a_job_in_python_shows_its_record(
    kernel: Kernel, run_image: RunImage, engine: IsolatedEngine
) -> None:
    number = engine.wait(submit(engine, run_image, "print('a line')")).id
    kernel.run("from jupyter_hpccontainers.notebook import python as hpc")
    shown = kernel.run(f"hpc.job({number})").result
    assert shown[CARD]["tail"] == "a line\n"
    assert "COMPLETED" in shown["text/plain"]
