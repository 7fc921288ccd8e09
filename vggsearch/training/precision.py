"""The precision in which a run multiplies: the recipe's choice, or the fastest on its device.

On two cores of a Zen 4, which multiplies bfloat16 in hardware, a step takes 1.2 to 1.7 times as long in
float32; on a processor that only emulates it, bfloat16 takes several times as long (docs/performance.md).
"""

import functools
from pathlib import Path
from typing import Literal

import torch

from vggsearch.recipe import Recipe

_HARDWARE = frozenset({"avx512_bf16", "amx_bf16"})
"""Linux's names of the instructions on x86."""


def precision(recipe: Recipe, device: torch.device) -> Literal["float32", "bfloat16"]:
    """The precision of convolutions and linear layers in a run by `recipe` on `device`."""
    match recipe.precision:
        case "auto":
            return "bfloat16" if device.type == "cuda" else "float32"
        case "fastest":
            return "bfloat16" if device.type == "cuda" or multiplies_bfloat16() else "float32"
        case chosen:
            return chosen


@functools.cache
def multiplies_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this processor multiplies bfloat16 in hardware; False where this is unknown."""
    if not cpuinfo.exists():
        return False
    flags = (line for line in cpuinfo.read_text().splitlines() if line.startswith("flags"))
    return not _HARDWARE.isdisjoint(next(flags, "").split())
