"""Which device runs are made on, and how many go on at once."""

import math
import re
from pathlib import Path
from typing import Literal

import psutil

from vggsearch.errors import DeviceError

DeviceKind = Literal["cpu", "cuda"]

_CUDA = re.compile(r"cuda(:[0-9]{1,3})?", re.ASCII)
_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def resolve_device(text: str) -> DeviceKind:
    """The kind of device that `auto`, `cpu`, `cuda` or `cuda:N` means here; raises `DeviceError`.

    `cuda:N` is one visible GPU by now: the command line hid the others.
    """
    if text == "cpu":
        return "cpu"
    if text != "auto" and _CUDA.fullmatch(text) is None:
        raise DeviceError(f"a device is auto, cpu, cuda or cuda:N, not {text[:40]!r}: use auto")
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if text == "auto":
        return "cpu"
    raise DeviceError(
        f"device {text} is not there, as torch {torch.__version__} sees no such GPU: use --device cpu"
    )


def default_workers(kind: DeviceKind) -> int:
    """One run per core or GPU."""
    if kind == "cpu":
        return usable_cores()
    import torch

    return torch.cuda.device_count()


def usable_cores() -> int:
    """Physical cores that this process may keep busy, by the machine, its affinity and its container."""
    physical = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    allowed = len(psutil.Process().cpu_affinity() or []) or physical
    return max(1, min(physical, allowed, container_cores()))


def container_cores() -> int:
    """Cores that the control group grants, rounded up; very many where it sets no limit."""
    unlimited = 1 << 20
    try:
        quota, _, period = _CGROUP_QUOTA.read_text().partition(" ")
    except OSError:
        return unlimited
    if not (quota.isdecimal() and period.strip().isdecimal()):
        return unlimited
    return max(1, math.ceil(int(quota) / int(period)))
