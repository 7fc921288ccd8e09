"""The net that a run trains: max-pool before ReLU, which changes no bit."""

import math

import pytest
import torch
from torch import nn

from vggsearch.recipe import Recipe
from vggsearch.training import net
from vggsearch.training.loop import compute
from vggsearch.training.setup import set_up

CPU = torch.device("cpu")


def trained(key, data):
    """The trained net, and the kinds of layers of its first block."""
    run = set_up(key, data, CPU, report=None, deadline=math.inf)
    for _ in range(12):
        run.batches.advance()
        compute(run)
    return run.model, [type(layer).__name__ for layer in run.model[0]]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("layers", ["torch", "narrow"])
@pytest.mark.parametrize("text", ["2x4-1x8+bn+gap", "1x4-2x8+fc6"])
def test_max_pool_before_relu_changes_no_bit(data, make_key, monkeypatch, text, layers, precision):
    recipe = Recipe(lr=0.1, momentum=0.9, batch_size=32, precision=precision, layers=layers, flip=True)
    key = make_key(architecture=text, recipe=recipe)
    ours, order = trained(key, data)
    assert order[-1] == "ReLU"
    monkeypatch.setattr(net, "pool_before_relu", lambda _: None)
    theirs, order = trained(key, data)
    assert order[-2] == "ReLU"
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], tensor), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_are_the_same_where_many_numbers_of_a_window_are_equal(dtype):
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(-2, 3, (8, 4, 12, 12), generator=generator).to(dtype)
    g = torch.randn(8, 4, 6, 6, generator=generator).to(dtype)
    found = []
    for order in ([nn.ReLU(), nn.MaxPool2d(2)], [nn.MaxPool2d(2), nn.ReLU()]):
        leaf = x.clone().requires_grad_()
        y = nn.Sequential(*order)(leaf)
        found.append((y, *torch.autograd.grad(y, leaf, g)))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize("activation", ["leaky_relu", "gelu", "silu"])
def test_other_activations_stay_where_they_are(data, make_key, activation):
    key = make_key(architecture=f"1x4+bn+{activation}+gap")
    _, order = trained(key, data)
    assert order[-1] == "MaxPool2d"
