"""Channels that make one net cost what another does, in whole numbers, block by block.

A common real scale s is found first, at which channels s·c (rounded) cost what is wanted; then whole numbers
near s·c are tried for all blocks. Among those whose cost is within `CLOSE` of the target the one nearest to
proportional counts, by the sum of squared logarithms of c' / (s·c); where there is none, the one nearest to
the target.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product

from vggsearch.arch import Architecture
from vggsearch.arch.spec import MAX_CHANNELS
from vggsearch.cost import cost
from vggsearch.designs.design import Held
from vggsearch.errors import DesignError

CLOSE = 0.005
"""Relative mismatch that counts as equal while proportions are weighed."""

MAX_MISMATCH = 0.02
"""Relative mismatch above which two costs are not called equal."""

_NEAR = 2
"""Channels up and down from the rounded scale, while there are few blocks."""

_MAX_TRIED = 50_000


def measure(
    architecture: Architecture, what: Held, input_shape: tuple[int, int, int], num_classes: int
) -> int:
    """`MACs`, or `parameters` of convolutions and head (batch norm apart), of an architecture."""
    price = cost(architecture, input_shape, num_classes)
    return price.macs if what == "MACs" else price.conv_params + price.head_params


def match_width(
    architecture: Architecture,
    control: Architecture,
    what: Held,
    input_shape: tuple[int, int, int],
    num_classes: int,
) -> Architecture:
    """`architecture` with channels such that it has as many MACs or parameters as `control`.

    Raises `DesignError` where whole channels come no closer than `MAX_MISMATCH`.
    """
    target = measure(control, what, input_shape, num_classes)

    def price(channels: Sequence[int]) -> int:
        return measure(_with(architecture, channels), what, input_shape, num_classes)

    own = [block.channels for block in architecture.blocks]
    scale = _scale(own, target, price)
    near = _NEAR if (2 * _NEAR + 1) ** len(own) <= _MAX_TRIED else 1
    around = [_around(scale * channels, near) for channels in own]
    best: tuple[float, float] | None = None
    found: tuple[int, ...] = ()
    for channels in product(*around):
        mismatch = abs(price(channels) / target - 1)
        shape = sum(math.log(new / (scale * old)) ** 2 for new, old in zip(channels, own, strict=True))
        rank = (0.0, shape) if mismatch <= CLOSE else (mismatch, shape)
        if best is None or rank < best:
            best, found = rank, channels
    mismatch = price(found) / target - 1
    if abs(mismatch) > MAX_MISMATCH:
        raise DesignError(
            f"no whole channels give the {what} of the control within {MAX_MISMATCH:.0%}, the nearest are "
            f"{', '.join(map(str, found))} with {mismatch:+.1%}: choose a wider control"
        )
    return _with(architecture, found)


def _with(architecture: Architecture, channels: Sequence[int]) -> Architecture:
    blocks = (replace(block, channels=new) for block, new in zip(architecture.blocks, channels, strict=True))
    return replace(architecture, blocks=tuple(blocks))


def _scale(own: Sequence[int], target: int, price: Callable[[Sequence[int]], int]) -> float:
    low, high = math.log(1 / max(own)), math.log(MAX_CHANNELS / max(own))
    for _ in range(60):
        middle = (low + high) / 2
        if price([max(1, round(math.exp(middle) * channels)) for channels in own]) < target:
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)


def _around(channels: float, near: int) -> range:
    middle = round(channels)
    return range(max(1, middle - near), min(MAX_CHANNELS, max(1, middle + near)) + 1)
