"""The ways to train several seeds at once that are timed beside each other train the same nets."""

import pytest
import torch
from seeds_at_once import WAYS, one_by_one, set_up_seeds

from vggsearch.training.choices import Choice

CPU = torch.device("cpu")
NET = "2x4-1x8+bn+gap"
SEEDS, STEPS = 3, 4


@pytest.mark.parametrize(
    ("way", "precision"),
    [
        ("grouped", "float32"),
        ("grouped, contiguous", "float32"),
        ("vmap", "float32"),
        ("grouped", "fastest"),
    ],
)
def test_after_the_same_steps_every_seed_has_the_same_weights_but_for_rounding(way, precision, monkeypatch):
    """`fastest` as where narrow layers in float32 are, as the rounding of bfloat16 would hide the rest."""
    layers = "narrow" if precision == "fastest" else "torch"
    choice = Choice(precision="float32", layers=layers)
    monkeypatch.setattr("seeds_at_once.choose", lambda *_: choice)
    theirs = one_by_one(set_up_seeds(NET, SEEDS, CPU, precision))
    ours = WAYS[way](set_up_seeds(NET, SEEDS, CPU, precision))
    begun = [weight.clone() for weight in theirs.weights()]
    for _ in range(STEPS):
        theirs.step()
        ours.step()
    for before, expected, found in zip(begun, theirs.weights(), ours.weights(), strict=True):
        torch.testing.assert_close(found.reshape(expected.shape), expected, rtol=1e-3, atol=1e-4)
        if expected.ndim > 2:  # biases begin alike, and some stay where they are
            assert not torch.allclose(expected, before, rtol=1e-2)
            assert not torch.allclose(expected[0], expected[1], rtol=1e-2)
