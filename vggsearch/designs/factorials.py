"""Full factorials: every combination of the levels of some factors is a cell, and every cell is an arm.

    a, b            levels of factors A and B; a_1, b_1 the first ones; n_A, n_B their numbers
    y[a, b, …]      test accuracy of a cell

    main effect of a          mean over cells of A = a_1, minus mean over those of A = a
    interaction of a and b    mean over the other factors' levels of
                              (y[a_1, b_1] − y[a, b_1]) − (y[a_1, b] − y[a, b])

A main effect is thus the mean over all cells of the other factors. An interaction is the difference between
a's effect at b_1 and its effect at b (Montgomery, Design and Analysis of Experiments, ch. 5; there halved).
Contrasts of different factors are orthogonal, and so are main effects and interactions.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations, product

from vggsearch.arch import Architecture, Task, expand
from vggsearch.designs.design import Arm, Contrast, Design
from vggsearch.designs.factors import check_factors, check_levels, with_levels
from vggsearch.designs.text import Level, level_text
from vggsearch.errors import DesignError
from vggsearch.recipe import Recipe

MAX_CELLS = 64
"""Most cells of a factorial; each is trained with every seed."""

Cell = Mapping[str, Level]


def factorial(
    control: Architecture,
    recipe: Recipe,
    factors: Mapping[str, Sequence[Level]],
    task: Task,
) -> Design:
    """An arm for each combination of levels, applied to `control`; the one with all first levels comes first.

    A cell's name lists its levels in the order of `factors`: `num_blocks=4 ratio=8`. They are applied in the
    order of `FACTORS`. Each factor has a contrast for each of its levels but the first (`num_blocks=3`), and
    two factors have one for each pair of such levels (`num_blocks=3 × ratio=16`).

    Raises `DesignError` where there are fewer than 2 factors, a factor has fewer than 2 levels or one twice,
    there are more than `MAX_CELLS` cells, two cells are the same net and recipe, or a level is invalid;
    `ArchitectureError` where a cell does not fit the images.
    """
    _check(factors)
    cells = [dict(zip(factors, levels, strict=True)) for levels in product(*factors.values())]
    arms = [Arm(cell_name(cell), *with_levels(control, recipe, cell)) for cell in cells]
    for i, arm in enumerate(arms):
        expand(arm.architecture, task)
        for before in arms[:i]:
            if (before.architecture, before.recipe) == (arm.architecture, arm.recipe):
                raise DesignError(
                    f"every cell is a different net or recipe, and {before.name} and {arm.name} are both "
                    f"{arm.architecture}, trained alike: change a level"
                )
    others = {factor: levels[1:] for factor, levels in factors.items()}
    mains = [_main(factors, cells, factor, level) for factor in factors for level in others[factor]]
    interactions = [
        _interaction(factors, cells, (one, level), (other, other_level))
        for one, other in combinations(factors, 2)
        for level in others[one]
        for other_level in others[other]
    ]
    return Design(tuple(arms), (*mains, *interactions))


def _check(factors: Mapping[str, Sequence[Level]]) -> None:
    check_factors(factors)
    if len(factors) < 2:
        raise DesignError(
            f"a factorial has at least 2 factors, not {len(factors)}: add one, or use design: one-at-a-time"
        )
    for factor, levels in factors.items():
        check_levels(factor, levels, fewest=2)
    count = math.prod(len(levels) for levels in factors.values())
    if count > MAX_CELLS:
        raise DesignError(
            f"a factorial has at most {MAX_CELLS} cells, not {count}: drop levels or factors, or use design: "
            "one-at-a-time"
        )


def cell_name(cell: Cell) -> str:
    """Name of the arm with these levels, listed in the order of the factors."""
    return " ".join(f"{factor}={level_text(level)}" for factor, level in cell.items())


def _sign(first: Level, level: Level, value: Level) -> int:
    """+1 for the first level, −1 for `level`, 0 for any other."""
    return (value == first) - (value == level)


def _main(
    factors: Mapping[str, Sequence[Level]], cells: Sequence[Cell], factor: str, level: Level
) -> Contrast:
    first = factors[factor][0]
    signs = {cell_name(cell): _sign(first, level, cell[factor]) for cell in cells}
    return Contrast(
        f"{factor}={level_text(level)}",
        _balanced(signs, sides=1),
        better=f"{factor} {level_text(first)}",
        worse=f"{factor} {level_text(level)}",
        at="on average over the other factors",
    )


def _interaction(
    factors: Mapping[str, Sequence[Level]],
    cells: Sequence[Cell],
    one: tuple[str, Level],
    other: tuple[str, Level],
) -> Contrast:
    (a, a_level), (b, b_level) = one, other
    a_first, b_first = factors[a][0], factors[b][0]
    signs = {
        cell_name(cell): _sign(a_first, a_level, cell[a]) * _sign(b_first, b_level, cell[b]) for cell in cells
    }
    return Contrast(
        f"{a}={level_text(a_level)} × {b}={level_text(b_level)}",
        _balanced(signs, sides=2),
        better=f"{b} {level_text(b_first)} → {level_text(b_level)}",
        worse=f"{a} {level_text(a_first)} → {level_text(a_level)}",
        at="on average over the other factors" if len(factors) > 2 else "",
        question="do they interact",
    )


def _balanced(signs: Mapping[str, int], sides: int) -> dict[str, float]:
    """Equal weights with these signs; the positive ones sum to `sides`."""
    each = sides / sum(sign > 0 for sign in signs.values())
    return {name: sign * each for name, sign in signs.items() if sign}
