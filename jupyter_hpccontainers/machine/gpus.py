"""NVIDIA GPUs by NVML (nvidia-ml-py, optional): which there are, and what runs on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ..model.machine import Gpu
from .host import Host

T = TypeVar("T")


class Nvml(Protocol):
    """The part of module ``pynvml`` that is used; names and units are NVML's own (bytes)."""

    @property
    def NVMLError(self) -> type[Exception]: ...

    def nvmlInit(self) -> Any: ...
    def nvmlShutdown(self) -> Any: ...
    def nvmlDeviceGetCount(self) -> int: ...
    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any: ...
    def nvmlDeviceGetUUID(self, handle: Any) -> str: ...
    def nvmlDeviceGetName(self, handle: Any) -> str: ...
    def nvmlDeviceGetMemoryInfo(self, handle: Any) -> Any: ...
    def nvmlDeviceGetPciInfo(self, handle: Any) -> Any: ...
    def nvmlDeviceGetComputeRunningProcesses(self, handle: Any) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class GpuUse:
    """What runs on a GPU now; ``pids`` are those of compute processes, as the driver sees them."""

    number: int
    used_bytes: int
    pids: frozenset[int]


class NvidiaGpus:
    """The driver's answers. It is asked anew each time, but initialised once: that is slow."""

    def __init__(self, nvml: Nvml | None) -> None:
        self._nvml = nvml
        self._ready = False

    def present(self, host: Host) -> tuple[Gpu, ...]:
        """Return the GPUs the driver shows to this process; none where there is no driver."""

        def gpu(nvml: Nvml, number: int, handle: Any) -> Gpu:
            return Gpu(
                number=number,
                name=_text(nvml.nvmlDeviceGetName(handle)),
                uuid=_text(nvml.nvmlDeviceGetUUID(handle)),
                memory_bytes=int(nvml.nvmlDeviceGetMemoryInfo(handle).total),
                numa_node=_numa_node(host, _text(nvml.nvmlDeviceGetPciInfo(handle).busId)),
            )

        return tuple(self._each(gpu))

    def use(self) -> list[GpuUse]:
        """Return what runs on each GPU now."""

        def use(nvml: Nvml, number: int, handle: Any) -> GpuUse:
            processes = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
            return GpuUse(
                number=number,
                used_bytes=int(nvml.nvmlDeviceGetMemoryInfo(handle).used),
                pids=frozenset(int(process.pid) for process in processes),
            )

        return list(self._each(use))

    def close(self) -> None:
        """Let go of the driver."""
        if self._nvml is not None and self._ready:
            with suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
        self._ready = False

    def _each(self, ask: Callable[[Nvml, int, Any], T]) -> Iterator[T]:
        """Ask about each GPU; one that fell off the bus is left out, the others are told."""
        if self._nvml is None or not self._start(self._nvml):
            return
        for number in range(self._nvml.nvmlDeviceGetCount()):
            with suppress(self._nvml.NVMLError):
                handle = self._nvml.nvmlDeviceGetHandleByIndex(number)
                yield ask(self._nvml, number, handle)

    def _start(self, nvml: Nvml) -> bool:
        if not self._ready:
            try:
                nvml.nvmlInit()
            except nvml.NVMLError:
                return False
            self._ready = True
        return True


def nvidia_gpus() -> NvidiaGpus:
    """Return this machine's GPUs; none where the ``gpu`` extra is not installed."""
    try:
        import pynvml  # noqa: PLC0415
    except ImportError:
        return NvidiaGpus(None)
    return NvidiaGpus(pynvml)


def usable_gpus(found: tuple[Gpu, ...], environ: Mapping[str, str]) -> tuple[Gpu, ...]:
    """Return those a Slurm job was given, by number or UUID in CUDA_VISIBLE_DEVICES.

    Outside a Slurm job that variable is a person's own choice for one kernel, no limit.
    """
    given = environ.get("CUDA_VISIBLE_DEVICES")
    if given is None or "SLURM_JOB_ID" not in environ:
        return found
    names = {name.strip() for name in given.split(",")}
    return tuple(gpu for gpu in found if str(gpu.number) in names or gpu.uuid in names)


def _text(value: str | bytes) -> str:
    """Older releases of nvidia-ml-py answer in bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _numa_node(host: Host, bus_id: str) -> int:
    """Read it from sysfs, which writes ``00000000:3B:00.0`` as ``0000:3b:00.0``; -1 is unknown."""
    text = host.text(f"/sys/bus/pci/devices/{bus_id.lower()[-12:]}/numa_node")
    return max(0, int(text)) if text.lstrip("-").isdigit() else 0
