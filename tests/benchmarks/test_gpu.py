"""On a GPU: a step as one launch, the chapter's own run, what a run costs beside its steps, seeds at once.

    pytest -o addopts=-q --benchmark-only tests/benchmarks/test_gpu.py

Beside each stands the GPU's own limit: what it copies, and what it multiplies in bfloat16. `BENCH_DEVICE=cpu`
goes the same ways without a GPU, a few steps each: its figures say nothing, but that the benchmark works.
"""

import math
import os
import time

import pytest
import torch
from interleaved import in_turn, note

from vggsearch.arch import Architecture, parse
from vggsearch.costs import cost
from vggsearch.data import data_key, load_search_data
from vggsearch.execution.contract import Finished
from vggsearch.execution.local import LocalExecutor
from vggsearch.recipe import RECIPES, TRAINING_PASSES, Budget
from vggsearch.runs import RunKey
from vggsearch.runs.record import Outcome
from vggsearch.training import device_model, train
from vggsearch.training.graph import captured_step
from vggsearch.training.loop import CURVE_POINTS, compute, spend
from vggsearch.training.setup import set_up

DEVICE = torch.device(os.environ.get("BENCH_DEVICE", "cuda"))
pytestmark = pytest.mark.skipif(DEVICE.type == "cuda" and not torch.cuda.is_available(), reason="needs a GPU")

NATIVE = {
    "÷ 8": "2x8-2x16-2x32-2x64+bn+gap",
    "÷ 2": "2x32-2x64-2x128-2x256+bn+gap",
    "÷ 1": "2x64-2x128-2x256-2x512+bn+gap",
}
FULL = DEVICE.type == "cuda"
ROUNDS = 5 if FULL else 1
STEPS = 300 if FULL else 3
SEEDS = 10 if FULL else 2


@pytest.fixture(scope="module")
def data(fashion_mnist_dir):
    torch.backends.cudnn.benchmark = True
    found = load_search_data("fashion-mnist", data_dir=fashion_mnist_dir, val_fraction=0.1, split_seed=0)
    return found.to(DEVICE)


def key_of(data_key, net, budget, *, recipe="fast", side=28, seed=0):
    return RunKey(
        architecture=net,
        input_shape=(1, side, side),
        num_classes=10,
        data=data_key,
        recipe=RECIPES[recipe],
        budget=budget,
        seed=seed,
        device=DEVICE.type,
        device_model=device_model(DEVICE) if budget.seconds else None,
    )


def wait() -> None:
    if FULL:
        torch.cuda.synchronize()


def rate(work, amount: float) -> float:
    """`amount` a second, of the third time and those after it."""
    for _ in range(2):
        work()
    wait()
    begun = time.perf_counter()
    for _ in range(5):
        work()
    wait()
    return 5 * amount / (time.perf_counter() - begun)


def copied_bytes_a_second() -> float:
    block = torch.empty(2**28 if FULL else 2**20, dtype=torch.uint8, device=DEVICE)
    other = torch.empty_like(block)
    return rate(lambda: other.copy_(block), 2 * block.numel())


def bfloat16_flops() -> float:
    size = 8192 if FULL else 128
    a, b = torch.randn(2, size, size, device=DEVICE, dtype=torch.bfloat16)
    return rate(lambda: torch.mm(a, b), 2 * size**3)


@pytest.mark.parametrize("name", NATIVE)
def test_a_step_is_one_launch(benchmark, data, name):
    """Steps from a captured graph, beside the same steps launched kernel by kernel."""
    key = key_of(data.key, NATIVE[name], Budget(steps=STEPS))

    def ready():
        run = set_up(key, data, DEVICE, report=None, deadline=math.inf)
        run.curve[:] = [None] * CURVE_POINTS
        return run, captured_step(run, lambda: compute(run))

    captured = [ready() for _ in range(ROUNDS)]
    kept = list(captured)  # a graph that ends may take along what libraries hold for others
    single = [ready() for _ in range(ROUNDS)]

    def one_by_one() -> None:
        spend(single.pop()[0])
        wait()

    def as_one() -> None:
        run, launch = captured.pop()
        spend(run, None, launch)
        wait()

    times = in_turn(benchmark, {"one by one": one_by_one, "as one": as_one}, rounds=ROUNDS)
    kept.clear()
    images = STEPS * key.recipe.batch_size
    flop = 2 * TRAINING_PASSES * cost(Architecture.parse(key.architecture)).macs
    speeds = [images / s for s in times.seconds["as one"]]
    limit = bfloat16_flops()
    note(benchmark, f"{name}: steps as one launch, times as fast", times.ratios("one by one", "as one"), "")
    note(benchmark, f"{name}: images a second", speeds, "")
    note(benchmark, f"{name}: share of a bfloat16 product", [speed * flop / limit for speed in speeds], "")


def test_the_chapter(benchmark, data):
    """The d2l net with the d2l recipe at 224 pixels, 10 epochs."""
    budget = Budget(epochs=10) if FULL else Budget(steps=2)
    net = "d2l-vgg11/4" if FULL else "d2l-vgg11/32"
    key = key_of(data.key, str(parse(net)), budget, recipe="d2l", side=224)
    records = []
    benchmark.pedantic(lambda: records.append(train(key, data, DEVICE)), rounds=2 if FULL else 1)
    assert all(record.outcome is Outcome.COMPLETED for record in records)
    note(benchmark, "d2l net at 224, 10 epochs: training seconds", [r.train_s for r in records], "<= 15")
    note(benchmark, "its validation accuracy", [r.val_accuracy for r in records], "")
    note(benchmark, "device copy: bytes a second", [copied_bytes_a_second()], "")
    note(benchmark, "bfloat16 product: FLOP a second", [bfloat16_flops()], "")


def test_what_a_run_costs_beside_its_steps(benchmark, data):
    """Start, capture, cuDNN's choice, latency, record: a run of one step, a look at validation left out."""
    key = key_of(data.key, NATIVE["÷ 8"], Budget(steps=1))
    train(key, data, DEVICE)
    seconds = []

    def one_run() -> None:
        begun = time.perf_counter()
        record = train(key, data, DEVICE)
        seconds.append(time.perf_counter() - begun - record.eval_s)

    benchmark.pedantic(one_run, rounds=2 * ROUNDS)
    note(benchmark, "fixed cost of a run: seconds", seconds, "<= 0.5")


@pytest.mark.parametrize("processes", [1, 2, 5, 10] if FULL else [1, 2])
@pytest.mark.parametrize("name", NATIVE)
def test_seeds_at_once(benchmark, fashion_mnist_dir, name, processes):
    """Ten seeds of one net by so many processes on one GPU, beside one seed alone."""
    where = data_key("fashion-mnist", data_dir=fashion_mnist_dir, val_fraction=0.1, split_seed=0)
    budget = Budget(steps=5 * STEPS)

    with LocalExecutor(processes, DEVICE.type, fashion_mnist_dir) as executor:

        def make(seeds: range) -> float:
            """Wall seconds until all of them are made."""
            begun, left = time.perf_counter(), list(seeds)
            going = 0
            while left or going:
                while left and going < processes:
                    executor.submit(key_of(where, NATIVE[name], budget, seed=left.pop()))
                    going += 1
                for event in executor.wait():
                    if isinstance(event, Finished):
                        assert event.record.outcome is Outcome.COMPLETED, event.record.reason
                        going -= 1
            return time.perf_counter() - begun

        make(range(1000, 1000 + processes))  # every process loads torch, and the data
        times = in_turn(
            benchmark,
            {"one": lambda: make(range(1)), "all": lambda: make(range(SEEDS))},
            rounds=2 if FULL else 1,
        )
    note(
        benchmark,
        f"{name}: {SEEDS} seeds by {processes} processes, over one seed",
        times.ratios("all", "one"),
        "<= 3",
    )
