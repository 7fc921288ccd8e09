"""Factors: a control with one of them at another level, and all of them one at a time."""

import pytest
from hypothesis import given, settings, strategies as st

from vggsearch.arch import Task, parse
from vggsearch.designs import check, one_at_a_time
from vggsearch.designs.design import CONTROL
from vggsearch.designs.factors import FACTORS, with_level, with_levels
from vggsearch.recipe import RECIPES, Recipe
from vggsearch.testing.strategies import architectures

RECIPE = RECIPES["fast"]
IMAGES = Task(*((1, 28, 28), 10))


@pytest.mark.parametrize(
    ("control", "factor", "level", "expected"),
    [
        ("2x16-3x33+bn+gap", "ratio", 4, "2x4-3x8+bn+gap"),
        ("2x16-3x33+bn+gap", "num_blocks", 1, "2x16+bn+gap"),
        ("2x16-3x33+bn+gap", "convs_per_block", 1, "1x16-1x33+bn+gap"),
        ("2x16k5-3x33k7+bn+gap", "convs_per_block", 4, "4x16k5-4x33k7+bn+gap"),
        ("2x16k5,1-3x33+bn+gap", "kernel_size", 5, "2x16k5-3x33k5+bn+gap"),
        ("2x16-3x33+bn+gap", "batch_norm", False, "2x16-3x33+gap"),
        ("2x16-3x33+bn+gap", "head", "fc64,32", "2x16-3x33+bn+fc64,32"),
    ],
)
def test_what_becomes_of_the_net(control, factor, level, expected):
    net, recipe = with_level(parse(control), RECIPE, factor, level)
    assert (str(net), recipe) == (expected, RECIPE)


@pytest.mark.parametrize(
    ("factor", "level"),
    [
        ("momentum", 0.5),
        ("nesterov", False),
        ("weight_decay", 0),
        ("schedule", "constant"),
        ("warmup", 0.0),
        ("batch_size", 32),
        ("label_smoothing", 0.0),
        ("shift_px", 2),
        ("flip", False),
        ("initialization", "xavier"),
        ("precision", "float32"),
    ],
)
def test_what_becomes_of_the_recipe(factor, level):
    net, recipe = with_level(parse("2x16+gap"), RECIPE, factor, level)
    assert net == parse("2x16+gap")
    before, after = RECIPE.model_dump(), recipe.model_dump()
    assert {name: value for name, value in after.items() if value != before[name]} == {factor: level}
    assert Recipe.model_validate(after, strict=True) == recipe


def test_every_field_of_the_recipe_but_the_learning_rate_is_a_factor():
    assert set(FACTORS) & set(Recipe.model_fields) == set(Recipe.model_fields) - {"lr"}


def test_levels_are_applied_in_one_order_whatever_theirs():
    # A ratio of 4 would leave no channel in the second block, were that not gone before.
    levels = {"num_blocks": 1, "head": "fc8", "ratio": 4, "batch_norm": True}
    for order in (levels, dict(reversed(levels.items()))):
        assert str(with_levels(parse("2x16-2x2+gap"), RECIPE, order)[0]) == "2x4+bn+fc8"


def test_fields_of_the_recipe_change_together():
    # Either alone is refused: nesterov needs momentum.
    plain = {"momentum": 0.0, "nesterov": False}
    assert with_levels(parse("1x8+gap"), RECIPE, plain)[1] == RECIPE.model_copy(update=plain)


def test_one_factor_at_a_time():
    control = parse("2x16-2x32+bn+gap")
    factors = {"ratio": (2, 4), "batch_norm": (False,), "head": ("fc64",), "weight_decay": (0.0, 1e-3)}
    design = one_at_a_time(control, RECIPE, factors, IMAGES)
    assert [(arm.name, str(arm.architecture), arm.recipe.weight_decay) for arm in design.arms] == [
        (CONTROL, "2x16-2x32+bn+gap", 5e-4),
        ("ratio=2", "2x8-2x16+bn+gap", 5e-4),
        ("ratio=4", "2x4-2x8+bn+gap", 5e-4),
        ("batch_norm=false", "2x16-2x32+gap", 5e-4),
        ("head=fc64", "2x16-2x32+bn+fc64", 5e-4),
        ("weight_decay=0", "2x16-2x32+bn+gap", 0),
        ("weight_decay=0.001", "2x16-2x32+bn+gap", 1e-3),
    ]
    assert [contrast.claim for contrast in design.contrasts] == [
        "ratio 1 beats ratio 2",
        "ratio 1 beats ratio 4",
        "batch_norm true beats batch_norm false",
        "head gap beats head fc64",
        "weight_decay 0.0005 beats weight_decay 0",
        "weight_decay 0.0005 beats weight_decay 0.001",
    ]
    for contrast, arm in zip(design.contrasts, design.arms[1:], strict=True):
        assert contrast.name == arm.name
        assert contrast.weights == {CONTROL: 1, arm.name: -1}
        assert contrast.held == ()
    check(design, IMAGES)


@pytest.mark.parametrize(
    ("control", "factor", "level", "own"),
    [
        ("2x16-2x32+gap", "convs_per_block", 1, "convs_per_block 2"),
        ("1x16-2x32+gap", "convs_per_block", 1, "convs_per_block 1,2"),
        ("2x16k5-2x32k5+gap", "kernel_size", 3, "kernel_size 5"),
        ("1x16-2x32k5,1+gap", "kernel_size", 3, "kernel_size 3,5,1"),
        ("2x16-2x32+gap", "num_blocks", 1, "num_blocks 2"),
        ("2x16-2x32+gap", "flip", False, "flip true"),
        ("2x16-2x32+gap", "schedule", "constant", "schedule linear"),
    ],
)
def test_the_control_s_own_level_is_the_better_side(control, factor, level, own):
    (contrast,) = one_at_a_time(parse(control), RECIPE, {factor: (level,)}, IMAGES).contrasts
    assert contrast.better == own


def test_arms_that_are_the_same_run_stand_once():
    # 3 channels divided by 2 or by 3 are 1.
    design = one_at_a_time(parse("2x3-2x3+gap"), RECIPE, {"ratio": (2, 3)}, IMAGES)
    assert [arm.name for arm in design.arms] == [CONTROL, "ratio=2"]
    assert [dict(one.weights) for one in design.contrasts] == [{CONTROL: 1, "ratio=2": -1}] * 2


@given(architectures(), st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=40)
def test_levels_of_random_nets(control, num_blocks, num_convs):
    blocks = min(num_blocks, len(control.blocks))
    assert with_level(control, RECIPE, "num_blocks", blocks)[0].blocks == control.blocks[:blocks]
    uniform, _ = with_level(control, RECIPE, "kernel_size", 3)
    repeated, _ = with_level(uniform, RECIPE, "convs_per_block", num_convs)
    assert [block.kernel_sizes for block in repeated.blocks] == [(3,) * num_convs] * len(control.blocks)
    assert [block.channels for block in repeated.blocks] == [block.channels for block in control.blocks]
