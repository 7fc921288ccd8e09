"""Latency is the median time of one pass in eval mode."""

import time

import pytest
import torch
from torch import nn

from vggsearch.latency import WARM_UP, measure_latency

CPU = torch.device("cpu")


class Sleeper(nn.Module):
    """Sleeps through the given list of seconds, warm-up passes first."""

    def __init__(self, seconds=()):
        super().__init__()
        self.seconds = [0.0] * WARM_UP + list(seconds)
        self.seen = []

    def forward(self, x):
        self.seen.append((tuple(x.shape), self.training, torch.is_inference_mode_enabled()))
        time.sleep(self.seconds.pop(0) if self.seconds else 0)
        return x


def test_latency_is_the_median_in_milliseconds():
    model = Sleeper([0.001, 0.02, 0.15])
    assert 20 <= measure_latency(model, (1, 4, 4), CPU, max_repeats=3) < 100


def test_one_image_in_eval_mode_without_gradients():
    model = Sleeper().train()
    measure_latency(model, (3, 4, 5), CPU, max_repeats=2)
    assert set(model.seen) == {((1, 3, 4, 5), False, True)}
    assert len(model.seen) == WARM_UP + 2


@pytest.mark.parametrize("training", [True, False])
def test_the_model_keeps_its_mode(training):
    model = Sleeper().train(training)
    measure_latency(model, (1, 4, 4), CPU)
    assert model.training == training


def test_a_slow_net_is_measured_once_and_then_left():
    model = Sleeper([0.05] * 10)
    measure_latency(model, (1, 4, 4), CPU, budget_s=0.01)
    assert len(model.seen) == WARM_UP + 1
