"""Whether a run fits in the free memory, checked before it starts.

A run is refused only where its predicted peak (`vggsearch.memory`, a few percent below measurements) is more
than the free memory. A run near that limit is tried, and ends as `out_of_memory` where it does not fit. Only
memory in use at that moment is considered: runs that start together may still need more than there is.
"""

import contextlib

import torch

from vggsearch.arch import Architecture
from vggsearch.data import SearchData
from vggsearch.devices import backend_of
from vggsearch.memory import TrainingMemory, training_memory
from vggsearch.runs import RunKey
from vggsearch.training.allocator import keeping_freed_memory
from vggsearch.training.setup import CURVE_IMAGES

INT64_BYTES = 8
DRAWS = 7
"""int64 numbers for each image that an epoch's order, shifts and flips take, including temporary ones."""


def memory_shortage(key: RunKey, data: SearchData, device: torch.device) -> str | None:
    """Reason and remedy where `key` needs more than the free memory of `device`; None where it fits.

    Raises `ArchitectureError` where the architecture does not fit its input.
    """
    needed, free = needed_memory(key, data), free_bytes(device)
    if needed.total <= free:
        return None
    mostly_weights = needed.parameters + needed.optimizer_state + needed.gradients > needed.saved
    remedy = "a net with fewer parameters" if mostly_weights else "a smaller batch size"
    return (
        f"training needs about {needed.total / 1e9:.3g} GB and {free / 1e9:.3g} GB are free: "
        f"use {remedy}, fewer workers, or a machine with more memory"
    )


def memory_policy(
    key: RunKey, data: SearchData, device: torch.device
) -> contextlib.AbstractContextManager[object]:
    """Context to train `key` in, in a process that only trains: freed memory is kept where there is room."""
    if device.type != "cpu":
        return contextlib.nullcontext()
    return keeping_freed_memory(needed=needed_memory(key, data).total, free=free_bytes(device))


def needed_memory(key: RunKey, data: SearchData) -> TrainingMemory:
    """Memory that training `key` needs in addition to its images."""
    count, channels, height, width = data.train.images.shape
    border = 2 * key.recipe.shift_px
    padded = count * channels * (height + border) * (width + border)
    part = CURVE_IMAGES * channels * height * width if len(data.val.labels) > CURVE_IMAGES else 0
    return training_memory(
        Architecture.parse(key.architecture),
        key.task,
        key.recipe,
        device=key.device,
        image_shape=(channels, height, width),
        copies=padded + part + DRAWS * INT64_BYTES * count,
    )


def free_bytes(device: torch.device) -> float:
    """Bytes of memory that a run could still use on `device`; infinity where its backend does not say."""
    return backend_of(device).free_bytes()
