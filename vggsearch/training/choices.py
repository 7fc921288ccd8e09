"""What a recipe leaves to the machine, precision and layers, and how measured times decide it.

| recipe | on a CPU | on an accelerator |
|---|---|---|
| `precision: auto` | float32 | bfloat16; on MPS float32 |
| `precision: fastest` | float32 or bfloat16, measured | the same, not measured |
| `layers: auto` with `precision: fastest` | torch, or narrow where measured to be faster | narrow |
| `layers: auto` with another precision | torch | torch |

What a recipe names is kept. `vggsearch.training.timing` measures, `vggsearch.training.remembered` keeps what
was decided. Processor flags are not used: a processor may have instructions for bfloat16 and be slower
with them.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Literal

import torch

from vggsearch.arch import Architecture
from vggsearch.devices import traits
from vggsearch.recipe import Recipe
from vggsearch.schema import Frozen
from vggsearch.training.narrow import leaves_registers_empty

CLEARLY = 0.93
"""A choice replaces a plainer one only if its median time is at most this fraction of the plainer one's. The
medians of choices that compute almost the same were seen to differ by up to 8 % on a machine without other
work (docs/performance.md), and a smaller gain is not worth another rounding."""


class Choice(Frozen):
    """The precision and the layers of a run."""

    precision: Literal["float32", "bfloat16"]
    """What convolutions and linear layers multiply; bfloat16 by autocast."""
    layers: Literal["torch", "narrow"]
    """Which code computes batch norm and max-pool (`vggsearch.training.narrow`)."""

    def __str__(self) -> str:
        return f"{self.precision}, {self.layers} layers"


def candidates(recipe: Recipe, architecture: Architecture, device: torch.device) -> tuple[Choice, ...]:
    """The choices that `recipe` permits for a net on `device`, the plainest first; at least one.

    Narrow layers are a candidate only where a block's channels leave vector registers partly empty: elsewhere
    they compute what PyTorch's layers compute.
    """
    on_cpu, fastest = device.type == "cpu", recipe.precision == "fastest"
    precisions: tuple[Literal["float32", "bfloat16"], ...]
    if recipe.precision == "float32" or recipe.precision == "bfloat16":
        precisions = (recipe.precision,)
    elif on_cpu:
        precisions = ("float32", "bfloat16") if fastest else ("float32",)
    else:
        precisions = ("bfloat16",) if traits(device.type).bfloat16 else ("float32",)
    layers: tuple[Literal["torch", "narrow"], ...]
    if recipe.layers != "auto":
        layers = (recipe.layers,)
    elif fastest and on_cpu:
        narrow = any(leaves_registers_empty(block.channels) for block in architecture.blocks)
        layers = ("torch", "narrow") if narrow else ("torch",)
    else:
        layers = ("narrow",) if fastest else ("torch",)
    return tuple(Choice(precision=precision, layers=kind) for precision in precisions for kind in layers)


def decide(timings: Mapping[Choice, Sequence[float]]) -> Choice:
    """The choice to train with, from the times of each choice in any unit, the plainest choice first.

    Medians are compared, so that a single outlier among three or more times does not decide. In the order of
    `timings`, a choice replaces the one before it if it is clearly faster (`CLEARLY`). The median of the
    result is therefore at most 1 / `CLEARLY` times the smallest median.
    """
    (plainest, times), *others = timings.items()
    chosen, least = plainest, statistics.median(times)
    for choice, times in others:
        median = statistics.median(times)
        if median <= CLEARLY * least:
            chosen, least = choice, median
    return chosen
