"""Budgets: how many steps they are, which fraction is spent, and what the clocks count."""

import math

import pytest
import torch

from vggsearch.recipe import Budget, total_steps
from vggsearch.training.meter import Meter

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


class FakeClock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("budget", "steps"),
    [
        (Budget(steps=7), 7),
        (Budget(epochs=2), 200),
        (Budget(epochs=0.5), 50),
        (Budget(epochs=0.001), 1),
        (Budget(epochs=0.301), 31),
        (Budget(macs=3 * 1000 * 128 * 10), 10),
        (Budget(macs=3 * 1000 * 128 * 10 + 1), 11),
        (Budget(seconds=60), None),
    ],
)
def test_total_steps(budget, steps):
    assert total_steps(budget, steps_per_epoch=100, macs_per_image=1000, batch_size=128) == steps


def test_counted_budget_is_spent_step_by_step():
    meter = Meter(Budget(steps=4), 4, CPU)
    fractions = []
    for meter.steps in range(5):
        fractions.append((meter.fraction, meter.midstep))
    assert fractions == [(0, 0.125), (0.25, 0.375), (0.5, 0.625), (0.75, 0.875), (1, 1)]


@pytest.mark.parametrize(("device", "counts"), [(CPU, "cpu"), (CUDA, "wall")])
def test_seconds_are_the_worker_s_own_on_a_cpu_and_the_wall_s_on_a_gpu(device, counts):
    cpu, wall = FakeClock(), FakeClock()
    meter = Meter(Budget(seconds=10), None, device, cpu_clock=cpu, wall_clock=wall)
    meter.resume()
    cpu.now += 2
    wall.now += 5
    assert (meter.cpu_s, meter.wall_s) == (2, 5)
    assert meter.clock == counts
    assert meter.fraction == (0.2 if counts == "cpu" else 0.5)


def test_seconds_stand_still_while_paused():
    clock = FakeClock()
    meter = Meter(Budget(seconds=10), None, CPU, cpu_clock=clock, wall_clock=clock)
    meter.resume()
    clock.now += 3
    meter.pause()
    clock.now += 1000
    assert meter.train_s == 3
    meter.resume()
    clock.now += 4
    assert meter.train_s == 7
    assert meter.fraction == 0.7


def test_pausing_twice_counts_once():
    clock = FakeClock()
    meter = Meter(Budget(seconds=10), None, CPU, cpu_clock=clock, wall_clock=clock)
    meter.resume()
    clock.now += 3
    meter.pause()
    meter.pause()
    assert meter.train_s == 3


def test_middle_of_the_next_step_by_the_clock():
    clock = FakeClock()
    meter = Meter(Budget(seconds=10), None, CPU, cpu_clock=clock, wall_clock=clock)
    meter.resume()
    assert meter.midstep == 0
    for _ in range(4):
        clock.now += 0.5
        meter.steps += 1
    assert meter.fraction == 0.2
    assert math.isclose(meter.midstep, 0.2 + 0.025)
    clock.now += 100
    assert meter.fraction == meter.midstep == 1
