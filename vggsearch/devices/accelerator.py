"""What torch knows of this machine's devices: which there are, their names, their memory; waiting for them.

One path for all accelerators, by `torch.accelerator`. Torch is built for one kind of them, so there is one
kind at most. This module alone knows where a backend does not do what `torch.accelerator` promises:

- **MPS**: memory is read by `torch.mps`, because the functions of `torch.accelerator` raised an internal
  error there until June 2026 (pytorch/pytorch#186748). There is no record of peak memory. The name is that
  of the processor, of which the accelerator is a part.
- **XPU**: integrated accelerators do not say how much memory is free (pytorch/pytorch#159728).
"""

import math
import re

import psutil
import torch

from vggsearch.devices.kinds import DeviceKind
from vggsearch.errors import DeviceError
from vggsearch.system import (
    cgroup_free_bytes,
    peak_resident_bytes,
    processor_model,
    reset_peak_resident_bytes,
)

_NAME = re.compile(r"auto|cpu|mps|(cuda|xpu)(:[0-9]{1,3})?", re.ASCII)


class Backend:
    """A device as its backend describes it: here the processor, in the subclasses accelerators."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    @property
    def name(self) -> str:
        """Name of the model, on which a budget in seconds depends."""
        return processor_model()

    def free_bytes(self) -> float:
        """Bytes that a run could still use; infinity where the backend does not say.

        On a processor, the machine's available memory, or less where a control group limits this process. On
        an accelerator, its free memory and what torch has reserved and does not use.
        """
        return min([psutil.virtual_memory().available, *cgroup_free_bytes()])

    def reset_peak(self) -> None:
        """Start a new measurement of `peak_bytes`; without effect where the system has no such reset."""
        reset_peak_resident_bytes()

    def peak_bytes(self) -> int | None:
        """Peak memory since `reset_peak`, or since the process started; None where the backend keeps none.

        On a processor, the resident memory of this process (its current size where the operating system
        records no peak); on an accelerator, the memory that torch allocated there.
        """
        return peak_resident_bytes()

    def wait(self) -> None:
        """Wait until the device has done all that it was given; a processor has."""


class _Accelerator(Backend):
    """CUDA, ROCm and XPU."""

    @property
    def name(self) -> str:
        found: str = torch.get_device_module(self.device).get_device_name(self.device)
        return found

    def free_bytes(self) -> float:
        memory = torch.accelerator.memory
        try:
            free, _ = memory.get_memory_info(self.device)
        except RuntimeError:  # an integrated accelerator of Intel
            return math.inf
        return free + memory.memory_reserved(self.device) - memory.memory_allocated(self.device)

    def reset_peak(self) -> None:
        torch.accelerator.memory.reset_peak_memory_stats(self.device)

    def peak_bytes(self) -> int | None:
        return torch.accelerator.memory.max_memory_allocated(self.device)

    def wait(self) -> None:
        torch.accelerator.synchronize(self.device)


class _Metal(_Accelerator):
    """Apple's, whose memory is the machine's."""

    @property
    def name(self) -> str:
        return processor_model()

    def free_bytes(self) -> float:
        held = torch.mps.current_allocated_memory()
        kept = torch.mps.driver_allocated_memory() - held
        return min(torch.mps.recommended_max_memory() - held, Backend.free_bytes(self) + kept)

    def reset_peak(self) -> None:
        pass

    def peak_bytes(self) -> int | None:
        return None


def backend_of(device: torch.device) -> Backend:
    """The backend of `device`."""
    if device.type == "cpu":
        return Backend(device)
    return _Metal(device) if device.type == "mps" else _Accelerator(device)


def resolve_device(text: str) -> DeviceKind:
    """The kind of device that `auto`, or the name of a kind, means here; raises `DeviceError`.

    `cuda:N` and `xpu:N` are one visible device by now: the command line hid the others. `auto` is the
    accelerator where there is one.
    """
    if _NAME.fullmatch(text) is None:
        raise DeviceError(
            f"a device is auto, cpu, cuda, mps or xpu, or one of several as in cuda:1, not {text[:40]!r}: "
            "use auto"
        )
    kind = text.partition(":")[0]
    if kind == "cpu":
        return "cpu"
    found = _accelerator()
    if kind == "auto":
        return found or "cpu"
    if found is None or kind != found:
        there = "only cpu" if found is None else f"only {found} and cpu"
        raise DeviceError(
            f"device {text} is not there, as torch {torch.__version__} sees {there}: "
            f"use --device {found or 'cpu'}"
        )
    return found


def _accelerator() -> DeviceKind | None:
    """The kind of accelerator that torch sees; None where it sees none of those that runs can be made on."""
    found = torch.accelerator.current_accelerator(check_available=True)
    kinds: tuple[DeviceKind, ...] = ("cuda", "xpu", "mps")
    return next((kind for kind in kinds if found is not None and found.type == kind), None)


def device_count(kind: DeviceKind) -> int:
    """How many devices of `kind`, which `resolve_device` returned, this process sees."""
    return 1 if kind == "cpu" else torch.accelerator.device_count()


def worker_device(kind: DeviceKind, index: int) -> torch.device:
    """The device for worker number `index` of this machine, made the current one of this process.

    Workers are distributed evenly over the accelerators that the process sees.
    """
    if kind == "cpu":
        return torch.device("cpu")
    device = torch.device(kind, index % max(1, device_count(kind)))
    torch.accelerator.set_device_index(device)
    # A run's shapes never change. The flag is cuDNN's: without effect on any other backend.
    torch.backends.cudnn.benchmark = True
    return device
