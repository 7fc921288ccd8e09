"""What only an accelerator can show; `python tests/benchmarks/gpu.py` runs it and makes a table of it.

Does it compute what the CPU does; what a step as one launch, the chapter's own run, a candidate, the fixed
part of a run, and several seeds at once take. Beside each stands the device's own limit: what it copies, and
what it multiplies in bfloat16. `BENCH_DEVICE=cpu` goes the same ways without one, with tiny nets and a few
steps: its figures mean nothing, but that the benchmark works.
"""

import math
import os
import time
from dataclasses import replace

import pytest
import torch
from interleaved import in_turn, note
from seeds_at_once import NETS, compare

from vggsearch.arch import Architecture, parse
from vggsearch.costs import cost
from vggsearch.data import Images, data_key, load_search_data
from vggsearch.devices import backend_of, resolve_device, worker_device
from vggsearch.execution.contract import Finished
from vggsearch.execution.local import LocalExecutor
from vggsearch.recipe import RECIPES, TRAINING_PASSES, Budget
from vggsearch.runs import RunKey
from vggsearch.runs.record import Outcome
from vggsearch.training import Checkpoints, device_model, train
from vggsearch.training.graph import captured_step
from vggsearch.training.loop import CURVE_POINTS, compute, spend
from vggsearch.training.setup import set_up

KIND = resolve_device(os.environ.get("BENCH_DEVICE", "auto"))
DEVICE, CPU = torch.device(KIND), torch.device("cpu")
FULL = KIND != "cpu"
pytestmark = pytest.mark.skipif(
    not FULL and "BENCH_DEVICE" not in os.environ, reason="needs an accelerator, or BENCH_DEVICE=cpu"
)

TINY = "1x2-1x4+bn+gap"
NATIVE = {
    "÷ 8": "2x8-2x16-2x32-2x64+bn+gap",
    "÷ 2": "2x32-2x64-2x128-2x256+bn+gap",
    "÷ 1": "2x64-2x128-2x256-2x512+bn+gap",
}
if not FULL:
    NATIVE = {"tiny": TINY}
ROUNDS, STEPS, SEEDS = (5, 300, 10) if FULL else (1, 3, 2)
HALF_AN_EPOCH = 422


@pytest.fixture(scope="module")
def data(fashion_mnist_dir):
    worker_device(KIND, 0)
    found = load_search_data("fashion-mnist", data_dir=fashion_mnist_dir, val_fraction=0.1, split_seed=0)
    if not FULL:
        found = replace(found, train=first(found.train, 640), val=first(found.val, 200))
    return found.to(DEVICE)


def first(images: Images, count: int) -> Images:
    return Images(images.images[:count], images.labels[:count])


def key_of(data_key, net, budget, *, recipe="fast", side=28, seed=0, device=KIND, **changes):
    return RunKey(
        architecture=net,
        input_shape=(1, side, side),
        num_classes=10,
        data=data_key,
        recipe=RECIPES[recipe].model_copy(update=changes),
        budget=budget,
        seed=seed,
        device=device,
        device_model=device_model(DEVICE) if budget.seconds else None,
    )


def rate(work, amount: float) -> float:
    """`amount` a second, of the third time and those after it."""
    wait = backend_of(DEVICE).wait
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


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_run_is_that_of_the_cpu_but_for_rounding(benchmark, data, recipe, tmp_path):
    """In float32; interrupted at its third point and continued."""
    net, budget = ("1x16-1x32-1x64+bn+gap", Budget(steps=40)) if FULL else (TINY, Budget(steps=8))

    def made(where, points=math.inf, checkpoints=None):
        key = key_of(data.key, net, budget, recipe=recipe, device=where.type, precision="float32")
        seen = []

        def report(point) -> bool:
            seen.append(point)
            return len(seen) < points

        return train(key, data.to(where), where, report=report, checkpoints=checkpoints)

    on_cpu = made(CPU)
    records = []
    benchmark.pedantic(lambda: records.append(made(DEVICE)), rounds=1)
    made(DEVICE, 3, Checkpoints(tmp_path, interval_s=0))
    continued = made(DEVICE, checkpoints=Checkpoints(tmp_path, interval_s=0))
    assert (records[0].outcome, continued.outcome) == (Outcome.COMPLETED, Outcome.COMPLETED)
    for what, record in (("", records[0]), (" after an interruption", continued)):
        apart = abs(record.val_loss / on_cpu.val_loss - 1)
        note(benchmark, f"{recipe}: validation loss apart from the CPU's{what}", [apart], "<= 0.1")
        assert apart <= 0.1


@pytest.mark.parametrize("name", NATIVE)
def test_a_step_is_one_launch(benchmark, data, name):
    """Steps from a captured graph, beside the same steps launched kernel by kernel."""
    key = key_of(data.key, NATIVE[name], Budget(steps=STEPS))
    wait = backend_of(DEVICE).wait

    def ready():
        run = set_up(key, data, DEVICE, report=None, deadline=math.inf)
        run.curve.points[:] = [None] * CURVE_POINTS
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
    flop = 2 * TRAINING_PASSES * cost(Architecture.parse(key.architecture), key.task).macs
    speeds = [images / s for s in times.seconds["as one"]]
    limit = bfloat16_flops()
    note(benchmark, f"{name}: steps as one launch, times as fast", times.ratios("one by one", "as one"), "")
    note(benchmark, f"{name}: images a second", speeds, "")
    note(benchmark, f"{name}: share of a bfloat16 product", [speed * flop / limit for speed in speeds], "")


def test_the_chapter(benchmark, data):
    """The d2l net with the d2l recipe at 224 pixels, 10 epochs."""
    net, budget, side = ("d2l-vgg11/4", Budget(epochs=10), 224) if FULL else (TINY, Budget(steps=2), 32)
    key = key_of(data.key, str(parse(net)), budget, recipe="d2l", side=side)
    records = []
    benchmark.pedantic(lambda: records.append(train(key, data, DEVICE)), rounds=2 if FULL else 1)
    assert all(record.outcome is Outcome.COMPLETED for record in records)
    note(benchmark, "d2l net at 224, 10 epochs: training seconds", [r.train_s for r in records], "<= 15")
    note(benchmark, "its validation accuracy", [r.val_accuracy for r in records], "")
    note(benchmark, "device copy: bytes a second", [copied_bytes_a_second()], "")
    note(benchmark, "bfloat16 product: FLOP a second", [bfloat16_flops()], "")


def test_a_candidate(benchmark, data):
    """Half an epoch in batches of 64 and its evaluations, as beside a plain script on a CPU."""
    name = next(iter(NATIVE))
    key = key_of(data.key, NATIVE[name], Budget(steps=HALF_AN_EPOCH if FULL else 2), batch_size=64)
    train(key, data, DEVICE)
    seconds = []

    def one_run() -> None:
        begun = time.perf_counter()
        train(key, data, DEVICE)
        seconds.append(time.perf_counter() - begun)

    benchmark.pedantic(one_run, rounds=ROUNDS)
    note(benchmark, f"{name}: candidates an hour by one worker", [3600 / s for s in seconds], ">= 1000")


def test_what_a_run_costs_beside_its_steps(benchmark, data):
    """Start, capture, choice of kernels, latency, record: a run of one step, without its evaluations."""
    key = key_of(data.key, next(iter(NATIVE.values())), Budget(steps=1))
    train(key, data, DEVICE)
    seconds = []

    def one_run() -> None:
        begun = time.perf_counter()
        record = train(key, data, DEVICE)
        seconds.append(time.perf_counter() - begun - record.eval_s)

    benchmark.pedantic(one_run, rounds=2 * ROUNDS)
    note(benchmark, "fixed cost of a run: seconds", seconds, "<= 0.5")


@pytest.mark.parametrize("name", NETS if FULL else ["tiny"])
def test_ways_to_train_seeds_in_one_process(benchmark, name, monkeypatch):
    """The time of a step of ten seeds over that of one, in each way of `seeds_at_once.py`."""
    monkeypatch.setitem(NETS, "tiny", TINY)
    found, rounds = [], 3 if FULL else 1
    benchmark.pedantic(lambda: found.extend(compare(name, SEEDS, rounds, DEVICE, "auto")), rounds=1)
    for way, ratios in found:
        note(benchmark, f"{name}: {SEEDS} seeds, {way}, over one seed", ratios, "<= 3")


@pytest.mark.parametrize("processes", [1, 2, 5, 10] if FULL else [2])
@pytest.mark.parametrize("name", NATIVE)
def test_seeds_by_processes(benchmark, fashion_mnist_dir, name, processes):
    """Ten seeds of one net by so many processes on one device, beside one seed alone."""
    where = data_key("fashion-mnist", data_dir=fashion_mnist_dir, val_fraction=0.1, split_seed=0)
    budget = Budget(steps=STEPS)

    with LocalExecutor(processes, KIND, fashion_mnist_dir) as executor:

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

        make(range(1000, 1000 + processes))  # every process loads the data, and chooses kernels
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
