"""Proof of change: what each arm is beside the first one, and that every contrast keeps what it promises.

Differences are fractions of the first arm's (of a contrast's positive side's) value: +0.15 is 15 % more.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from vggsearch.arch import Architecture, Task
from vggsearch.cost import cost
from vggsearch.designs.design import Arm, Contrast, Design, Held
from vggsearch.designs.text import Level
from vggsearch.designs.widths import MAX_MISMATCH
from vggsearch.errors import DesignError

COMPARED = ("num_convs", "params", "conv_head_params", "macs", "receptive_field")
"""Fields of a `Row` whose differences from the first arm it holds."""

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
    """What one arm is, and costs for one image."""

    arm: str
    architecture: Architecture
    num_convs: int
    channels: tuple[int, ...]
    """Of each block."""
    params: int
    """All, batch norm's among them."""
    conv_head_params: int
    """Those of convolutions and head, which a contrast at equal parameters weighs."""
    macs: int
    receptive_field: int
    """Side in pixels."""
    differences: Mapping[str, float]
    """Of each of `COMPARED`: (this − the first arm's) / the first arm's, not rounded."""
    recipe: Mapping[str, Level]
    """The fields of its recipe that differ from the first arm's, with their values here."""
    same_time_as: str | None
    """The arm whose training seconds it is given."""
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
    """What remains between the contrast's arms in everything that it holds, as a signed fraction.

    Of several arms the farthest from the first positive one counts; exactly 0.0 where nothing remains. Of
    `width` it is that of the block where it is largest, infinite where the numbers of blocks differ.
    `training seconds` and `everything` are held by what the plan says, so 0.0, or infinite where it does not.
    """
    arms = [design.arm(name) for name in contrast.weights]
    base = next(arm for arm in arms if contrast.weights[arm.name] > 0)
    others = [arm for arm in arms if arm is not base]
    return {
        held: max((_remaining(held, base, arm, task) for arm in others), key=abs) for held in contrast.held
    }


def check(design: Design, task: Task) -> None:
    """Raise `DesignError` where an arm is the one it is compared with, or a contrast changes what it promises
    to hold; parameters and MACs by more than `MAX_MISMATCH`. `ArchitectureError` where an arm does not fit.
    """
    proof(design, task)
    for contrast in design.contrasts:
        _check_changes(contrast, [design.arm(name) for name in contrast.weights])
        for held, left in mismatch(design, contrast, task).items():
            if abs(left) > (MAX_MISMATCH if held in ("parameters", "MACs") else 0):
                found = "does not" if math.isinf(left) else f"changes it by {left:+.1%}"
                raise DesignError(
                    f"{contrast.name}: the contrast promises to hold {held}, and {found}: "
                    "use a wider control, or leave the contrast out"
                )


def _check_changes(contrast: Contrast, arms: list[Arm]) -> None:
    """Raise where two of its arms are trained alike, but for other seeds where everything is held."""
    again = "everything" in contrast.held
    for i, arm in enumerate(arms):
        for other in arms[:i]:
            alike = (arm.architecture, arm.recipe) == (other.architecture, other.recipe)
            if alike and (not again or arm.seed_offset == other.seed_offset):
                raise DesignError(
                    f"{contrast.name}: a contrast compares different runs, and {other.name} and {arm.name} "
                    f"are both {arm.architecture}, trained alike: leave it out"
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
