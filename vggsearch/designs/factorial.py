"""All combinations of the levels of several factors, their main effects and two-way interactions.

main effect of level b of A       mean over all cells at A's first level − mean over all cells at b
interaction of A's b and B's c    (effect of b at B's first level) − (effect of b at c), averaged over the
                                  levels of all other factors
"""

from collections.abc import Mapping, Sequence
from itertools import combinations, product

from vggsearch.arch import Architecture
from vggsearch.designs.design import Arm, Contrast, Design
from vggsearch.designs.factors import FACTORS, Level, check_factors, shown, with_level
from vggsearch.errors import DesignError
from vggsearch.recipe import Recipe

MAX_CELLS = 64

Cell = tuple[Level, ...]
"""A level of each factor."""


def factorial(
    control: Architecture,
    recipe: Recipe,
    factors: Mapping[str, Sequence[Level]],
    input_shape: tuple[int, int, int],
    num_classes: int,
) -> Design:
    """An arm for each combination of levels, applied to `control`; the first levels' first.

    Raises `DesignError` where there are too few factors or levels, too many cells, or two equal ones.
    """
    del input_shape, num_classes
    names = _checked(factors)
    cells = list(product(*(factors[name] for name in names)))
    arms: list[Arm] = []
    for cell in cells:
        net, trained = control, recipe
        for factor, level in zip(names, cell, strict=True):
            net, trained = with_level(net, trained, factor, level)
        name = _cell_name(names, cell)
        same = next((arm.name for arm in arms if (arm.architecture, arm.recipe) == (net, trained)), None)
        if same is not None:
            raise DesignError(f"{name} is the same net trained in the same way as {same}: leave a level out")
        arms.append(Arm(name, net, trained))
    mains = [
        _main(names, factors, cells, i, level) for i in range(len(names)) for level in factors[names[i]][1:]
    ]
    interactions = [
        _interaction(names, factors, cells, (i, j), (one, other))
        for i, j in combinations(range(len(names)), 2)
        for one in factors[names[i]][1:]
        for other in factors[names[j]][1:]
    ]
    return Design(tuple(arms), (*mains, *interactions))


def _checked(factors: Mapping[str, Sequence[Level]]) -> list[str]:
    """The factors in the order in which they are applied."""
    check_factors(list(factors))
    if len(factors) < 2:
        raise DesignError(
            f"a factorial has at least 2 factors, not {len(factors)}: add one, or leave design out"
        )
    cells = 1
    for name, levels in factors.items():
        texts = [shown(level) for level in levels]
        if len(levels) < 2:
            raise DesignError(f"a factor has at least 2 levels, and {name} has {len(levels)}: add one")
        if len(set(texts)) < len(texts):
            raise DesignError(
                f"{name} has each level once, not {', '.join(texts)[:100]}: remove what stands twice"
            )
        cells *= len(levels)
    if cells > MAX_CELLS:
        raise DesignError(f"a factorial has at most {MAX_CELLS} cells, not {cells}: leave levels out")
    return sorted(factors, key=FACTORS.index)


def _cell_name(names: Sequence[str], cell: Cell) -> str:
    return " ".join(f"{name}={shown(level)}" for name, level in zip(names, cell, strict=True))


def _main(
    names: Sequence[str], factors: Mapping[str, Sequence[Level]], cells: Sequence[Cell], i: int, level: Level
) -> Contrast:
    first, name = factors[names[i]][0], names[i]
    side = {first: 1.0, level: -1.0}
    share = sum(cell[i] == first for cell in cells)
    weights = {_cell_name(names, cell): side[cell[i]] / share for cell in cells if cell[i] in side}
    better, worse = f"{name} {shown(first)}", f"{name} {shown(level)}"
    return Contrast(f"{name}={shown(level)}", weights, better, worse, "on average over the other factors")


def _interaction(
    names: Sequence[str],
    factors: Mapping[str, Sequence[Level]],
    cells: Sequence[Cell],
    at: tuple[int, int],
    levels: tuple[Level, Level],
) -> Contrast:
    sides = [{factors[names[i]][0]: 1.0, level: -1.0} for i, level in zip(at, levels, strict=True)]
    inside = [cell for cell in cells if all(cell[i] in side for i, side in zip(at, sides, strict=True))]
    share = len(inside) / 4
    weights = {
        _cell_name(names, cell): sides[0][cell[at[0]]] * sides[1][cell[at[1]]] / share for cell in inside
    }
    words = [
        (names[i], shown(factors[names[i]][0]), shown(level)) for i, level in zip(at, levels, strict=True)
    ]
    (one, a, b), (other, c, d) = words
    return Contrast(
        f"{one}={b} × {other}={d}",
        weights,
        f"{one} {a} → {b}",
        f"{other} {c} → {d}",
        question="do they interact",
    )
