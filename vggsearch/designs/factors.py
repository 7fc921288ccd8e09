"""One factor at another level: of the architecture, or of the recipe.

| factor | levels | what becomes of the net |
|---|---|---|
| ratio | whole numbers | every channel count is divided by it |
| num_blocks | whole numbers | the first so many blocks remain |
| convs_per_block | whole numbers | every block gets so many convolutions |
| kernel_size | odd numbers | every convolution gets it |
| batch_norm | true, false | with or without it |
| head | texts, `gap` or `fc128` | the classifier |
| a field of `Recipe` but lr | its values | how the net is trained |
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import ValidationError

from vggsearch.arch import Architecture, Block, Head
from vggsearch.designs.design import CONTROL, Arm, Contrast, Design
from vggsearch.errors import ArchitectureError, DesignError
from vggsearch.recipe import Recipe

Level = bool | int | float | str

ARCHITECTURE_FACTORS = ("ratio", "num_blocks", "convs_per_block", "kernel_size", "batch_norm", "head")
RECIPE_FACTORS = tuple(name for name in Recipe.model_fields if name != "lr")
FACTORS: tuple[str, ...] = (*ARCHITECTURE_FACTORS, *RECIPE_FACTORS)
"""In the order in which they are applied."""


def check_factors(factors: Sequence[str]) -> None:
    """Raise `DesignError` where one of `factors` is none."""
    for factor in factors:
        if factor == "lr":
            raise DesignError(
                "lr is no factor, as every arm gets the learning rate that suits it: list what to try under "
                "learning_rates"
            )
        if factor not in FACTORS:
            near = difflib.get_close_matches(factor, FACTORS, 1)
            remedy = f"did you mean {near[0]}?" if near else f"use one of {', '.join(FACTORS)}"
            raise DesignError(f"no factor of architecture or recipe is called {factor[:60]!r}: {remedy}")


def with_level(
    architecture: Architecture, recipe: Recipe, factor: str, level: Level
) -> tuple[Architecture, Recipe]:
    """The net and the recipe with `factor` at `level`. Raises `DesignError` where that cannot be."""
    try:
        if factor in RECIPE_FACTORS:
            return architecture, _trained(recipe, factor, level)
        return _built(architecture, factor, level), recipe
    except ArchitectureError as error:
        raise DesignError(f"{factor} {shown(level)}: {error}") from error


def one_at_a_time(
    control: Architecture,
    recipe: Recipe,
    factors: Mapping[str, Sequence[Level]],
    input_shape: tuple[int, int, int],
    num_classes: int,
) -> Design:
    """The control, and an arm for each level of each factor, all else as in the control.

    Raises `DesignError` where a level cannot be, stands twice, or changes nothing.
    """
    del input_shape, num_classes
    check_factors(list(factors))
    arms, contrasts = [Arm(CONTROL, control, recipe)], []
    for factor in sorted(factors, key=FACTORS.index):
        for level in factors[factor]:
            name = f"{factor}={shown(level)}"
            arm = Arm(name, *with_level(control, recipe, factor, level))
            same = next((known.name for known in arms if replace(known, name=name) == arm), None)
            if same is not None:
                raise DesignError(
                    f"{name} is the same net trained in the same way as {same}, so nothing would "
                    "change: leave it out"
                )
            arms.append(arm)
            better = f"{factor} {own_level(control, recipe, factor)}"
            weights = {CONTROL: 1.0, name: -1.0}
            contrasts.append(Contrast(name, weights, better, f"{factor} {shown(level)}"))
    return Design(tuple(arms), tuple(contrasts))


def own_level(control: Architecture, recipe: Recipe, factor: str) -> str:
    """The level that the control has, as a sentence calls it."""
    match factor:
        case "ratio":
            return "1"
        case "num_blocks":
            return str(len(control.blocks))
        case "convs_per_block":
            counts = {block.num_convs for block in control.blocks}
            return str(counts.pop()) if len(counts) == 1 else "as in the control"
        case "kernel_size":
            return str(control.kernel_size or "as in the control")
        case "batch_norm":
            return shown(control.batch_norm)
        case "head":
            return str(control.head)
        case _:
            value: Level = getattr(recipe, factor)
            return shown(value)


def shown(level: Level) -> str:
    """A level as names and sentences have it."""
    if isinstance(level, bool):
        return "true" if level else "false"
    return f"{level:g}" if isinstance(level, float) else str(level)


def _built(architecture: Architecture, factor: str, level: Level) -> Architecture:
    if factor == "batch_norm":
        if not isinstance(level, bool):
            raise DesignError(f"batch_norm is true or false, not {shown(level)[:60]!r}: write one of them")
        return replace(architecture, batch_norm=level)
    if factor == "head":
        return replace(architecture, head=Head.parse(shown(level)))
    if isinstance(level, bool) or not isinstance(level, int):
        raise DesignError(f"{factor} is a whole number, not {shown(level)[:60]!r}: write 2, for example")
    if factor == "ratio":
        return architecture.divided_by(level)
    if factor == "num_blocks":
        if not 1 <= level <= len(architecture.blocks):
            raise DesignError(
                f"num_blocks is 1 to {len(architecture.blocks)}, the control's, not {level}: write a "
                "control with as many blocks as the deepest arm"
            )
        return replace(architecture, blocks=architecture.blocks[:level])
    if factor == "convs_per_block":
        return replace(architecture, blocks=tuple(_repeated(block, level) for block in architecture.blocks))
    blocks = (Block.uniform(block.num_convs, block.channels, level) for block in architecture.blocks)
    return replace(architecture, blocks=tuple(blocks))


def _repeated(block: Block, num_convs: int) -> Block:
    if block.kernel_size is None:
        raise DesignError(
            f"convs_per_block repeats a block's one kernel size, and {block} has several: change the control"
        )
    return Block.uniform(num_convs, block.channels, block.kernel_size)


def _trained(recipe: Recipe, factor: str, level: Level) -> Recipe:
    try:
        return Recipe.model_validate(recipe.model_dump() | {factor: level}, strict=True)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise DesignError(
            f"{factor} cannot be {shown(level)[:60]!r} ({' '.join(said.split())}): see the recipe's fields"
        ) from error
