"""The images that tests and the demo use are what they say."""

from __future__ import annotations

import subprocess


def docker(socket: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", "-H", f"unix://{socket}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def run(socket: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return docker(socket, "run", "--rm", "--network", "none", "--init", *arguments)


def in_sif(apptainer: str, sif: str, *command: str) -> subprocess.CompletedProcess[str]:
    begin = [apptainer, "--silent", "exec", "-u", "--pid", "--containall", sif]
    return subprocess.run(
        [*begin, *command], capture_output=True, text=True, timeout=60, check=False
    )


PROBE = "import ctypes, json, sqlite3, ssl, subprocess; print('complete')"


def test_python_image_has_a_complete_python_and_a_shell(
    docker_socket: str, docker_image: str
) -> None:
    assert run(docker_socket, docker_image, "python3", "-c", PROBE).stdout == "complete\n"
    assert run(docker_socket, docker_image, "sh", "-c", "seq 3 | tail -n 1").stdout == "3\n"


def test_tiny_image_has_a_shell_and_no_python(docker_socket: str, tiny_image: str) -> None:
    assert run(docker_socket, tiny_image, "sh", "-c", "echo hi").stdout == "hi\n"
    assert run(docker_socket, tiny_image, "python3", "-c", "").returncode == 127


def test_bare_image_has_python_and_no_shell(docker_socket: str, bare_image: str) -> None:
    assert run(docker_socket, bare_image, "python3", "-c", PROBE).stdout == "complete\n"
    assert run(docker_socket, bare_image, "sh", "-c", "echo hi").returncode == 127


def test_entrypoint_image_runs_its_entrypoint_as_its_user(
    docker_socket: str, entrypoint_image: str
) -> None:
    assert run(docker_socket, entrypoint_image).stdout == "entrypoint: 2\ndefault command\n"
    shown = run(docker_socket, entrypoint_image, "sh", "-c", 'id -u; pwd; echo "$GREETING"').stdout
    assert shown == 'entrypoint: 3\n4321\n/srv\nit\'s $HOME "quoted"\n'


def test_podman_holds_the_same_image(podman_socket: str, podman_image: str) -> None:
    done = run(podman_socket, podman_image, "python3", "-c", PROBE)
    assert (done.stdout, done.stderr) == ("complete\n", "")


def test_sif_images_are_the_same_content(apptainer: str, sif_image: str, tiny_sif: str) -> None:
    assert in_sif(apptainer, sif_image, "python3", "-c", PROBE).stdout == "complete\n"
    assert in_sif(apptainer, tiny_sif, "sh", "-c", "echo hi").stdout == "hi\n"


def test_entrypoint_sif_keeps_the_image_environment(apptainer: str, entrypoint_sif: str) -> None:
    shown = in_sif(apptainer, entrypoint_sif, "sh", "-c", 'echo "$IMAGE_ONLY"').stdout
    assert shown == "yes\n"
