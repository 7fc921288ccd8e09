"""How many runs this machine can make at once."""

import psutil

from vggsearch.devices import DeviceKind
from vggsearch.system import allowed_cores, cgroup_cores


def default_workers(device: DeviceKind) -> int:
    """Return the number of usable cores or accelerators."""
    if device == "cpu":
        return usable_cores()
    from vggsearch.devices import device_count  # imports torch

    return device_count(device)


def usable_cores() -> int:
    """Return the physical cores that this process may use, by machine, CPU affinity and control group."""
    physical = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    return max(1, min(physical, len(allowed_cores()), cgroup_cores() or physical))
