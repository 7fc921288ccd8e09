"""What a design refuses, and the one line that says so."""

import pytest

from vggsearch.arch import Task, parse
from vggsearch.designs import factorial, kernel_design, one_at_a_time
from vggsearch.designs.factors import FACTORS, with_level
from vggsearch.designs.kernels import KERNEL_CONTRASTS
from vggsearch.errors import ArchitectureError, DesignError
from vggsearch.recipe import RECIPES

RECIPE = RECIPES["fast"]
IMAGES = Task(*((1, 28, 28), 10))
CONTROL = "2x8-2x16+bn+gap"
CONTRASTS = ", ".join(KERNEL_CONTRASTS)
ALL_FACTORS = ", ".join(FACTORS)


def refused(make, *args, error=DesignError):
    """The message with which `make` refuses, a line that no terminal has to scroll for."""
    with pytest.raises(error) as raised:
        make(*args)
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) < 400
    return message


@pytest.mark.parametrize(
    ("control", "names", "kernel_size", "message"),
    [
        (
            CONTROL,
            ("drop-in", "iso-mac"),
            5,
            "no contrast is named 'iso-mac': did you mean iso-macs?",
        ),
        (CONTROL, ("wide",), 5, f"no contrast is named 'wide': use one of {CONTRASTS}"),
        (CONTROL, (), 5, f"an ablation has at least one contrast, not none: use one of {CONTRASTS}"),
        (
            CONTROL,
            ("drop-in", "control-again", "drop-in"),
            5,
            "each contrast is listed once, and drop-in twice: remove one of them",
        ),
        (
            CONTROL,
            ("iso-time",),
            3,
            "iso-time: a contrast changes the control's kernels, and all are 3×3 already: "
            "use another kernel_size",
        ),
        (
            "1x8-3x8k5+gap",
            ("drop-in",),
            5,
            "drop-in: all convolutions of a control have one kernel size, and those of '1x8-3x8k5+gap' "
            "differ: give them the same",
        ),
        (
            "2x8k3,1+gap",
            ("receptive-field",),
            5,
            "receptive-field: all convolutions of a control have one kernel size, and those of '2x8k3,1+gap' "
            "differ: give them the same",
        ),
        (
            CONTROL,
            ("receptive-field",),
            7,
            "receptive-field: 3 convolutions of 3×3 become one of 7×7, so every block needs a multiple of "
            "3 convolutions, and block 1 (2x8) has 2: give it 3, for example",
        ),
        (
            "2x8-3x8+gap",
            ("receptive-field-depth",),
            5,
            "receptive-field-depth: 2 convolutions of 3×3 become one of 5×5, so every block needs a "
            "multiple of 2 convolutions, and block 2 (3x8) has 3: give it 4, for example",
        ),
        (
            "2x8k5+gap",
            ("iso-macs-receptive-field",),
            3,
            "iso-macs-receptive-field: one 3×3 replaces 2 or more of the control's convolutions that "
            "have its receptive field, and no number of 5×5 has it: "
            "use kernel_size 9, for example",
        ),
        (
            "2x8k5+gap",
            ("receptive-field",),
            7,
            "receptive-field: one 7×7 replaces 2 or more of the control's convolutions that "
            "have its receptive field, and no number of 5×5 has it: "
            "use kernel_size 9, for example",
        ),
        (
            "2x8k1+gap",
            ("receptive-field",),
            3,
            "receptive-field: one 3×3 replaces 2 or more of the control's convolutions that "
            "have its receptive field, and no number of 1×1 has it: "
            "use a control of 3×3",
        ),
        (
            "2x4+gap",
            ("iso-macs",),
            5,
            "iso-macs: no width gives 141160 MACs within 2%: the nearest, 2 channels, has -16.7%: "
            "use a wider control",
        ),
        (
            "2x1-2x2+gap",
            ("iso-params",),
            5,
            "iso-params: no width gives 108 parameters: 1-2 channels would become 0.6167-1.233, and a block "
            "has at least 1: use a wider control",
        ),
    ],
)
def test_kernel_contrasts(control, names, kernel_size, message):
    assert refused(kernel_design, parse(control), RECIPE, names, kernel_size, IMAGES) == message


@pytest.mark.parametrize(
    ("control", "kernel_size", "message"),
    [
        (CONTROL, 4, "a kernel size is odd and from 1 to 31, not 4: use 3 or 5, for example"),
        (CONTROL, 33, "a kernel size is odd and from 1 to 31, not 33: use 3 or 5, for example"),
        (
            "2x4-2x4-2x4-2x4-2x4+gap",
            5,
            "5 blocks halve a side of 28 pixels 5 times, and only 4 fit: use at most 4 blocks, "
            "or an input of at least 32 pixels",
        ),
    ],
)
def test_nets_that_cannot_be(control, kernel_size, message):
    args = (parse(control), RECIPE, ("drop-in",), kernel_size, IMAGES)
    assert refused(kernel_design, *args, error=ArchitectureError) == message


@pytest.mark.parametrize(
    ("factor", "level", "message"),
    [
        (
            "lr",
            0.1,
            "lr is not a factor, because every arm chooses its own from one grid: "
            "list the rates under learning_rates",
        ),
        ("kernel", 3, "no factor is named 'kernel': did you mean kernel_size?"),
        ("zzz", 3, f"no factor is named 'zzz': use one of {ALL_FACTORS}"),
        ("ratio", True, "ratio is a whole number from 1, not true: write ratio: [4, 8], for example"),
        ("ratio", 2.0, "ratio is a whole number from 1, not 2.0: write ratio: [4, 8], for example"),
        ("ratio", "8", "ratio is a whole number from 1, not '8': write ratio: [4, 8], for example"),
        ("ratio", 0, "ratio is a whole number from 1, not 0: write ratio: [4, 8], for example"),
        ("ratio", 9, "ratio: ratio 9 leaves no channel in a block of 8: use a ratio of at most 8"),
        (
            "num_blocks",
            3,
            "num_blocks is at most the control's number of blocks, 2, not 3: "
            "use a deeper control, or fewer blocks",
        ),
        (
            "num_blocks",
            0,
            "num_blocks is a whole number from 1, not 0: write num_blocks: [2, 3], for example",
        ),
        (
            "convs_per_block",
            33,
            "convs_per_block is at most 32, not 33: write convs_per_block: [1, 2], for example",
        ),
        (
            "kernel_size",
            4,
            "kernel_size: a kernel size is odd and from 1 to 31, not 4: use 3 or 5, for example",
        ),
        ("batch_norm", 1, "batch_norm is true or false, not 1: write one of them"),
        ("head", 1, "head is gap or fcN,N, not 1: write gap or fc4096,4096"),
        ("head", "fc", "head: a head is gap or fcN,N, not 'fc': write gap or fc4096,4096"),
        ("momentum", True, "momentum is a number, not true: correct it (the control has 0.9)"),
        ("momentum", 1.5, "momentum is below 1.0, not 1.5: correct it (the control has 0.9)"),
        (
            "momentum",
            0.0,
            "momentum=0.0: nesterov needs a momentum above 0: set momentum to 0.9, for example, or nesterov "
            "to false",
        ),
        (
            "momentum",
            "x" * 200,
            f"momentum is a number, not '{'x' * 57}...': correct it (the control has 0.9)",
        ),
        ("batch_size", 1, "batch_size is at least 2, not 1: correct it (the control has 64)"),
        ("batch_size", 64.0, "batch_size is a whole number, not 64.0: correct it (the control has 64)"),
        (
            "schedule",
            "cosine",
            "schedule is one of constant, linear, not 'cosine': correct it (the control has 'linear')",
        ),
        ("flip", 1, "flip is true or false, not 1: correct it (the control has true)"),
        ("weight_decay", 11, "weight_decay is at most 10.0, not 11: correct it (the control has 0.0005)"),
        (
            "weight_decay",
            float("inf"),
            "weight_decay is a finite number, not inf: correct it (the control has 0.0005)",
        ),
    ],
)
def test_levels(factor, level, message):
    assert refused(with_level, parse(CONTROL), RECIPE, factor, level) == message


def test_convolutions_of_several_kernel_sizes_cannot_be_repeated():
    assert refused(with_level, parse("2x8-2x16k3,5+gap"), RECIPE, "convs_per_block", 3) == (
        "convs_per_block repeats the kernel size of a block, and block 2x16k3,5 has several: "
        "use a control with one in each block, or leave the factor out"
    )


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ({}, f"an ablation has at least one factor, not none: use one of {ALL_FACTORS}"),
        (
            {"ratio": ()},
            "ratio: a factor has at least 1 level here, not 0: list another, or leave the factor out",
        ),
        ({"ratio": (2, 2)}, "ratio: a factor lists each level once, and 2 is twice: remove one of them"),
        ({"ratio": (2, 1)}, "a level changes the control, which has ratio=1 already: remove the level"),
        (
            {"batch_norm": (False, True)},
            "a level changes the control, which has batch_norm=true already: remove the level",
        ),
        (
            {"weight_decay": (5e-4,)},
            "a level changes the control, which has weight_decay=0.0005 already: remove the level",
        ),
    ],
)
def test_one_factor_at_a_time(factors, message):
    assert refused(one_at_a_time, parse(CONTROL), RECIPE, factors, IMAGES) == message


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        (
            {"ratio": (1, 2)},
            "a factorial has at least 2 factors, not 1: add one, or use design: one-at-a-time",
        ),
        (
            {"ratio": (1, 2), "flip": (True,)},
            "flip: a factor has at least 2 levels here, not 1: list another, or leave the factor out",
        ),
        (
            {"ratio": (1, 2), "flip": (True, True)},
            "flip: a factor lists each level once, and true is twice: remove one of them",
        ),
        (
            {"ratio": tuple(range(1, 6)), "batch_size": tuple(range(2, 15))},
            "a factorial has at most 64 cells, not 65: drop levels or factors, or use design: one-at-a-time",
        ),
        (
            {"flip": (True, False), "ratio": (5, 6, 8)},
            "every cell is a different net or recipe, and flip=true ratio=6 and flip=true ratio=8 are both "
            "2x1-2x2+bn+gap, trained alike: change a level",
        ),
        (
            {"momentum": (0.9, 0.0), "nesterov": (False, True)},
            "momentum=0.0, nesterov=true: nesterov needs a momentum above 0: "
            "set momentum to 0.9, for example, or nesterov to false",
        ),
    ],
)
def test_factorials(factors, message):
    assert refused(factorial, parse(CONTROL), RECIPE, factors, IMAGES) == message
