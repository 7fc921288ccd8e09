"""Costs: published counts, agreement with torch to the integer, and of one net with a million."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, seed, settings, strategies as st
from torch.utils.flop_counter import FlopCounterMode

from vggsearch.arch import ZOO, Head, Task, expand, parse
from vggsearch.costs import METRICS, conv_macs, conv_params, cost, costs, linear_params
from vggsearch.errors import ArchitectureError
from vggsearch.model import build
from vggsearch.testing.strategies import architectures, input_shapes, search_spaces

COUNTED = ("conv", "norm", "pool", "gap", "linear")


# facts.md's sources: torchvision's weights, the d2l chapter, and sums over table 1 of arXiv:1409.1556v6.
@pytest.mark.parametrize(
    ("name", "input_shape", "num_classes", "expected"),
    [
        (
            "d2l-vgg11/4",
            (1, 224, 224),
            10,
            {
                "params": 43_093_322,
                "macs": 512_155_648,
                "conv_macs": 469_647_360,
                "head_macs": 42_508_288,
                "flops": 1_024_311_296,
            },
        ),
        (
            "vgg16",
            (3, 224, 224),
            1000,
            {"params": 138_357_544, "macs": 15_470_264_320, "receptive_field": 212, "norm_params": 0},
        ),
        ("vgg16-bn", (3, 224, 224), 1000, {"params": 138_365_992, "norm_params": 2 * 4224}),
    ],
)
def test_published_counts(name, input_shape, num_classes, expected):
    found = cost(parse(name), Task(input_shape, num_classes))
    assert {metric: getattr(found, metric) for metric in expected} == expected


# The paper's own comparison, §4.1: B, and B with each pair of 3×3 as one 5×5.
@pytest.mark.parametrize(
    ("text", "million_weights", "giga_macs"),
    [
        ("2x64-2x128-2x256-2x512-2x512+gap", 9.402, 11.185),
        ("1x64k5-1x128k5-1x256k5-1x512k5-1x512k5+gap", 10.859, 9.232),
    ],
)
def test_five_by_five_has_more_weights_and_fewer_macs_than_two_three_by_three(
    text, million_weights, giga_macs
):
    architecture = parse(text)
    found = cost(architecture, Task((3, 224, 224), 1000))
    biases = sum(block.num_convs * block.channels for block in architecture.blocks)
    assert round((found.conv_params - biases) / 1e6, 3) == million_weights
    assert round(found.conv_macs / 1e9, 3) == giga_macs
    assert found.receptive_field == cost(parse("vgg13"), Task((3, 224, 224))).receptive_field


def test_by_hand():
    # conv1 5×5, 1 → 2 channels at 4×4; pool; conv2 3×3, 2 → 3 at 2×2; pool; 3 → 4 → 2 linear.
    found = cost(parse("1x2k5-1x3+bn+fc4"), Task((1, 4, 4), 2))
    assert found.conv_params == (25 * 1 + 1) * 2 + (9 * 2 + 1) * 3 == 109
    assert found.norm_params == 2 * 2 + 2 * 3 == 10
    assert found.head_params == (3 + 1) * 4 + (4 + 1) * 2 == 26
    assert found.params == 145
    assert found.conv_macs == 25 * 1 * 2 * 16 + 9 * 2 * 3 * 4 == 1016
    assert found.head_macs == 3 * 4 + 4 * 2 == 20
    assert found.macs == 1036
    # Image 16; conv and norm 32 each, pool 8; conv and norm 12 each, pool 3; linear 4 and 2.
    assert found.activation_bytes == 4 * (16 + 32 + 32 + 8 + 12 + 12 + 3 + 4 + 2) == 484
    # 5×5 sees 5, its pool 6, then 3×3 at stride 2 adds 4, its pool 2.
    assert found.receptive_field == 12


def built(architecture, task):
    generator = torch.Generator().manual_seed(0)
    model = build(architecture, task, generator=generator, initialization="kaiming")
    return model.eval().to("meta")


def counted_by_torch(architecture, task):
    """Parameters, MACs and activation bytes as torch finds them on the built model."""
    model = built(architecture, task)
    sizes = [4 * int(np.prod(task.input_shape))]
    for layer in expand(architecture, task):
        if layer.op in COUNTED:
            module = model.get_submodule(layer.name)
            module.register_forward_hook(lambda _module, _args, out: sizes.append(out.nbytes))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, *task.input_shape, device="meta"))
    return sum(p.numel() for p in model.parameters()), counter.get_total_flops() / 2, sum(sizes)


def agrees_with_torch(architecture, task):
    found = cost(architecture, task)
    params, macs, activation_bytes = counted_by_torch(architecture, task)
    assert (found.params, found.macs, found.activation_bytes) == (params, macs, activation_bytes)


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo_agrees_with_torch(name):
    # A narrower head than the paper's leaves out 100 M weights and no kind of layer.
    agrees_with_torch(replace(parse(name), head=Head((512, 512))), Task((3, 64, 64), 1000))


def test_the_d2l_chapter_s_net_agrees_with_torch():
    agrees_with_torch(parse("d2l-vgg11/4"), Task((1, 224, 224)))


@seed(0)
@given(search_spaces(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None, database=None)
def test_random_members_of_random_spaces_agree_with_torch(space, draw):
    for member in space.sample(np.random.default_rng(draw), 5):
        agrees_with_torch(member, space.task)


def seen_by_one_unit(architecture):
    """Side of what the last pool's output sees, walked back from one unit of it."""
    low = high = 0
    for block in reversed(architecture.blocks):
        low, high = 2 * low, 2 * high + 1
        for kernel in block.kernel_sizes:
            low, high = low - kernel // 2, high + kernel // 2
    return high - low + 1


@given(architectures())
@settings(deadline=None)
def test_the_receptive_field_is_what_one_unit_sees(architecture):
    assert cost(architecture).receptive_field == seen_by_one_unit(architecture)


@given(st.data(), input_shapes(), st.integers(2, 20))
@settings(deadline=None)
def test_layers_sum_to_the_totals(data, input_shape, num_classes):
    architecture = data.draw(architectures(input_shape))
    found = cost(architecture, Task(input_shape, num_classes))
    assert [one.layer for one in found.layers] == list(expand(architecture, Task(input_shape, num_classes)))
    assert sum(one.params for one in found.layers) == found.params
    assert sum(one.macs for one in found.layers) == found.macs
    image_bytes = 4 * int(np.prod(input_shape))
    assert sum(one.activation_bytes for one in found.layers) + image_bytes == found.activation_bytes
    assert found.params == found.conv_params + found.norm_params + found.head_params
    assert found.macs == found.conv_macs + found.head_macs


def test_the_head_is_told_apart_from_the_convolutions():
    found = cost(parse("d2l-vgg11/4"), Task((1, 224, 224), 10))
    assert found.head_params / found.params > 0.98
    assert found.conv_macs / found.macs > 0.91


@given(search_spaces(constrained=False), st.integers(0, 2**32))
@settings(deadline=None)
def test_many_at_once_cost_what_each_costs(space, draw):
    indices = np.random.default_rng(draw).integers(space.size, size=20)
    many = space.costs(indices)
    for row, architecture in enumerate(space.candidates(indices)):
        one = cost(architecture, space.task)
        assert {m: int(many[m][row]) for m in METRICS} == {m: getattr(one, m) for m in METRICS}


def test_many_at_once_are_exact_beyond_what_float64_holds():
    channels = np.array([[65536, 65535]])
    found = costs(
        np.array([[32, 31]]),
        channels,
        np.array([[31, 29]]),
        np.array([True]),
        (Head((65535,)),),
        np.array([0]),
        Task((3, 64, 64), 10),
    )
    text = "32x65536k31-31x65535k29+bn+fc65535"
    one = cost(parse(text), Task((3, 64, 64), 10))
    assert one.macs > 2**53
    assert {m: int(found[m][0]) for m in METRICS} == {m: getattr(one, m) for m in METRICS}


def test_formulas_take_numbers_and_arrays():
    k, c_in, c_out = np.array([1, 3]), np.array([2, 4]), np.array([8, 16])
    assert conv_params(k, c_in, c_out).tolist() == [conv_params(1, 2, 8), conv_params(3, 4, 16)] == [24, 592]
    assert (
        conv_macs(k, c_in, c_out, 10).tolist()
        == [conv_macs(1, 2, 8, 10), conv_macs(3, 4, 16, 10)]
        == [160, 5760]
    )
    assert linear_params(c_in, 5).tolist() == [linear_params(2, 5), linear_params(4, 5)] == [15, 25]


def test_a_net_that_does_not_fit_has_no_cost():
    with pytest.raises(
        ArchitectureError, match=r"^5 blocks halve a side of 28 pixels 5 times, and only 4 fit: "
    ):
        cost(parse("vgg11"))


def fastest_s(work, repeats=5):
    """CPU seconds of the fastest of some repeats: other work on the machine adds to the others."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def test_ten_thousand_records_are_costed_in_seconds():
    architecture = parse("2x16-2x32-2x64-2x128+bn+gap")
    assert fastest_s(lambda: [cost(architecture) for _ in range(200)]) / 200 < 300e-6
