"""Whether a run fits in the memory that is free, asked before it begins.

A run is refused only where what it uses at its peak (`vggsearch.memory`, a few percent below what was
measured) is more than what is free: near that it is tried, and ends as `out_of_memory` where it does not fit.
What is free is what nobody holds at that moment; runs that begin together may still want more than there is.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

from vggsearch.arch import Architecture
from vggsearch.data import SearchData
from vggsearch.memory import TrainingMemory, training_memory
from vggsearch.runs import RunKey
from vggsearch.training.allocator import keeping_freed_memory
from vggsearch.training.setup import CURVE_IMAGES

INT64_BYTES = 8
DRAWS = 7
"""int64 numbers that an epoch's order, shifts and flips take for each image, those in passing included."""

NO_LIMIT = 2**60
"""cgroup v1 says that there is no limit by one of about 2^63 bytes."""


def why_not(key: RunKey, data: SearchData, device: torch.device) -> str | None:
    """Why `key` cannot be trained on `device`, where `data` lies, with what to do about it; None if it can.

    Raises `ArchitectureError` where the architecture does not fit its input.
    """
    needed, free = needed_memory(key, data, device), free_bytes(device)
    if needed.total <= free:
        return None
    by_weights = needed.parameters + needed.optimizer_state + needed.gradients > needed.saved
    remedy = "a net with fewer parameters" if by_weights else "a smaller batch size"
    return (
        f"training takes about {needed.total / 1e9:.3g} GB and {free / 1e9:.3g} GB are free: "
        f"use {remedy}, fewer workers, or a machine with more memory"
    )


def kept_memory(
    key: RunKey, data: SearchData, device: torch.device
) -> contextlib.AbstractContextManager[object]:
    """Train `key` in this, on a process that does nothing else: faster where there is memory to spare."""
    if device.type != "cpu":
        return contextlib.nullcontext()
    return keeping_freed_memory(needed=needed_memory(key, data, device).total, free=free_bytes(device))


def needed_memory(key: RunKey, data: SearchData, device: torch.device) -> TrainingMemory:
    """What training `key` takes on top of its images."""
    count, channels, height, width = data.train.images.shape
    border = 2 * key.recipe.shift_px
    padded = count * channels * (height + border) * (width + border)
    part = CURVE_IMAGES * channels * height * width if len(data.val.labels) > CURVE_IMAGES else 0
    return training_memory(
        Architecture.parse(key.architecture),
        key.task,
        key.recipe,
        device="cuda" if device.type == "cuda" else "cpu",
        image_shape=(channels, height, width),
        copies=padded + part + DRAWS * INT64_BYTES * count,
    )


def free_bytes(device: torch.device) -> int:
    """Memory that a run could still take on `device`.

    On a GPU what nobody holds, and what torch holds without using it; elsewhere what the machine has
    available, or less where this process may not have so much.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return min([psutil.virtual_memory().available, *cgroup_free_bytes()])


def cgroup_free_bytes(
    root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")
) -> Iterator[int]:
    """What is left to each limited control group that this process is in; see cgroups(7).

    Files that were read and can be forgotten do not count as used.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            place, names = root, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            place, names = (
                root / "memory",
                ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
            )
        else:
            continue
        # In a container the path may be the host's: its last folders that exist are the ones that count.
        own = place / path.lstrip("/")
        for folder in (own, *own.parents):
            if not folder.is_relative_to(place):
                break
            with contextlib.suppress(OSError, ValueError):
                yield _left(folder, *names)


def _left(folder: Path, limit: str, used: str, forgettable: str) -> int:
    """Raises OSError where the folder has no such files, ValueError where there is no limit."""
    most = int((folder / limit).read_text())
    if most >= NO_LIMIT:
        raise ValueError
    stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    return max(0, most - int((folder / used).read_text()) + int(stat.get(forgettable, 0)))
