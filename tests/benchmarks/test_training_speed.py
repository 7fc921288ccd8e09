"""One core's training: beside a bare loop, and beside what the core can multiply."""

import math
import statistics
import time

import bare
import pytest
import torch
from interleaved import in_turn, note

from vggsearch.arch import Architecture
from vggsearch.costs import cost
from vggsearch.data import load_search_data
from vggsearch.recipe import RECIPES, TRAINING_PASSES, Budget
from vggsearch.runs import RunKey
from vggsearch.training.allocator import keeping_freed_memory
from vggsearch.training.loop import CURVE_POINTS, spend
from vggsearch.training.setup import set_up

NETS = {
    "÷ 16": "2x4-2x8-2x16-2x32+bn+gap",
    "÷ 8": "2x8-2x16-2x32-2x64+bn+gap",
    "÷ 4": "2x16-2x32-2x64-2x128+bn+gap",
    "÷ 2": "2x32-2x64-2x128-2x256+bn+gap",
}
STEPS = {"÷ 16": 150, "÷ 8": 120, "÷ 4": 50, "÷ 2": 16}
ROUNDS = 9
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(fashion_mnist_dir):
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with keeping_freed_memory(needed=0, free=0):
        yield load_search_data("fashion-mnist", data_dir=fashion_mnist_dir, val_fraction=0.1, split_seed=0)
    torch.set_num_threads(before)


def key_of(data, net, steps):
    return RunKey(
        architecture=net,
        input_shape=(1, 28, 28),
        num_classes=10,
        data=data.key,
        recipe=RECIPES["fast"],
        budget=Budget(steps=steps),
        seed=0,
        device="cpu",
    )


def ready(key, data):
    """The loop alone: its curve is full already, as evaluation is counted apart."""
    run = set_up(key, data, CPU, report=None, deadline=math.inf)
    run.curve[:] = [None] * CURVE_POINTS
    return run


def sgemm(size: int = 1024, repeats: int = 12) -> float:
    """GFLOP/s of one thread."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    begun = time.process_time()
    for _ in range(repeats):
        torch.mm(a, b)
    return repeats * 2 * size**3 / (time.process_time() - begun) / 1e9


@pytest.mark.parametrize("name", NETS)
def test_a_core(benchmark, data, name):
    net, steps = NETS[name], STEPS[name]
    recipe = RECIPES["fast"]
    key = key_of(data, net, steps)
    ours = [ready(key, data) for _ in range(ROUNDS)]
    theirs = set_up(key, data, CPU, report=None, deadline=math.inf).model
    images, labels = data.train.images, data.train.labels

    def loop() -> None:
        bare.train(theirs, images, labels, batch=recipe.batch_size, steps=steps, lr=recipe.lr)

    spend(ready(key_of(data, net, 5), data))  # what only the first steps cost
    speeds: list[float] = []
    times = in_turn(
        benchmark,
        {"ours": lambda: spend(ours.pop()), "bare": loop, "sgemm": lambda: speeds.append(sgemm())},
        rounds=ROUNDS,
        clock=time.process_time,
    )
    batches, share = ready(key, data), []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(steps):
            batches.batches.next_batch()
        share.append((time.process_time() - begun) / statistics.median(times.seconds["ours"]))
    note(benchmark, f"{name}: share of batches and augmentation in a step", share, "")
    macs = cost(Architecture.parse(net)).macs
    work = 2 * TRAINING_PASSES * macs * recipe.batch_size * steps / 1e9
    reached = [work / s / limit for s, limit in zip(times.seconds["ours"], speeds, strict=True)]
    goal = ">= 0.6" if name in ("÷ 4", "÷ 2") else ""
    note(benchmark, f"{name}: our loop over the bare loop", times.ratios("ours", "bare"), "<= 1.03")
    note(benchmark, f"{name}: share of sgemm", reached, goal)
    note(benchmark, f"{name}: GFLOP/s of training", [work / s for s in times.seconds["ours"]], "")
    note(benchmark, f"{name}: GFLOP/s of sgemm", speeds, "")
