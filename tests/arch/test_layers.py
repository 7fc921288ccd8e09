"""The one expansion: the published shapes, an unbroken chain, and what does not fit."""

from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from vggsearch.arch import Architecture, Task, expand, parse
from vggsearch.errors import ArchitectureError
from vggsearch.testing.strategies import architectures, input_shapes


def test_the_d2l_net_has_the_chapter_s_shapes():
    layers = expand(parse("d2l-vgg11"), Task((1, 224, 224), 10))
    assert [layer.out_shape for layer in layers if layer.op in ("pool", "flatten", "linear")] == [
        (64, 112, 112),
        (128, 56, 56),
        (256, 28, 28),
        (512, 14, 14),
        (512, 7, 7),
        (25088,),
        (4096,),
        (4096,),
        (10,),
    ]


def test_layers_stand_in_order_with_their_names():
    layers = expand(parse("1x4-2x8k5,1+bn+fc6"), Task((1, 8, 8), 3))
    assert [(layer.name, layer.op, layer.stage, layer.kernel_size, layer.stride) for layer in layers] == [
        ("block1.conv1", "conv", 0, 3, 1),
        ("block1.norm1", "norm", 0, 1, 1),
        ("block1.relu1", "activation", 0, 1, 1),
        ("block1.pool", "pool", 0, 2, 2),
        ("block2.conv1", "conv", 1, 5, 1),
        ("block2.norm1", "norm", 1, 1, 1),
        ("block2.relu1", "activation", 1, 1, 1),
        ("block2.conv2", "conv", 1, 1, 1),
        ("block2.norm2", "norm", 1, 1, 1),
        ("block2.relu2", "activation", 1, 1, 1),
        ("block2.pool", "pool", 1, 2, 2),
        ("head.flatten", "flatten", None, 1, 1),
        ("head.linear1", "linear", None, 1, 1),
        ("head.relu1", "activation", None, 1, 1),
        ("head.dropout1", "dropout", None, 1, 1),
        ("head.linear2", "linear", None, 1, 1),
    ]


def test_a_pool_drops_an_odd_last_row():
    pools = [
        layer.out_shape
        for layer in expand(parse("1x2-1x2-1x2-1x2+gap"), Task((1, 28, 31), 10))
        if layer.op == "pool"
    ]
    assert pools == [(2, 14, 15), (2, 7, 7), (2, 3, 3), (2, 1, 1)]


def test_global_average_pooling_leaves_one_number_a_channel():
    gap, linear = expand(parse("1x5+gap"), Task((1, 8, 8), 3))[-2:]
    assert (gap.op, gap.out_shape, linear.in_shape, linear.out_shape) == ("gap", (5,), (5,), (3,))


@given(st.data(), input_shapes(), st.integers(2, 20))
@settings(deadline=None)
def test_what_leaves_a_layer_enters_the_next(data, input_shape, num_classes):
    architecture = data.draw(architectures(input_shape))
    layers = expand(architecture, Task(input_shape, num_classes))
    assert layers[0].in_shape == input_shape
    assert layers[-1].out_shape == (num_classes,)
    assert all(one.out_shape == other.in_shape for one, other in pairwise(layers))
    assert len({layer.name for layer in layers}) == len(layers)
    assert sum(layer.op == "conv" for layer in layers) == architecture.num_convs


@pytest.mark.parametrize(
    ("side", "most"), [(1, 0), (2, 1), (3, 1), (4, 2), (28, 4), (31, 4), (32, 5), (224, 7)]
)
def test_the_shorter_side_can_be_halved_so_often(side, most):
    assert Task((1, side, side + 9)).max_blocks == Task((1, side + 9, side)).max_blocks == most


@pytest.mark.parametrize(
    ("text", "input_shape", "num_classes", "message"),
    [
        (
            "vgg11",
            (1, 28, 28),
            10,
            "5 blocks halve a side of 28 pixels 5 times, and only 4 fit: "
            "use at most 4 blocks, or an input of at least 32 pixels",
        ),
        (
            "1x4+gap",
            (3, 1, 28),
            10,
            "1 blocks halve a side of 1 pixels 1 times, and only 0 fit: use an input of at least 2 pixels",
        ),
        (
            "-".join(["1x4"] * 13) + "+gap",
            (1, 4096, 4096),
            10,
            "13 blocks halve a side of 4096 pixels 13 times, and only 12 fit: use at most 12 blocks",
        ),
        (
            "1x4+gap",
            (0, 28, 28),
            10,
            "an input is channels x height x width, each from 1 to 4096, not 0x28x28: "
            "use 1x28x28, for example",
        ),
        (
            "1x4+gap",
            (1, 28, 4097),
            10,
            "an input is channels x height x width, each from 1 to 4096, not 1x28x4097: "
            "use 1x28x28, for example",
        ),
        ("1x4+gap", (1, 28, 28), 1, "a classifier has 2 to 1000000 classes, not 1: use 10, for example"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(text, input_shape, num_classes, message):
    with pytest.raises(ArchitectureError) as error:
        expand(parse(text), Task(input_shape, num_classes))
    assert str(error.value) == message


def test_the_largest_side_that_fits_expands():
    assert expand(Architecture.parse("1x1+gap"), Task((1, 4096, 4096), 2))[-1].out_shape == (2,)
