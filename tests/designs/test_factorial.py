"""Full factorials: cells, and contrasts that find the effects from which cells were made."""

import math
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from vggsearch.arch import Task, parse
from vggsearch.designs import check, factorial
from vggsearch.designs.factorials import cell_name
from vggsearch.recipe import RECIPES

RECIPE = RECIPES["fast"]
IMAGES = Task(*((1, 28, 28), 10))
CONTROL = parse("2x64-2x128-2x256-2x512+gap")
# Any subset of these has no two equal cells.
LEVELS = {
    "num_blocks": (4, 3, 2),
    "convs_per_block": (2, 1),
    "ratio": (8, 16, 32),
    "batch_norm": (True, False),
    "flip": (True, False),
}


def design_of(factors, control=CONTROL):
    return factorial(control, RECIPE, factors, IMAGES)


def test_two_by_two_by_two():
    design = design_of({"num_blocks": (4, 3), "convs_per_block": (2, 1), "ratio": (8, 16)})
    assert [(arm.name, str(arm.architecture)) for arm in design.arms] == [
        ("num_blocks=4 convs_per_block=2 ratio=8", "2x8-2x16-2x32-2x64+gap"),
        ("num_blocks=4 convs_per_block=2 ratio=16", "2x4-2x8-2x16-2x32+gap"),
        ("num_blocks=4 convs_per_block=1 ratio=8", "1x8-1x16-1x32-1x64+gap"),
        ("num_blocks=4 convs_per_block=1 ratio=16", "1x4-1x8-1x16-1x32+gap"),
        ("num_blocks=3 convs_per_block=2 ratio=8", "2x8-2x16-2x32+gap"),
        ("num_blocks=3 convs_per_block=2 ratio=16", "2x4-2x8-2x16+gap"),
        ("num_blocks=3 convs_per_block=1 ratio=8", "1x8-1x16-1x32+gap"),
        ("num_blocks=3 convs_per_block=1 ratio=16", "1x4-1x8-1x16+gap"),
    ]
    assert [(one.name, one.claim) for one in design.contrasts] == [
        ("num_blocks=3", "num_blocks 4 beats num_blocks 3 on average over the other factors"),
        ("convs_per_block=1", "convs_per_block 2 beats convs_per_block 1 on average over the other factors"),
        ("ratio=16", "ratio 8 beats ratio 16 on average over the other factors"),
        (
            "num_blocks=3 × convs_per_block=1",
            "convs_per_block 2 → 1 changes what num_blocks 4 → 3 does on average over the other factors",
        ),
        (
            "num_blocks=3 × ratio=16",
            "ratio 8 → 16 changes what num_blocks 4 → 3 does on average over the other factors",
        ),
        (
            "convs_per_block=1 × ratio=16",
            "ratio 8 → 16 changes what convs_per_block 2 → 1 does on average over the other factors",
        ),
    ]
    assert [one.question for one in design.contrasts] == ["which is better"] * 3 + ["do they interact"] * 3
    check(design, IMAGES)


def test_a_difference_of_two_differences():
    design = design_of({"ratio": (8, 16), "flip": (True, False)})
    interaction = design.contrasts[-1]
    assert interaction.claim == "flip true → false changes what ratio 8 → 16 does"
    assert interaction.weights == {
        "ratio=8 flip=true": 1,
        "ratio=16 flip=true": -1,
        "ratio=8 flip=false": -1,
        "ratio=16 flip=false": 1,
    }


def test_the_order_of_the_factors_names_the_cells_and_changes_none():
    factors = {"num_blocks": (4, 3), "ratio": (8, 16), "flip": (True, False)}
    one, other = design_of(factors), design_of(dict(reversed(factors.items())))
    assert one.arms[0].name == cell_name({"num_blocks": 4, "ratio": 8, "flip": True})
    assert other.arms[0].name == "flip=true ratio=8 num_blocks=4"

    def trained(design):
        return {(str(arm.architecture), arm.recipe.flip) for arm in design.arms}

    assert trained(one) == trained(other)


def test_sixty_four_cells_are_allowed():
    design = design_of({"batch_size": tuple(range(32, 40)), "ratio": (1, 2, 4, 8, 16, 32, 64, 3)})
    assert len(design.arms) == 64


@st.composite
def factors(draw):
    """Two to four factors with two or three levels each, in any order."""
    names = draw(st.lists(st.sampled_from(list(LEVELS)), min_size=2, max_size=4, unique=True))
    return {name: tuple(draw(st.permutations(LEVELS[name]))[: draw(st.integers(2, 3))]) for name in names}


def effects(draw, keys):
    """A whole number for each of `keys`."""
    return {key: draw(st.integers(-50, 50)) for key in keys}


def shown(level):
    return str(level).lower()


def contrast_names(factors):
    mains = {
        f"{name}={shown(level)}": (name, level) for name, levels in factors.items() for level in levels[1:]
    }
    pairs = {
        f"{a}={shown(x)} × {b}={shown(y)}": ((a, x), (b, y))
        for a, b in combinations(factors, 2)
        for x in factors[a][1:]
        for y in factors[b][1:]
    }
    return mains, pairs


def found_in(design, values):
    """Each contrast's weighted sum of the cells' values."""
    return {
        one.name: math.fsum(weight * values[arm] for arm, weight in one.weights.items())
        for one in design.contrasts
    }


@given(st.data(), factors())
@settings(max_examples=40)
def test_additive_effects_are_found_and_no_interaction(data, factors):
    of = effects(data.draw, [(name, level) for name, levels in factors.items() for level in levels])
    design = design_of(factors)
    cells = [dict(zip(factors, levels, strict=True)) for levels in product(*factors.values())]
    values = {
        arm.name: sum(of[item] for item in cell.items()) for arm, cell in zip(design.arms, cells, strict=True)
    }
    mains, pairs = contrast_names(factors)
    expected = {name: of[item[0], factors[item[0]][0]] - of[item] for name, item in mains.items()}
    assert found_in(design, values) == pytest.approx({**expected, **dict.fromkeys(pairs, 0)}, abs=1e-9)


@given(st.data(), factors())
@settings(max_examples=40)
def test_interactions_are_found_as_they_were_put_in(data, factors):
    items = [(name, level) for name, levels in factors.items() for level in levels]
    own = effects(data.draw, items)
    joint = effects(
        data.draw,
        [pair for pair in combinations(items, 2) if pair[0][0] != pair[1][0]],
    )
    design = design_of(factors)
    cells = [dict(zip(factors, levels, strict=True)) for levels in product(*factors.values())]
    values = {
        arm.name: sum(own[item] for item in cell.items())
        + sum(joint[pair] for pair in combinations(cell.items(), 2))
        for arm, cell in zip(design.arms, cells, strict=True)
    }
    found = found_in(design, values)
    for name, ((a, x), (b, y)) in contrast_names(factors)[1].items():
        x0, y0 = factors[a][0], factors[b][0]
        at_first = joint[(a, x0), (b, y0)] - joint[(a, x), (b, y0)]
        at_level = joint[(a, x0), (b, y)] - joint[(a, x), (b, y)]
        assert found[name] == pytest.approx(at_first - at_level, abs=1e-9)


@given(factors())
@settings(max_examples=40)
def test_weights_sum_to_nothing_and_contrasts_of_different_factors_are_orthogonal(factors):
    design = design_of(factors)
    names = [arm.name for arm in design.arms]
    rows = {one.name: np.array([one.weights.get(name, 0.0) for name in names]) for one in design.contrasts}
    mains, pairs = contrast_names(factors)
    assert list(rows) == [*mains, *pairs]
    for one in design.contrasts:
        assert 0 not in one.weights.values()
        assert math.fsum(one.weights.values()) == pytest.approx(0, abs=1e-12)
        assert rows[one.name][rows[one.name] > 0].sum() == pytest.approx(1 if one.name in mains else 2)
    about = {name: {item[0]} for name, item in mains.items()}
    about |= {name: {item[0] for item in pair} for name, pair in pairs.items()}
    for one, other in combinations(rows, 2):
        if about[one] != about[other]:
            assert rows[one] @ rows[other] == pytest.approx(0, abs=1e-12)
