"""The learning rate as a function of the spent fraction, and which weights decay."""

import pytest
import torch
from hypothesis import given, strategies as st
from torch import nn

from vggsearch.recipe import RECIPES, Recipe
from vggsearch.training.optimizer import learning_rate, make_optimizer, set_learning_rate


@pytest.mark.parametrize(
    ("schedule", "warmup", "fraction", "lr"),
    [
        ("constant", 0.0, 0.0, 0.4),
        ("constant", 0.0, 1.0, 0.4),
        ("constant", 0.2, 0.1, 0.2),
        ("constant", 0.2, 0.2, 0.4),
        ("linear", 0.0, 0.0, 0.4),
        ("linear", 0.0, 0.75, 0.1),
        ("linear", 0.2, 0.05, 0.1),
        ("linear", 0.2, 0.2, 0.4),
        ("linear", 0.2, 0.6, 0.2),
        ("linear", 0.2, 1.0, 0.0),
    ],
)
def test_learning_rate(schedule, warmup, fraction, lr):
    assert learning_rate(Recipe(lr=0.4, schedule=schedule, warmup=warmup), fraction) == pytest.approx(lr)


@given(st.floats(0, 1), st.sampled_from(sorted(RECIPES)))
def test_learning_rate_never_leaves_zero_to_peak(fraction, name):
    assert 0 <= learning_rate(RECIPES[name], fraction) <= RECIPES[name].lr


def test_only_weights_decay():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))
    optimizer = make_optimizer(model, Recipe(lr=0.1, weight_decay=0.01))
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert {name: decays[id(p)] for name, p in model.named_parameters()} == {
        "0.weight": 0.01, "0.bias": 0, "1.weight": 0, "1.bias": 0, "3.weight": 0.01, "3.bias": 0,
    }  # fmt: skip


def test_set_learning_rate_reaches_every_group():
    model = nn.Linear(3, 1)
    optimizer = make_optimizer(model, Recipe(lr=0.1))
    before = [p.detach().clone() for p in model.parameters()]
    set_learning_rate(optimizer, 0.5)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    for old, new in zip(before, model.parameters(), strict=True):
        assert torch.allclose(new, old - 0.5)
