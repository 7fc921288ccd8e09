"""Proof of change: what each arm is beside the first, and that a contrast holds what it promises."""

from dataclasses import dataclass

from vggsearch.arch import Architecture
from vggsearch.cost import cost
from vggsearch.designs.design import Arm, Contrast, Design, Held
from vggsearch.designs.widths import MAX_MISMATCH
from vggsearch.errors import DesignError


@dataclass(frozen=True, slots=True)
class Row:
    """One arm: what it is and costs for one image."""

    arm: str
    architecture: Architecture
    convolutions: int
    channels: tuple[int, ...]
    """Of each block."""
    params: int
    core_params: int
    """Of convolutions and head, batch norm apart."""
    macs: int
    receptive_field: int
    recipe: tuple[tuple[str, object], ...]
    """Fields of the recipe that differ from the first arm's."""


def proof(design: Design, input_shape: tuple[int, int, int], num_classes: int) -> tuple[Row, ...]:
    """A row for each arm, the first arm's first."""
    first = design.arms[0].recipe.model_dump()
    rows = []
    for arm in design.arms:
        price = cost(arm.architecture, input_shape, num_classes)
        recipe = arm.recipe.model_dump()
        rows.append(
            Row(
                arm.name,
                arm.architecture,
                arm.architecture.num_convs,
                tuple(block.channels for block in arm.architecture.blocks),
                price.params,
                price.conv_params + price.head_params,
                price.macs,
                price.receptive_field,
                tuple((name, recipe[name]) for name in recipe if recipe[name] != first[name]),
            )
        )
    return tuple(rows)


def mismatch(
    design: Design, contrast: Contrast, input_shape: tuple[int, int, int], num_classes: int
) -> dict[Held, float]:
    """What remains of a difference in what `contrast`, of two arms, holds equal, as a fraction of the better
    side's; 0 where it is equal. Training seconds and `everything` are equal by construction.
    """
    rows = {row.arm: row for row in proof(design, input_shape, num_classes)}
    better, worse = (_side(contrast, rows, sign) for sign in (1, -1))
    remains: dict[Held, float] = {}
    for held in contrast.held:
        match held:
            case "MACs":
                remains[held] = worse.macs / better.macs - 1
            case "parameters":
                remains[held] = worse.core_params / better.core_params - 1
            case "receptive field":
                remains[held] = worse.receptive_field / better.receptive_field - 1
            case "depth":
                remains[held] = worse.convolutions / better.convolutions - 1
            case "width":
                remains[held] = (
                    0.0
                    if worse.channels == better.channels
                    else sum(worse.channels) / sum(better.channels) - 1 or float("inf")
                )
            case "training seconds" | "everything":
                remains[held] = 0.0
    return remains


def check(design: Design, input_shape: tuple[int, int, int], num_classes: int) -> None:
    """Raise `DesignError` where a contrast changes nothing, or something that it promises to hold equal."""
    for contrast in design.contrasts:
        if contrast.question == "which is better" and len(contrast.weights) == 2:
            better, worse = (
                next(arm for arm in design.arms if contrast.weights.get(arm.name, 0) * sign > 0)
                for sign in (1, -1)
            )
            if _same(better, worse):
                raise DesignError(
                    f"{contrast.name}: {worse.name} is the same net trained in the same way as "
                    f"{better.name}, so nothing would change: leave it out"
                )
        for held, fraction in mismatch(design, contrast, input_shape, num_classes).items():
            allowed = MAX_MISMATCH if held in ("MACs", "parameters") else 0.0
            if abs(fraction) > allowed:
                raise DesignError(
                    f"{contrast.name}: {held} must be equal, and differs by {fraction:+.1%}: change the "
                    "control"
                )


def _same(one: Arm, other: Arm) -> bool:
    return (
        one.architecture == other.architecture
        and one.recipe == other.recipe
        and one.same_time_as == other.same_time_as
        and one.seed_offset == other.seed_offset
    )


def _side(contrast: Contrast, rows: dict[str, Row], sign: int) -> Row:
    """The arm with the largest weight of that sign; contrasts that hold something equal have one on each."""
    return rows[max(contrast.weights, key=lambda name: sign * contrast.weights[name])]
