"""GPUs as NVML tells them, as the configuration declares them, and who is on them."""

from __future__ import annotations

import os
from pathlib import Path

from recorded import GIB, NvmlFailed, RecordedNvml, laid_out

from jupyter_hpccontainers.machine.gpus import GpuUse, NvidiaGpus, nvidia_gpus
from jupyter_hpccontainers.machine.inventory import Declared, inventory
from jupyter_hpccontainers.machine.others import BUSY_GPU_BYTES, OthersWatch, busy_gpus
from jupyter_hpccontainers.model.machine import Gpu, Machine

TWO = [{"uuid": "GPU-a"}, {"uuid": "GPU-b", "bus": b"00000000:AF:00.0"}]


def test_the_driver_tells_name_uuid_memory_and_node(tmp_path: Path) -> None:
    host = laid_out(
        tmp_path,
        files={
            "/sys/bus/pci/devices/0000:3b:00.0/numa_node": "-1\n",
            "/sys/bus/pci/devices/0000:af:00.0/numa_node": "1\n",
        },
    )
    machine = inventory(Declared(), host, NvidiaGpus(RecordedNvml(TWO)))
    assert machine.gpus == (
        Gpu(0, "NVIDIA A100-SXM4-80GB", "GPU-a", 80 * GIB, 0),
        Gpu(1, "NVIDIA A100-SXM4-80GB", "GPU-b", 80 * GIB, 1),
    )


def test_no_driver_no_module_no_gpus(tmp_path: Path) -> None:
    host = laid_out(tmp_path)
    assert inventory(Declared(), host, NvidiaGpus(RecordedNvml(TWO, driver=False))).gpus == ()
    assert inventory(Declared(), host, NvidiaGpus(None)).gpus == ()
    assert NvidiaGpus(RecordedNvml(TWO, driver=False)).use() == []


def test_the_real_binding_answers_with_or_without_a_driver(tmp_path: Path) -> None:
    gpus = nvidia_gpus()
    found = gpus.present(laid_out(tmp_path))
    assert [gpu.number for gpu in found] == [use.number for use in gpus.use()]
    assert len({gpu.uuid for gpu in found}) == len(found)
    gpus.close()


def test_a_gpu_that_fell_off_the_bus_is_left_out(tmp_path: Path) -> None:
    nvml = RecordedNvml([{"uuid": "GPU-a", "lost": True}, {"uuid": "GPU-b"}])
    assert [gpu.number for gpu in NvidiaGpus(nvml).present(laid_out(tmp_path))] == [1]


def test_a_gpu_that_fails_while_it_is_asked_takes_no_other_with_it(tmp_path: Path) -> None:
    class Failing(RecordedNvml):
        def nvmlDeviceGetMemoryInfo(self, handle: dict[str, object]) -> object:  # type: ignore[override]
            if handle["uuid"] == "GPU-a":
                raise NvmlFailed("GPU is lost")
            return super().nvmlDeviceGetMemoryInfo(handle)

    gpus = NvidiaGpus(Failing(TWO))
    assert [gpu.number for gpu in gpus.present(laid_out(tmp_path))] == [1]
    assert [use.number for use in gpus.use()] == [1]


def test_the_driver_is_initialised_once_and_let_go(tmp_path: Path) -> None:
    nvml = RecordedNvml(TWO)
    gpus = NvidiaGpus(nvml)
    gpus.present(laid_out(tmp_path))
    gpus.use()
    assert nvml.started == 1
    gpus.close()
    assert nvml.started == 0


def test_declared_gpus_need_no_driver(tmp_path: Path) -> None:
    host = laid_out(tmp_path)
    assert inventory(Declared(gpus=4), host).gpus == (Gpu(0), Gpu(1), Gpu(2), Gpu(3))
    mine = (Gpu(0, "toy", "GPU-x", GIB, 1),)
    assert inventory(Declared(gpus=mine), host).gpus == mine
    assert inventory(Declared(gpus=0), host, NvidiaGpus(RecordedNvml(TWO))).gpus == ()


def test_a_declared_number_takes_the_drivers_first(tmp_path: Path) -> None:
    found = inventory(Declared(gpus=1), laid_out(tmp_path), NvidiaGpus(RecordedNvml(TWO))).gpus
    assert [gpu.uuid for gpu in found] == ["GPU-a"]


def test_a_slurm_job_has_the_gpus_slurm_gave_it(tmp_path: Path) -> None:
    nvidia = NvidiaGpus(RecordedNvml(TWO))
    for given in ("1", "GPU-b"):
        environ = {"SLURM_JOB_ID": "9", "CUDA_VISIBLE_DEVICES": given}
        machine = inventory(Declared(), laid_out(tmp_path, environ=environ), nvidia)
        assert [gpu.number for gpu in machine.gpus] == [1]
        assert "CUDA_VISIBLE_DEVICES" in machine.limited_by
    a_kernels_own = laid_out(tmp_path, environ={"CUDA_VISIBLE_DEVICES": "1"})
    assert len(inventory(Declared(), a_kernels_own, nvidia).gpus) == 2


def test_a_colleagues_process_makes_a_gpu_busy() -> None:
    uses = [GpuUse(0, GIB, frozenset({77})), GpuUse(1, 0, frozenset())]
    assert busy_gpus(uses, ours=(), held=(), known={0, 1}) == {0}


def test_our_own_jobs_process_does_not() -> None:
    uses = [GpuUse(0, 70 * GIB, frozenset({77}))]
    assert busy_gpus(uses, ours={77}, held={0}, known={0}) == frozenset()


def test_a_colleague_on_a_gpu_that_we_hold_is_seen() -> None:
    uses = [GpuUse(0, GIB, frozenset({77, 88}))]
    assert busy_gpus(uses, ours={77}, held={0}, known={0}) == {0}


def test_memory_tells_of_somebody_where_the_driver_names_nobody() -> None:
    idle, used = BUSY_GPU_BYTES, BUSY_GPU_BYTES + 1
    uses = [GpuUse(0, idle, frozenset()), GpuUse(1, used, frozenset())]
    assert busy_gpus(uses, ours=(), held=(), known={0, 1}) == {1}
    assert busy_gpus(uses, ours=(), held={1}, known={0, 1}) == frozenset()


def test_the_watch_joins_driver_and_processes(tmp_path: Path) -> None:
    nvml = RecordedNvml([{"uuid": "a", "pids": [os.getpid()]}, {"uuid": "b", "pids": [1]}])
    nvidia = NvidiaGpus(nvml)
    host = laid_out(tmp_path)
    machine: Machine = inventory(Declared(), host, nvidia)
    watch = OthersWatch(machine, host, nvidia)
    assert watch.now([]).busy_gpus == {0, 1}
    assert watch.now([os.getpid()], held_gpus=[0]).busy_gpus == {1}
