"""The learning rate as a function of the spent fraction, and which weights decay."""

import re

import pytest
import torch
from hypothesis import given, strategies as st
from pydantic import ValidationError
from torch import nn

from vggsearch.recipe import RECIPES, Recipe
from vggsearch.training.optimizer import (
    learning_rate,
    make_optimizer,
    set_learning_rate,
    set_state,
    state_of,
)


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


def test_the_first_step_of_adamw_is_the_papers():
    """Loshchilov & Hutter 2019, algorithm 2: with the means corrected, the first step is lr × sign(g)."""
    model = nn.Linear(3, 1)
    recipe = Recipe(lr=0.01, momentum=0.9, weight_decay=0.1, optimizer="adamw")
    optimizer = make_optimizer(model, recipe)
    weight, bias = model.weight.detach().clone(), model.bias.detach().clone()
    model(torch.tensor([[1.0, -2.0, 3.0]])).sum().backward()
    optimizer.step()
    decayed = weight * (1 - 0.01 * 0.1)
    assert torch.allclose(model.weight, decayed - 0.01 * torch.tensor([[1.0, -1.0, 1.0]]), atol=1e-6)
    assert torch.allclose(model.bias, bias - 0.01, atol=1e-6)  # biases do not decay


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(lr=0.1),
        Recipe(lr=0.1, momentum=0.9, nesterov=True),
        Recipe(lr=0.001, momentum=0.9, optimizer="adamw"),
    ],
    ids=["sgd", "momentum", "adamw"],
)
def test_state_is_what_the_optimiser_keeps_and_can_be_put_back(recipe):
    def trained(steps, state=None):
        model = nn.Linear(3, 2)
        with torch.no_grad():
            for p in model.parameters():
                p.copy_(torch.arange(p.numel()).reshape(p.shape) / 7)
        optimizer = make_optimizer(model, recipe)
        if state is not None:
            for p, (value, kept) in zip(model.parameters(), state, strict=True):
                with torch.no_grad():
                    p.copy_(value)
                if kept:
                    set_state(optimizer, p, kept, recipe)
        for i in range(steps):
            optimizer.zero_grad()
            (model(torch.full((1, 3), 1.0 + i)) ** 2).sum().backward()
            optimizer.step()
        return model, optimizer

    model, optimizer = trained(3)
    state = [(p.detach().clone(), state_of(optimizer, p, recipe)) for p in model.parameters()]
    shaped = [tensor for _, kept in state for name, tensor in kept.items() if name != "step"]
    assert len(shaped) == recipe.state_copies * len(list(model.parameters()))
    one, other = trained(5)[0], None
    model, optimizer = trained(0, state)
    for i in (3, 4):
        optimizer.zero_grad()
        (model(torch.full((1, 3), 1.0 + i)) ** 2).sum().backward()
        optimizer.step()
    other = model
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(p, q)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nesterov": True}, "nesterov is for sgd, and the optimizer is adamw: set nesterov to false"),
        ({"momentum": 0.0}, "adamw needs a momentum above 0, its β₁: set momentum to 0.9, for example"),
    ],
)
def test_what_adamw_cannot_have_is_one_line(changes, message):
    with pytest.raises(ValidationError, match=re.escape(message)):
        Recipe.model_validate({"lr": 0.001, "momentum": 0.9, "optimizer": "adamw", **changes})
