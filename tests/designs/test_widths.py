"""Widths that cost what is wanted: exact where whole channels allow it, else as near as any."""

import math
from itertools import product

import pytest
from controls import controls
from hypothesis import given, settings, strategies as st

from vggsearch.arch import Architecture, Task, parse
from vggsearch.costs import conv_macs, conv_params, cost
from vggsearch.designs.kernels import drop_in
from vggsearch.designs.widths import MAX_MISMATCH, MAX_SKEW, TOLERANCE, match_width, measured, with_channels
from vggsearch.errors import DesignError
from vggsearch.testing.strategies import architectures, input_shapes

MEASURES = ("macs", "params")


def widths(architecture):
    return tuple(block.channels for block in architecture.blocks)


def test_what_is_measured():
    found = cost(parse("2x8-1x4+bn+fc6"), Task((1, 8, 8), 3))
    assert measured(parse("2x8-1x4+bn+fc6"), "macs", Task((1, 8, 8), 3)) == found.macs
    params = measured(parse("2x8-1x4+bn+fc6"), "params", Task((1, 8, 8), 3))
    assert params == found.conv_params + found.head_params == found.params - found.norm_params


# The polynomial and `cost` are written apart: a coefficient that differed would move these widths.
@given(st.data(), input_shapes(), st.sampled_from(MEASURES), st.integers(1, 5), st.integers(2, 12))
@settings(max_examples=40)
def test_a_multiple_of_all_widths_is_found_exactly(data, input_shape, measure, multiple, num_classes):
    net = data.draw(architectures(input_shape))
    wanted = with_channels(net, tuple(width * multiple for width in widths(net)))
    target = measured(wanted, measure, Task(input_shape, num_classes))
    assert match_width(net, target, measure, Task(input_shape, num_classes)) == wanted


def real_cost(architecture, channels, measure, task):
    """The measure at channels that are no whole numbers, summed convolution by convolution."""
    input_shape, num_classes = task.input_shape, task.num_classes
    total, c_in = 0.0, float(input_shape[0])
    for stage, (block, c_out) in enumerate(zip(architecture.blocks, channels, strict=True)):
        pixels = (input_shape[1] >> stage) * (input_shape[2] >> stage)
        for kernel in block.kernel_sizes:
            if measure == "macs":
                total += conv_macs(kernel, c_in, c_out, pixels)
            else:
                total += conv_params(kernel, c_in, c_out)
            c_in = c_out
    hidden = architecture.head.hidden
    depth = len(architecture.blocks)
    pooled = (input_shape[1] >> depth) * (input_shape[2] >> depth)
    features = c_in * pooled if hidden else c_in
    for units in (*hidden, num_classes):
        total += features * units + (units if measure == "params" else 0)
        features = units
    return total


def best_of_all(architecture, target, measure, images):
    """Mismatch and skew of the best of all combinations by the rule of `match_width`, and the real widths."""
    own = widths(architecture)
    low, high = 0.0, 8.0
    for _ in range(100):
        scale = (low + high) / 2
        enough = real_cost(architecture, [scale * c for c in own], measure, images) >= target
        low, high = (low, scale) if enough else (scale, high)
    real = [high * channels for channels in own]
    near = [
        [x for x in range(1, 200) if abs(x - at) < 1 or (1 - MAX_SKEW) * at <= x <= (1 + MAX_SKEW) * at]
        for at in real
    ]
    found = []
    for channels in product(*near):
        value = measured(with_channels(architecture, channels), measure, images)
        skew = math.sqrt(sum(math.log(x / at) ** 2 for x, at in zip(channels, real, strict=True)))
        found.append((abs(value / target - 1), skew))
    close = [one for one in found if one[0] <= TOLERANCE]
    mismatch, skew = min(close, key=lambda one: one[1]) if close else min(found)
    return mismatch, skew, real


@given(st.data(), st.sampled_from(MEASURES))
@settings(max_examples=40)
def test_no_widths_are_nearer_than_those_found(data, measure):
    control, images = data.draw(controls(group=1, min_channels=6, max_channels=20))
    control = Architecture(control.blocks[:3], control.batch_norm, control.head)
    larger = drop_in(control, 5)
    target = measured(control, measure, images)
    try:
        found = match_width(larger, target, measure, images)
    except DesignError as error:
        if "at least 1" not in str(error):
            assert best_of_all(larger, target, measure, images)[0] > MAX_MISMATCH
        return
    mismatch, skew, real = best_of_all(larger, target, measure, images)
    ours = abs(measured(found, measure, images) / target - 1)
    our_skew = math.sqrt(sum(math.log(x / at) ** 2 for x, at in zip(widths(found), real, strict=True)))
    if mismatch <= TOLERANCE:
        assert ours <= TOLERANCE
        assert our_skew == pytest.approx(skew, rel=1e-6, abs=1e-9)
    else:
        assert ours == pytest.approx(mismatch, rel=1e-9)


def test_proportions_decide_among_widths_that_are_close_enough():
    control = parse("2x16-2x32-2x64+gap")
    images = Task()
    target = measured(control, "macs", images)
    larger = drop_in(control, 5)
    found, nearer = (9, 20, 38), (10, 18, 39)
    mismatch = {
        each: measured(with_channels(larger, each), "macs", images) / target - 1 for each in (found, nearer)
    }
    assert abs(mismatch[nearer]) < abs(mismatch[found]) < TOLERANCE
    assert widths(match_width(larger, target, "macs", images)) == found


@pytest.mark.parametrize("measure", MEASURES)
def test_many_blocks_are_solved_as_well(measure):
    control = parse("-".join(f"2x{width}" for width in range(16, 176, 16)) + "+gap")
    shape = (3, 1024, 1024)
    target = measured(control, measure, Task(shape, 1000))
    found = match_width(drop_in(control, 5), target, measure, Task(shape, 1000))
    assert abs(measured(found, measure, Task(shape, 1000)) / target - 1) <= TOLERANCE


@pytest.mark.parametrize(
    ("net", "target", "message"),
    [
        (
            "2x4k5+gap",
            141_160,
            "no width gives 141160 MACs within 2%: the nearest, 2 channels, has -16.7%: use a wider control",
        ),
        (
            "2x1k5-2x2k5+gap",
            24_716,
            "no width gives 24716 MACs: 1-2 channels would become 0.5377-1.075, and a block has at least 1: "
            "use a wider control",
        ),
        (
            "1x8+gap",
            10**17,
            "no width gives 100000000000000000 MACs: 8 channels would become 14152278516841, and a block "
            "has at most 65536: use a narrower control",
        ),
        (
            "1x8+fc10,20",
            200,
            "no width gives a target of 200: the part that does not depend on the widths is 400 already: "
            "use a wider control",
        ),
    ],
)
def test_no_width_solves_it(net, target, message):
    with pytest.raises(DesignError) as raised:
        match_width(parse(net), target, "macs", Task((1, 28, 28), 10))
    assert str(raised.value) == message
