"""How many runs this machine can make at once."""

import psutil

from vggsearch.execution.contract import DeviceKind
from vggsearch.system import allowed_cores, cgroup_cores


def default_workers(device: DeviceKind) -> int:
    """Return the number of usable cores or GPUs."""
    if device == "cpu":
        return usable_cores()
    import torch

    return torch.cuda.device_count()


def usable_cores() -> int:
    """Return the physical cores that this process may use, by machine, CPU affinity and control group."""
    physical = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    return max(1, min(physical, len(allowed_cores()), cgroup_cores() or physical))
