"""Small builders: an order for one container, and the folders it needs."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_hpccontainers.model.job import JobSpec, Network
from jupyter_hpccontainers.model.resources import Allocation
from jupyter_hpccontainers.runtimes.docker import Docker
from jupyter_hpccontainers.runtimes.docker_config import docker_config, identity_files, mount_points
from jupyter_hpccontainers.runtimes.order import ImageFacts, Person, RunOrder

PERSON = Person(uid=1234, gid=1234, groups=(1234, 4321), name="person", group_name="person")
PYTHON = ImageFacts(
    reference="sha256:" + "12" * 32,
    cmd=("python3",),
    programs={"python3": "/usr/bin/python3", "sh": "/bin/sh"},
)
JOB_DIR = "/state/jobs/7/1/dir"


def order(spec: JobSpec | None = None, **changed: Any) -> RunOrder:
    """One core, 256 MiB, no GPU, no network, working in /home/person/work."""
    whole = RunOrder(
        job_id=7,
        attempt=1,
        engine="0123456789ab",
        spec=spec or JobSpec(image="python"),
        allocation=Allocation((1,), 256 * 2**20),
        person=PERSON,
        image=PYTHON,
        job_dir=JOB_DIR,
        workdir="/home/person/work",
        network=Network.NONE,
    )
    return replace(whole, **changed)


def real_order(folder: Path, docker: Docker, image: str, engine: str, **spec: Any) -> RunOrder:
    """An order whose folders exist: ``folder/dir`` for the job, ``folder/work`` to work in."""
    script = spec.get("script")
    whole = order(
        JobSpec(image=image, **spec),
        engine=engine,
        image=docker.image_facts(image),
        job_dir=str(folder / "dir"),
        workdir=str(folder / "work"),
    )
    if os.getuid() != 0:
        whole = replace(whole, person=replace(PERSON, uid=os.getuid(), gid=os.getgid(), groups=()))
    for path in (folder / "dir", folder / "work", *map(Path, _inside(whole))):
        path.mkdir()
        os.chown(path, whole.person.uid, whole.person.gid)
    for path, text in identity_files(whole).items():
        Path(path).write_text(text)
    if script is not None:
        Path(whole.script).write_text(script)
        Path(whole.script).chmod(0o755)
    return whole


def _inside(order: RunOrder) -> tuple[str, ...]:
    return (order.home, order.tmp, *mount_points(order))


def run(docker: Docker, order: RunOrder) -> tuple[int, str]:
    """Create, attach, start, wait, remove: what the supervisor does, by the SDK."""
    import docker as sdk  # noqa: PLC0415
    from docker.utils.socket import frames_iter  # noqa: PLC0415

    client = sdk.APIClient(base_url=f"unix://{docker.socket}", version="auto", timeout=60)
    try:
        client.post(
            f"{client.base_url}/v{client.api_version}/containers/create",
            json=docker_config(order),
            params={"name": order.name},
        ).raise_for_status()
        attached = client.attach_socket(order.name, {"stdout": 1, "stderr": 1, "stream": 1})
        with closing(attached), closing(attached._response):
            client.start(order.name)
            said = b"".join(data for _, data in frames_iter(attached, tty=False)).decode()
        return int(client.wait(order.name)["StatusCode"]), said
    finally:
        docker.remove(order.name)
        client.close()
