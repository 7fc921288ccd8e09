"""Proof of change: how each arm differs from the first, and that every contrast holds equal what it says.

Differences are fractions of the value of the first arm, or of a contrast's positive side: +0.15 is 15 % more.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from vggsearch.arch import Architecture, Task
from vggsearch.costs import cost
from vggsearch.designs.design import Arm, Contrast, Design, Held
from vggsearch.designs.text import Level
from vggsearch.designs.widths import MAX_MISMATCH
from vggsearch.errors import DesignError

COMPARED = ("num_convs", "params", "conv_head_params", "macs", "receptive_field")
"""Fields of a `Row` that are compared with those of the first arm."""

_FIELDS: Mapping[Held, str] = MappingProxyType(
    {
        "depth": "num_convs",
        "receptive field": "receptive_field",
        "parameters": "conv_head_params",
        "MACs": "macs",
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    """The net and recipe of one arm, and its cost for one image."""

    arm: str
    architecture: Architecture
    num_convs: int
    channels: tuple[int, ...]
    """Channels of each block."""
    params: int
    """All parameters, including batch norm's."""
    conv_head_params: int
    """Parameters of convolutions and head, which a contrast at equal parameters compares."""
    macs: int
    receptive_field: int
    """Side of the receptive field in pixels."""
    differences: Mapping[str, float]
    """Relative difference in each of `COMPARED`: (this − first arm) / first arm, not rounded."""
    recipe: Mapping[str, Level]
    """Fields of its recipe that differ from the first arm's, with this arm's values."""
    same_time_as: str | None
    """Name of the arm whose training seconds it gets; None for the study's budget."""
    seed_offset: int


def proof(design: Design, task: Task) -> tuple[Row, ...]:
    """A row for each arm, in order. Raises `ArchitectureError` where one does not fit the images."""
    first = design.arms[0]
    at_first = _numbers(first.architecture, task)
    rows = []
    for arm in design.arms:
        numbers = _numbers(arm.architecture, task)
        recipe: dict[str, Level] = arm.recipe.model_dump()
        rows.append(
            Row(
                arm.name,
                arm.architecture,
                channels=_channels(arm.architecture),
                **numbers,
                differences=MappingProxyType(
                    {name: _difference(numbers[name], at_first[name]) for name in COMPARED}
                ),
                recipe=MappingProxyType(
                    {name: value for name, value in recipe.items() if value != getattr(first.recipe, name)}
                ),
                same_time_as=arm.same_time_as,
                seed_offset=arm.seed_offset,
            )
        )
    return tuple(rows)


def mismatch(design: Design, contrast: Contrast, task: Task) -> dict[Held, float]:
    """Remaining difference between the contrast's arms in everything that it holds equal, a signed fraction.

    It is the largest difference of any arm from the first positive one, exactly 0.0 where they are equal.
    For `width` it is that of the block where it is largest, infinite where the numbers of blocks differ. For
    `training seconds` and `everything` it is 0.0 where the design holds them equal, else infinite.
    """
    arms = [design.arm(name) for name in contrast.weights]
    base = next(arm for arm in arms if contrast.weights[arm.name] > 0)
    others = [arm for arm in arms if arm is not base]
    return {
        held: max((_remaining(held, base, arm, task) for arm in others), key=abs) for held in contrast.held
    }


def check(design: Design, task: Task) -> None:
    """Raise `DesignError` where a contrast compares an arm with itself or changes what it holds equal.

    Parameters and MACs may change by up to `MAX_MISMATCH`. Raises `ArchitectureError` where an arm does not
    fit the images.
    """
    proof(design, task)
    for contrast in design.contrasts:
        _check_changes(contrast, [design.arm(name) for name in contrast.weights])
        for held, left in mismatch(design, contrast, task).items():
            if abs(left) > (MAX_MISMATCH if held in ("parameters", "MACs") else 0):
                found = "one arm differs" if math.isinf(left) else f"one arm differs by {left:+.1%}"
                raise DesignError(
                    f"{contrast.name}: the contrast holds {held} equal, and {found}: "
                    "use a wider control, or leave the contrast out"
                )


def _check_changes(contrast: Contrast, arms: list[Arm]) -> None:
    """Raise where two arms are the same net and recipe; with other seeds where everything is held equal."""
    again = "everything" in contrast.held
    for i, arm in enumerate(arms):
        for other in arms[:i]:
            alike = (arm.architecture, arm.recipe) == (other.architecture, other.recipe)
            if alike and (not again or arm.seed_offset == other.seed_offset):
                raise DesignError(
                    f"{contrast.name}: a contrast compares different runs, and {other.name} and {arm.name} "
                    f"are both {arm.architecture}, trained alike: leave the contrast out"
                )


def _numbers(architecture: Architecture, task: Task) -> dict[str, int]:
    found = cost(architecture, task)
    return {
        "num_convs": architecture.num_convs,
        "params": found.params,
        "conv_head_params": found.conv_params + found.head_params,
        "macs": found.macs,
        "receptive_field": found.receptive_field,
    }


def _channels(architecture: Architecture) -> tuple[int, ...]:
    return tuple(block.channels for block in architecture.blocks)


def _difference(value: int, base: int) -> float:
    return (value - base) / base


def _remaining(held: Held, base: Arm, arm: Arm, task: Task) -> float:
    if held == "everything":
        return 0.0 if (base.architecture, base.recipe) == (arm.architecture, arm.recipe) else math.inf
    if held == "training seconds":
        return 0.0 if arm.same_time_as == base.name or base.same_time_as == arm.name else math.inf
    if held == "width":
        pairs = list(zip(_channels(arm.architecture), _channels(base.architecture), strict=False))
        if len(arm.architecture.blocks) != len(base.architecture.blocks):
            return math.inf
        return max((_difference(*pair) for pair in pairs), key=abs)
    sides = (_numbers(each.architecture, task) for each in (arm, base))
    value, at_base = (numbers[_FIELDS[held]] for numbers in sides)
    return _difference(value, at_base)
