"""Proof of change: what arms are beside the first, and designs that do not do what they say."""

import math

import pytest

from vggsearch.arch import Task, parse
from vggsearch.costs import cost
from vggsearch.designs import Arm, Contrast, Design, check, kernel_design, mismatch, proof
from vggsearch.designs.design import CONTROL
from vggsearch.designs.kernels import KERNEL_CONTRASTS
from vggsearch.designs.proof_of_change import COMPARED
from vggsearch.errors import ArchitectureError, DesignError
from vggsearch.recipe import RECIPES

RECIPE = RECIPES["fast"]
IMAGES = Task(*((1, 28, 28), 10))
NET = "2x8-2x16-2x32-2x64+bn+gap"
STUDY = kernel_design(parse(NET), RECIPE, KERNEL_CONTRASTS, 5, IMAGES)


def against(control, other, *held, recipe=RECIPE, **arm):
    """A design of one contrast that claims to hold `held`."""
    arms = (Arm(CONTROL, parse(control), RECIPE), Arm("other", parse(other), recipe, **arm))
    weights = {CONTROL: 1.0, "other": -1.0}
    return Design(arms, (Contrast("changed", weights, "one", "other", held=held),))


def test_a_row_by_hand():
    # conv1 5×5, 1 → 2 channels at 4×4; pool; conv2 3×3, 2 → 3 at 2×2; pool; 3 → 2 linear.
    first, second = proof(against("1x2k5-1x3+bn+gap", "1x2-1x3+gap"), Task((1, 4, 4), 2))
    assert (first.arm, first.architecture, first.num_convs) == (CONTROL, parse("1x2k5-1x3+bn+gap"), 2)
    assert first.channels == (2, 3)
    assert first.conv_head_params == (25 * 1 + 1) * 2 + (9 * 2 + 1) * 3 + (3 + 1) * 2 == 117
    assert first.params == 117 + 2 * 2 + 2 * 3
    assert first.macs == 25 * 1 * 2 * 16 + 9 * 2 * 3 * 4 + 3 * 2 == 1022
    assert first.receptive_field == 12
    assert second.conv_head_params == second.params == 85
    assert second.differences == {
        "num_convs": 0,
        "params": (85 - 127) / 127,
        "conv_head_params": (85 - 117) / 117,
        "macs": -(25 - 9) * 2 * 16 / 1022,
        "receptive_field": -2 / 12,
    }


def test_the_first_row_differs_from_itself_in_nothing():
    row = proof(STUDY, IMAGES)[0]
    assert dict(row.differences) == dict.fromkeys(COMPARED, 0.0)
    assert row.recipe == {}


def test_rows_stand_in_the_order_of_the_arms_and_cost_what_their_nets_cost():
    rows = proof(STUDY, IMAGES)
    assert [row.arm for row in rows] == [arm.name for arm in STUDY.arms]
    for row in rows:
        found = cost(row.architecture, IMAGES)
        assert (row.params, row.macs) == (found.params, found.macs)
        assert row.conv_head_params == found.params - found.norm_params
    assert [row.arm for row in rows if row.same_time_as == CONTROL] == ["iso-time"]
    assert [row.arm for row in rows if row.seed_offset] == ["control-again"]


def test_a_row_lists_the_fields_of_the_recipe_that_differ():
    changed = RECIPE.model_copy(update={"flip": False, "batch_size": 32})
    row = proof(against(NET, NET, recipe=changed), IMAGES)[1]
    assert row.recipe == {"batch_size": 32, "flip": False}


def test_what_remains_in_the_study_of_kernels():
    left = {contrast.name: mismatch(STUDY, contrast, IMAGES) for contrast in STUDY.contrasts}
    assert left == {
        "drop-in": {"depth": 0, "width": 0},
        "receptive-field": {"receptive field": 0, "width": 0},
        "receptive-field-depth": {"receptive field": 0, "depth": 0, "width": 0},
        "iso-params": {"parameters": (74294 - 74114) / 74114, "depth": 0},
        "iso-macs": {"MACs": (2366440 - 2361088) / 2361088, "depth": 0},
        "iso-macs-receptive-field": {"MACs": (2356030 - 2361088) / 2361088, "receptive field": 0},
        "iso-time": {"training seconds": 0, "depth": 0, "width": 0},
        "control-again": {"everything": 0},
    }
    check(STUDY, IMAGES)


@pytest.mark.parametrize(
    ("design", "expected"),
    [
        (against("2x8-1x8+gap", "1x8-1x8+gap", "depth"), {"depth": -1 / 3}),
        (against("1x8-1x8+gap", "1x10-1x6+gap", "width"), {"width": 2 / 8}),
        (against("1x8-1x8+gap", "1x8-1x6+gap", "width"), {"width": -2 / 8}),
        (against("1x8-1x8+gap", "1x8+gap", "width"), {"width": math.inf}),
        (against("1x8+gap", "1x8k5+gap", "receptive field"), {"receptive field": 2 / 4}),
        (against("1x8+gap", "1x8k5+gap", "training seconds"), {"training seconds": math.inf}),
        (
            against("1x8+gap", "1x8k5+gap", "training seconds", same_time_as=CONTROL),
            {"training seconds": 0},
        ),
        (against("1x8+gap", "1x8k5+gap", "everything"), {"everything": math.inf}),
    ],
)
def test_what_remains_of_what_is_not_held(design, expected):
    assert mismatch(design, design.contrasts[0], IMAGES) == expected


def test_of_several_arms_the_farthest_counts():
    arms = tuple(
        Arm(text, parse(text), RECIPE) for text in ("4x8+gap", "3x8+gap", "1x8+gap", "5x8+gap", "6x8+gap")
    )
    weights = dict(zip((arm.name for arm in arms), (0.5, -0.5, -0.25, 0.5, -0.25), strict=True))
    contrast = Contrast("changed", weights, "one", "other", held=("depth",))
    assert mismatch(Design(arms, (contrast,)), contrast, IMAGES) == {"depth": -3 / 4}


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (
            against(NET, NET),
            f"changed: a contrast compares different runs, and control and other are both {NET}, trained "
            "alike: leave the contrast out",
        ),
        (
            against(NET, NET, "everything"),
            f"changed: a contrast compares different runs, and control and other are both {NET}, trained "
            "alike: leave the contrast out",
        ),
        (
            # Other seeds are no change, unless the contrast says that everything is held.
            against(NET, NET, "width", seed_offset=2000),
            f"changed: a contrast compares different runs, and control and other are both {NET}, trained "
            "alike: leave the contrast out",
        ),
        (
            against("2x8-1x8+gap", "1x8-1x8+gap", "depth"),
            "changed: the contrast holds depth equal, and one arm differs by -33.3%: "
            "use a wider control, or leave the contrast out",
        ),
        (
            against("2x8+gap", "2x8k5+gap", "width", "MACs"),
            "changed: the contrast holds MACs equal, and one arm differs by +177.7%: "
            "use a wider control, or leave the contrast out",
        ),
        (
            against("2x8+gap", "2x8k5+gap", "training seconds"),
            "changed: the contrast holds training seconds equal, and one arm differs: "
            "use a wider control, or leave the contrast out",
        ),
    ],
)
def test_designs_that_do_not_do_what_they_say(design, message):
    with pytest.raises(DesignError) as raised:
        check(design, IMAGES)
    assert str(raised.value) == message


def test_two_percent_of_macs_and_nothing_of_width_may_remain():
    # One convolution and a linear layer: MACs are proportional to the channels.
    for channels, held in ((102, True), (98, True), (103, False), (97, False)):
        design = against("1x100+gap", f"1x{channels}+gap", "MACs", "parameters")
        if held:
            check(design, IMAGES)
        else:
            with pytest.raises(DesignError, match="holds MACs equal"):
                check(design, IMAGES)
    with pytest.raises(DesignError, match=r"^changed: the contrast holds width equal, .* \+1\.0%: "):
        check(against("1x100+gap", "1x101+gap", "width"), IMAGES)


def test_arms_must_fit_the_images():
    with pytest.raises(ArchitectureError, match="5 blocks halve a side of 28 pixels"):
        check(against("1x8+gap", "1x8-1x8-1x8-1x8-1x8+gap"), IMAGES)


def test_arms_trained_with_other_recipes_are_compared():
    check(against(NET, NET, recipe=RECIPE.model_copy(update={"flip": not RECIPE.flip})), IMAGES)
