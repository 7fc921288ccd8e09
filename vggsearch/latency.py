"""The time of a forward pass."""

import statistics
import time

import torch
from torch import nn

from vggsearch.devices import backend_of

WARM_UP = 3
"""Passes before the measurement: the first ones allocate memory, and choose and load kernels."""


def measure_latency(
    model: nn.Module,
    input_shape: tuple[int, int, int],
    device: torch.device,
    *,
    budget_s: float = 0.25,
    max_repeats: int = 30,
) -> float:
    """Median milliseconds of one forward pass of one image of `input_shape` (channels, height, width).

    The model is on `device`. It is measured in eval mode, in its own precision and memory format, with all of
    torch's threads, and its mode is restored. A GPU is synchronised before and after every pass. Passes are
    repeated until `budget_s` seconds are measured, at least once and at most `max_repeats` times.
    """
    x = torch.zeros(1, *input_shape, device=device)
    was_training = model.training
    model.eval()
    times_s: list[float] = []
    wait = backend_of(device).wait
    with torch.inference_mode():
        for _ in range(WARM_UP):
            model(x)
        while len(times_s) < max_repeats and (not times_s or sum(times_s) < budget_s):
            wait()
            start_s = time.perf_counter()
            model(x)
            wait()
            times_s.append(time.perf_counter() - start_s)
    model.train(was_training)
    return 1000 * statistics.median(times_s)
