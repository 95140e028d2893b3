"""What a job means and sees: one body, both runtimes."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import pytest
from engine_fixture import PERSON, IsolatedEngine, RunImage

from jupyter_hpccontainers.client.engine import EngineClient
from jupyter_hpccontainers.model.errors import HpccError, NotFound
from jupyter_hpccontainers.model.states import Result

PERSON_UID = PERSON if os.geteuid() == 0 else os.geteuid()
HOSTILE = "#!/usr/bin/env python3\nimport sys\nprint('''it's \"$HOME\" \\ é ☃ `id`''')\n"


def test_one_spec_gives_the_same_on_both(engine: IsolatedEngine, run_image: RunImage) -> None:
    job = engine.submit(run_image, command=["python3", "-c", "print(6*7)"])
    done = engine.wait(job)
    assert (done.result, done.exit_code) == (Result.COMPLETED, 0)
    assert engine.output(job) == b"42\n"


def test_submitting_answers_at_once_and_the_id_is_kept(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    job = engine.submit(run_image, command=["echo", "hi"])
    assert not job.done
    engine.wait(job)
    assert engine.output(job) == b"hi\n"
    assert EngineClient(engine.socket).job(job.id).spec.command == ("echo", "hi")


def test_a_script_arrives_byte_for_byte(engine: IsolatedEngine, run_image: RunImage) -> None:
    job = engine.submit(
        run_image,
        script=HOSTILE + "import hashlib, os\n"
        "body = open(os.environ['HPCC_JOB_DIR'] + '/script', 'rb').read()\n"
        "print(hashlib.sha256(body).hexdigest())\n",
    )
    engine.wait(job)
    text, digest = engine.output(job).decode().splitlines()
    assert text == 'it\'s "$HOME" \\ é ☃ `id`'
    assert digest == hashlib.sha256((job.spec.script or "").encode()).hexdigest()


def test_a_script_without_shebang_is_python(engine: IsolatedEngine, run_image: RunImage) -> None:
    job = engine.submit(run_image, script="import sys; print(sys.version_info.major)")
    engine.wait(job)
    assert engine.output(job) == b"3\n"


def test_a_shell_script_runs_by_its_shebang(engine: IsolatedEngine, run_image: RunImage) -> None:
    job = engine.submit(run_image, script="#!/bin/sh\necho $0 | grep -c script; exit 3\n")
    done = engine.wait(job)
    assert (done.result, done.exit_code) == (Result.FAILED, 3)
    assert engine.output(job) == b"1\n"


def test_a_script_needs_no_shell(engine: IsolatedEngine, shell_less_image: RunImage) -> None:
    job = engine.submit(shell_less_image, script="print('no shell')")
    assert engine.wait(job).exit_code == 0
    assert engine.output(job) == b"no shell\n"


def test_an_image_without_interpreter_is_named_with_what_it_has(
    engine: IsolatedEngine, tiny_image: str
) -> None:
    done = engine.wait(engine.submit(RunImage(tiny_image, "docker"), script="print(1)"))
    assert done.result is Result.FAILED
    assert done.reason is not None
    assert "sh" in done.reason.details["message"]
    assert "#!" in done.reason.details["cure"]


@pytest.mark.parametrize("runtime", ["docker", "apptainer"])
def test_a_command_keeps_the_entrypoint_and_a_script_replaces_it(
    engine: IsolatedEngine, runtime: str, request: pytest.FixtureRequest
) -> None:
    name = "entrypoint_image" if runtime == "docker" else "entrypoint_sif"
    image = RunImage(request.getfixturevalue(name), runtime)
    argv = engine.submit(image, command=["echo", "a b", "$HOME"])
    script = engine.submit(image, script="print('mine')")
    kept = engine.submit(image, script="print('mine')", keep_entrypoint=True)
    default = engine.submit(image)
    for job in (argv, script, kept, default):
        assert engine.wait(job).exit_code == 0, engine.output(job)
    assert engine.output(argv) == b"entrypoint: 3\na b $HOME\n"
    assert engine.output(script) == b"mine\n"
    assert engine.output(kept).startswith(b"entrypoint: ")
    assert engine.output(kept).endswith(b"mine\n")
    assert engine.output(default).endswith(b"default command\n")


@pytest.mark.parametrize("runtime", ["docker", "apptainer"])
def test_the_image_s_environment_stays_and_the_person_s_wins(
    engine: IsolatedEngine, runtime: str, request: pytest.FixtureRequest
) -> None:
    name = "entrypoint_image" if runtime == "docker" else "entrypoint_sif"
    image = RunImage(request.getfixturevalue(name), runtime)
    script = "import os; print(os.environ['IMAGE_ONLY'] != '', os.environ['GREETING'])"
    job = engine.submit(image, script=script, env={"GREETING": "it's $mine\nyes"})
    assert engine.wait(job).exit_code == 0, engine.output(job)
    assert engine.output(job) == b"True it's $mine\nyes\n"


def test_values_of_the_environment_are_in_nobody_s_argv(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    secret = "canary-4711"
    job = engine.submit(
        run_image, env={"TOKEN": secret}, script="import os, time\n"
        "print(os.environ['TOKEN'], flush=True); time.sleep(1.5)"
    )  # fmt: skip
    engine.until(job, "RUNNING")
    time.sleep(0.3)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                assert secret.encode() not in (entry / "cmdline").read_bytes()
            except OSError:
                continue
    assert (engine.job_folder(job) / "supervisor.json").stat().st_mode & 0o077 == 0
    assert (engine.state / "jobs.sqlite").stat().st_mode & 0o077 == 0
    engine.wait(job)
    assert engine.output(job).strip() == secret.encode()
    assert secret not in engine.log()


WHO = """
import getpass, grp, json, os, pathlib, pwd
home, job = pathlib.Path.home(), pathlib.Path(os.environ["HPCC_JOB_DIR"])
(home / "x").write_text("x")
(pathlib.Path(os.environ["XDG_CACHE_HOME"]) / "c").parent.mkdir(parents=True, exist_ok=True)
(pathlib.Path(os.environ["XDG_CACHE_HOME"]) / "c").write_text("c")
with open("/tmp/large", "wb") as large:
    for _ in range(200):
        large.write(bytes(2**20))
pathlib.Path("made here").write_text("by the job")
status = open("/proc/self/status").read()
print(json.dumps({
    "uid": os.getuid(), "gid": os.getgid(), "user": getpass.getuser(),
    "pwd": pwd.getpwuid(os.getuid()).pw_name, "grp": bool(grp.getgrgid(os.getgid()).gr_name),
    "home": str(home), "cwd": os.getcwd(), "stdin": os.read(0, 1).decode(),
    "caps": status.split("CapEff:")[1].split()[0], "nnp": status.split("NoNewPrivs:")[1].split()[0],
    "threads": os.environ["OMP_NUM_THREADS"], "cuda": os.environ["CUDA_VISIBLE_DEVICES"],
    "nvidia": os.environ["NVIDIA_VISIBLE_DEVICES"], "job": os.environ["HPCC_JOB_ID"],
    "root_read_only": not os.access("/usr", os.W_OK), "unbuffered": os.environ["PYTHONUNBUFFERED"],
    "other_homes": os.path.exists("/home") and os.listdir("/home"),
}))
"""


def test_a_real_person_s_job_works(engine: IsolatedEngine, run_image: RunImage) -> None:
    job = engine.submit(run_image, script=WHO)
    done = engine.wait(job)
    assert done.exit_code == 0, engine.output(job).decode()
    seen = json.loads(engine.output(job))
    assert seen["uid"] == PERSON_UID
    assert seen["user"] == seen["pwd"] == done.user
    assert seen["grp"]
    assert seen["home"].startswith(str(engine.job_folder(job)))
    assert seen["cwd"] == str(engine.workdir)
    assert seen["stdin"] == ""
    assert int(seen["caps"], 16) == 0
    assert seen["nnp"] == "1"
    assert (seen["threads"], seen["cuda"], seen["nvidia"]) == ("1", "", "void")
    assert seen["job"] == str(job.id)
    assert seen["root_read_only"]
    assert not seen["other_homes"]
    made = engine.workdir / "made here"
    assert made.read_text() == "by the job"
    assert made.stat().st_uid == PERSON_UID


def test_the_root_file_system_is_read_only_unless_asked(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    script = "open('/opt-file', 'w').write('x') if __import__('os').access('/', 2) else exit(9)"
    plain = engine.submit(run_image, script=script)
    assert engine.wait(plain).exit_code == 9


def test_files_of_a_job_are_listed_and_sent_and_nothing_else(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    job = engine.submit(
        run_image,
        script="import os; d = os.environ['HPCC_JOB_DIR'] + '/outputs'\n"
        "open(d + '/out é.txt', 'wb').write(bytes(range(256)))\n"
        "os.symlink('/etc/passwd', d + '/link')\n"
        "os.mkfifo(d + '/fifo')\n",
    )
    assert engine.wait(job).exit_code == 0, engine.output(job)
    listed = {file.path: file.size_bytes for file in engine.client.files(job.id)}
    assert listed["outputs/out é.txt"] == 256
    assert "outputs/link" not in listed
    assert engine.client.file(job.id, "outputs/out é.txt") == bytes(range(256))
    for path in (
        "../../etc/passwd",
        "outputs/link",
        "outputs/fifo",
        "outputs",
        "../exit",
        "a/../b",
    ):
        with pytest.raises(NotFound):
            engine.client.file(job.id, path)


def test_jobs_are_found_by_tag_and_stopped_together(
    engine: IsolatedEngine, run_image: RunImage
) -> None:
    tagged = [
        engine.submit(run_image, command=["sleep", "60"], tags=["a b"], name=f"n{i}")
        for i in range(3)
    ]
    other = engine.submit(run_image, command=["sleep", "2"], tags=["c"])
    found = engine.client.jobs(tag="a b")
    assert {job.id for job in found} == {job.id for job in tagged}
    assert [job.id for job in engine.client.jobs(name="n1")] == [tagged[1].id]
    engine.client.cancel_many(tag="a b")
    assert {engine.wait(job).result for job in tagged} == {Result.CANCELLED}
    assert engine.wait(other).result is Result.COMPLETED


def test_the_same_key_is_the_same_job(engine: IsolatedEngine, run_image: RunImage) -> None:
    body = {
        "image": run_image.reference, "runtime": run_image.runtime, "command": ["true"],
        "workdir": str(engine.workdir),
    }  # fmt: skip
    first = engine.client.submit(body, key="once")
    again = engine.client.submit(body, key="once")
    assert first.id == again.id
    assert len(engine.client.jobs()) == 1


def test_networks(engine: IsolatedEngine, run_image: RunImage) -> None:
    script = "print(sorted(l.split(':')[0].strip() for l in open('/proc/net/dev').readlines()[2:]))"
    none = engine.submit(run_image, script=script, network="none")
    host = engine.submit(run_image, script=script, network="host")
    assert engine.wait(none).exit_code == 0, engine.output(none)
    assert engine.wait(host).exit_code == 0, engine.output(host)
    assert b"'lo'" in engine.output(none)
    assert b"eth" not in engine.output(none)
    own = sorted(
        ln.split(":")[0].strip() for ln in Path("/proc/net/dev").read_text().splitlines()[2:]
    )
    assert engine.output(host).decode().strip() == str(own)


def test_bridge_is_docker_s(engine: IsolatedEngine, docker_image: str, sif_image: str) -> None:
    script = "print(open('/proc/net/dev').read().count('eth0'))"
    job = engine.submit(RunImage(docker_image, "docker"), script=script, network="bridge")
    assert engine.wait(job).exit_code == 0
    assert engine.output(job) == b"1\n"
    with pytest.raises(HpccError) as refused:
        engine.submit(RunImage(sif_image, "apptainer"), command=["true"], network="bridge")
    assert refused.value.field == "network"


def test_a_terminal_for_those_who_need_one(engine: IsolatedEngine, run_image: RunImage) -> None:
    job = engine.submit(run_image, tty=True, script="import sys; print(sys.stdout.isatty())")
    assert engine.wait(job).exit_code == 0
    assert engine.output(job) == b"True\r\n"
