"""Kernel contrasts: the paper's own figures, and that each arm keeps what its contrast promises."""

import pytest
from controls import controls
from hypothesis import assume, given, settings, strategies as st

from vggsearch.arch import Task, parse
from vggsearch.costs import cost
from vggsearch.designs import check, kernel_design
from vggsearch.designs.kernels import KERNEL_CONTRASTS, NULL_SEED_OFFSET
from vggsearch.errors import DesignError
from vggsearch.recipe import RECIPES

RECIPE = RECIPES["fast"]
CONTROL = "2x8-2x16-2x32-2x64+bn+gap"


def contrasts_of(control, names=KERNEL_CONTRASTS, kernel_size=5, input_shape=(1, 28, 28), num_classes=10):
    return kernel_design(parse(control), RECIPE, names, kernel_size, Task(input_shape, num_classes))


def arm_of(design, contrast):
    """The arm that the contrast of this name weighs against the control."""
    weights = dict(next(one for one in design.contrasts if one.name == contrast).weights)
    assert weights.pop("control") == 1
    ((name, weight),) = weights.items()
    assert weight == -1
    return design.arm(name)


@pytest.mark.parametrize(
    ("contrast", "arm"),
    [
        ("drop-in", "2x8k5-2x16k5-2x32k5-2x64k5+bn+gap"),
        ("receptive-field", "1x8k5-1x16k5-1x32k5-1x64k5+bn+gap"),
        ("receptive-field-depth", "2x8k5,1-2x16k5,1-2x32k5,1-2x64k5,1+bn+gap"),
        ("iso-params", "2x5k5-2x9k5-2x19k5-2x39k5+bn+gap"),
        ("iso-macs", "2x5k5-2x9k5-2x19k5-2x39k5+bn+gap"),
        ("iso-macs-receptive-field", "1x9k5-1x18k5-1x36k5-1x73k5+bn+gap"),
        ("iso-time", "2x8k5-2x16k5-2x32k5-2x64k5+bn+gap"),
        ("control-again", CONTROL),
    ],
)
def test_the_arm_of_each_contrast(contrast, arm):
    assert str(arm_of(contrasts_of(CONTROL), contrast).architecture) == arm


def test_what_each_contrast_claims():
    assert {one.name: one.claim for one in contrasts_of(CONTROL).contrasts} == {
        "drop-in": "3×3 beats 5×5 at equal depth and width",
        "receptive-field": "3×3 beats 5×5 at equal receptive field and width",
        "receptive-field-depth": "3×3 beats 5×5 then 1×1 at equal receptive field, depth and width",
        "iso-params": "3×3 beats 5×5 at equal parameters and depth",
        "iso-macs": "3×3 beats 5×5 at equal MACs and depth",
        "iso-macs-receptive-field": "3×3 beats 5×5 at equal MACs and receptive field",
        "iso-time": "3×3 beats 5×5 at equal training time, depth and width",
        "control-again": "control beats control again",
    }


def test_only_time_and_seeds_tell_iso_time_from_drop_in_and_null_from_the_control():
    design = contrasts_of(CONTROL)
    assert {arm.name: (arm.same_time_as, arm.seed_offset) for arm in design.arms} == {
        "control": (None, 0),
        "drop-in": (None, 0),
        "receptive-field": (None, 0),
        "receptive-field-depth": (None, 0),
        "iso-params": (None, 0),
        "iso-macs-receptive-field": (None, 0),
        "iso-time": ("control", 0),
        "control-again": (None, NULL_SEED_OFFSET),
    }
    assert all(arm.recipe == RECIPE for arm in design.arms)


def test_arms_that_are_the_same_run_stand_once_under_the_first_name():
    # At these widths equal parameters and equal MACs have the same whole channels.
    design = contrasts_of(CONTROL, ("iso-macs", "iso-params"))
    assert [arm.name for arm in design.arms] == ["control", "iso-macs"]
    assert [(one.name, set(one.weights)) for one in design.contrasts] == [
        ("iso-macs", {"control", "iso-macs"}),
        ("iso-params", {"control", "iso-macs"}),
    ]


def conv_weights(architecture, input_shape):
    """Weights of the convolutions, without their biases."""
    biases = sum(block.num_convs * block.channels for block in architecture.blocks)
    return cost(architecture, Task(input_shape)).conv_params - biases


# §4.1 of the paper: B, its shallow net, and what the paper did not say of the two.
def test_the_paper_s_own_comparison_had_neither_equal_weights_nor_equal_compute():
    shape = (3, 224, 224)
    design = contrasts_of("vgg13", ("receptive-field",), input_shape=shape, num_classes=1000)
    deep, shallow = (arm.architecture for arm in design.arms)
    assert (deep.num_convs, shallow.num_convs) == (10, 5)
    assert cost(deep, Task(shape)).receptive_field == cost(shallow, Task(shape)).receptive_field

    weights = [conv_weights(net, shape) / 1e6 for net in (deep, shallow)]
    assert [round(one, 3) for one in weights] == [9.402, 10.859]
    assert round(weights[1] / weights[0] - 1, 2) == 0.15

    macs = [cost(net, Task(shape)).conv_macs / 1e9 for net in (deep, shallow)]
    assert [round(one, 3) for one in macs] == [11.185, 9.232]
    assert round(macs[1] / macs[0] - 1, 2) == -0.17


# §2.3 of the paper: three 3×3 from C to C channels have 27 C² weights, one 7×7 has 49 C².
@pytest.mark.parametrize("channels", [1, 8, 64])
def test_three_convolutions_become_one_7x7(channels):
    shape = (channels, 28, 28)
    design = contrasts_of(f"3x{channels}+gap", ("receptive-field", "receptive-field-depth"), 7, shape)
    three, one, padded = (arm.architecture for arm in design.arms)
    assert (str(one), str(padded)) == (f"1x{channels}k7+gap", f"3x{channels}k7,1,1+gap")
    assert [conv_weights(net, shape) for net in (three, one)] == [27 * channels**2, 49 * channels**2]
    assert len({cost(net, Task(shape)).receptive_field for net in (three, one, padded)}) == 1


def test_groups_of_any_control_kernel():
    assert str(
        arm_of(contrasts_of("4x8k5+gap", ("receptive-field",), 9), "receptive-field").architecture
    ) == ("2x8k9+gap")


def test_a_smaller_kernel_can_be_dropped_in_and_widened():
    design = contrasts_of("2x16k5-2x32k5+gap", ("drop-in", "iso-macs"), kernel_size=3)
    assert str(arm_of(design, "drop-in").architecture) == "2x16-2x32+gap"
    assert design.contrasts[0].claim == "5×5 beats 3×3 at equal depth and width"
    widened = arm_of(design, "iso-macs").architecture.blocks
    assert all(new.channels > old for new, old in zip(widened, (16, 32), strict=True))


def seen(architecture):
    """Receptive field, by its own sum: 1 + Σ (k − 1) 2^s over convolutions + Σ 2^s over pools."""
    return 1 + sum(
        (sum(kernel - 1 for kernel in block.kernel_sizes) + 1) << stage
        for stage, block in enumerate(architecture.blocks)
    )


def weighed(architecture, task):
    found = cost(architecture, task)
    return found.conv_params + found.head_params


HOLDS = {
    "depth": lambda net, *_: sum(block.num_convs for block in net.blocks),
    "width": lambda net, *_: tuple(block.channels for block in net.blocks),
    "receptive field": lambda net, *_: seen(net),
    "everything": lambda net, *_: str(net),
}
NEARLY_HOLDS = {"parameters": weighed, "MACs": lambda *net: cost(*net).macs}


@given(st.data(), st.sampled_from(KERNEL_CONTRASTS), st.sampled_from(((5, 2), (7, 3), (9, 4))))
@settings(max_examples=100)
def test_each_contrast_keeps_what_it_promises_and_nothing_of_the_rest_of_the_net(data, name, size_and_group):
    size, group = size_and_group
    control, images = data.draw(controls(group))
    try:
        design = kernel_design(control, RECIPE, (name,), size, images)
    except DesignError as error:
        assume("no width gives" not in str(error))
        raise
    (contrast,) = design.contrasts
    arm = arm_of(design, name)
    for held in contrast.held:
        if held in HOLDS:
            assert HOLDS[held](arm.architecture, images) == HOLDS[held](control, images)
        elif held in NEARLY_HOLDS:
            target = NEARLY_HOLDS[held](control, images)
            assert NEARLY_HOLDS[held](arm.architecture, images) == pytest.approx(target, rel=0.02)
        else:
            assert (held, arm.same_time_as) == ("training seconds", "control")
    assert (arm.architecture.batch_norm, arm.architecture.head) == (control.batch_norm, control.head)
    assert size in arm.architecture.blocks[0].kernel_sizes or name == "control-again"
    check(design, images)


@given(controls())
@settings(max_examples=30)
def test_as_many_non_linearities_follow_with_1x1_as_in_the_control(case):
    control, images = case
    design = kernel_design(control, RECIPE, ("receptive-field-depth",), 5, images)
    relus = [
        sum(layer.layer.op == "activation" for layer in cost(arm.architecture, images).layers)
        for arm in design.arms
    ]
    assert relus[0] == relus[1]
