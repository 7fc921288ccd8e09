"""Whole numbers of channels, block by block, at which one net costs as much as another.

    c_b       given channels of block b = 1 … B; c_0 is the image's, which do not change
    s         scale at which real widths s c_b cost the target exactly
    x_b       chosen whole channels
    skew      √ Σ_b ln² (x_b / s c_b): 0 where the proportions of the given widths are kept

Both measures are polynomials of the widths, with products of neighbouring widths only,

    f(x) = constant + Σ_b linear_b x_b + Σ_b square_b x_b² + Σ_b cross_b x_{b−1} x_b,

so that s solves a quadratic equation. Scaling all widths by one number is the width multiplier of Howard et
al. (arXiv 1704.04861, §3.3); trading width for filter size at the same complexity is He & Sun (arXiv
1412.1710, §3.1), who round to whole filters as well. MACs and parameters are those of `vggsearch.costs`.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from vggsearch.arch import MAX_CHANNELS, Architecture, Task
from vggsearch.costs import cost
from vggsearch.errors import DesignError

FloatArray = npt.NDArray[np.float64]

Measure = Literal["macs", "params"]
"""`params` are those of convolutions and head; batch norm's, a fixed number per channel, are left out."""

LABELS = {"macs": "MACs", "params": "parameters"}

TOLERANCE = 0.005
"""Relative mismatch below which the skew, and no longer the mismatch, decides between widths."""

MAX_MISMATCH = 0.02
"""Relative mismatch above which two nets do not count as equal."""

MAX_SKEW = 0.1
"""A block may differ from its proportional width by this share, or by less than one channel."""

_MAX_CANDIDATES = 65536


def measured(architecture: Architecture, measure: Measure, task: Task) -> int:
    """MACs, or parameters of convolutions and head, of `architecture`."""
    found = cost(architecture, task)
    return found.macs if measure == "macs" else found.conv_params + found.head_params


def match_width(
    architecture: Architecture,
    target: int,
    measure: Measure,
    task: Task,
) -> Architecture:
    """`architecture` with whole channels, near proportional to its own, at which `measure` comes to `target`.

    The widths tried in each block are those around the proportional one (`MAX_SKEW`), or the nearest of them
    where there are many. The least skewed combination within `TOLERANCE` of the target is taken, or the one
    nearest to the target where none is. The result is deterministic.

    Raises `DesignError` where none comes within `MAX_MISMATCH`, or a block would have no channel left;
    `ArchitectureError` where the net does not fit the images.
    """
    weights = _polynomial(architecture, measure, task)
    own = np.array([block.channels for block in architecture.blocks], dtype=np.float64)
    widths = _scale(weights, own, target) * own
    label = LABELS[measure]
    if widths.min() < 1:
        raise DesignError(
            f"no width gives {target} {label}: {shown_widths(own)} channels would become "
            f"{shown_widths(widths)}, and a block has at least 1: use a wider control"
        )
    if widths.max() > MAX_CHANNELS:
        raise DesignError(
            f"no width gives {target} {label}: {shown_widths(own)} channels would become "
            f"{shown_widths(widths)}, and a block has at most {MAX_CHANNELS}: use a narrower control"
        )
    tried = _around(widths)
    mismatch = np.abs(weights(tried) / target - 1)
    skew = np.sqrt((np.log(tried / widths[:, np.newaxis]) ** 2).sum(axis=0))
    best = int(np.lexsort((mismatch, skew, np.where(mismatch <= TOLERANCE, 0.0, mismatch)))[0])
    if mismatch[best] > MAX_MISMATCH:
        raise DesignError(
            f"no width gives {target} {label} within {MAX_MISMATCH:.0%}: the nearest, "
            f"{shown_widths(tried[:, best])} channels, has {weights(tried)[best] / target - 1:+.1%}: "
            "use a wider control"
        )
    return with_channels(architecture, tuple(int(width) for width in tried[:, best]))


def with_channels(architecture: Architecture, channels: tuple[int, ...]) -> Architecture:
    """The same net with these channels, one number for each block."""
    pairs = zip(architecture.blocks, channels, strict=True)
    return replace(architecture, blocks=tuple(replace(block, channels=width) for block, width in pairs))


def shown_widths(widths: FloatArray) -> str:
    """Channels of the first six blocks for a message: `9.6-19.2`."""
    texts = [f"{width:.4g}" if width < 1000 else f"{width:.0f}" for width in widths]
    return "-".join([*texts[:6], *(["…"] if len(texts) > 6 else [])])


@dataclass(frozen=True, slots=True)
class _Polynomial:
    """The measure as a function of the widths."""

    constant: float
    linear: FloatArray
    square: FloatArray
    cross: FloatArray
    """[B − 1]: coefficients of blocks 1 and 2, 2 and 3, …"""

    def __call__(self, widths: FloatArray) -> FloatArray:
        """The measure [N] of N nets with `widths` [B, N]."""
        return (
            self.constant
            + self.linear @ widths
            + self.square @ widths**2
            + self.cross @ (widths[:-1] * widths[1:])
        )


def _polynomial(architecture: Architecture, measure: Measure, task: Task) -> _Polynomial:
    """The coefficients: a convolution counts k² c_in c_out times its pixels (MACs), or k² c_in c_out + c_out
    (parameters), as in `vggsearch.costs`."""
    num_blocks = len(architecture.blocks)
    linear, square = np.zeros(num_blocks), np.zeros(num_blocks)
    cross = np.zeros(num_blocks - 1)
    bias = 1 if measure == "params" else 0
    for stage, block in enumerate(architecture.blocks):
        times = 1 if bias else (task.input_shape[1] >> stage) * (task.input_shape[2] >> stage)
        first, *more = (kernel**2 * times for kernel in block.kernel_sizes)
        square[stage] = sum(more)
        linear[stage] = bias * block.num_convs
        if stage == 0:
            linear[0] += task.input_shape[0] * first
        else:
            cross[stage - 1] = first
    hidden = architecture.head.hidden
    pixels = (task.input_shape[1] >> num_blocks) * (task.input_shape[2] >> num_blocks)
    linear[-1] += hidden[0] * pixels if hidden else task.num_classes
    own = np.array([[block.channels] for block in architecture.blocks], dtype=np.float64)
    partial = _Polynomial(0.0, linear, square, cross)
    # The rest does not depend on the widths: the head's biases, and its layers after the first.
    rest = measured(architecture, measure, task) - float(partial(own)[0])
    return replace(partial, constant=rest)


def _scale(weights: _Polynomial, own: FloatArray, target: int) -> float:
    """s from a s² + b s = target − constant, in the form that also holds for a = 0."""
    grows = target - weights.constant
    if grows <= 0:
        raise DesignError(
            f"no width gives a target of {target}: the part that does not depend on the widths is "
            f"{weights.constant:.0f} already: use a wider control"
        )
    a = float(weights.square @ own**2 + weights.cross @ (own[:-1] * own[1:]))
    b = float(weights.linear @ own)
    return 2 * grows / (b + math.sqrt(b * b + 4 * a * grows))


def _around(widths: FloatArray) -> FloatArray:
    """All combinations of the whole numbers around each of B real widths, [B, N]."""
    each = int(_MAX_CANDIDATES ** (1 / len(widths)) + 1e-9)
    grid = np.meshgrid(*(_whole_numbers(float(width), each) for width in widths), indexing="ij")
    return np.stack(grid).reshape(len(widths), -1)


def _whole_numbers(width: float, most: int) -> FloatArray:
    low = min(math.floor(width), math.ceil(width * (1 - MAX_SKEW)))
    high = max(math.ceil(width), math.floor(width * (1 + MAX_SKEW)))
    found = np.arange(max(low, 1), min(high, MAX_CHANNELS) + 1, dtype=np.float64)
    nearest = np.argsort(np.abs(np.log(found / width)), kind="stable")
    return np.sort(found[nearest[:most]])
