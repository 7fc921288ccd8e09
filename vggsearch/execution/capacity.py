"""How many runs this machine can make at once."""

import math
from pathlib import Path

import psutil

from vggsearch.execution.contract import DeviceKind

_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def default_workers(device: DeviceKind) -> int:
    """Return the number of usable cores or GPUs."""
    if device == "cpu":
        return usable_cores()
    import torch

    return torch.cuda.device_count()


def usable_cores() -> int:
    """Return the physical cores that this process may use, by machine, CPU affinity and control group."""
    physical = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    allowed = len(psutil.Process().cpu_affinity() or []) or physical
    return max(1, min(physical, allowed, _quota_cores()))


def _quota_cores() -> int:
    """Return the cores that the control group grants, rounded up; 2^20 if it sets no limit."""
    unlimited = 1 << 20
    try:
        quota, _, period = _CGROUP_QUOTA.read_text().partition(" ")
    except OSError:
        return unlimited
    if not (quota.isdecimal() and period.strip().isdecimal()):
        return unlimited
    return max(1, math.ceil(int(quota) / int(period)))
