"""What each choice behind our loop is worth: time a step of 64 images takes by another choice, over ours.

    python tests/benchmarks/choices.py [ROUNDS]

One core, but for the threads; noise of Fashion-MNIST's shape; CPU time, the choices in turn, medians with
least and most over the rounds. Ours: channels last, batches of 64, float32, max-pool before ReLU, one thread
a process, freed memory kept. Last of a net, evaluation with batch norm folded, over evaluation without.
"""

import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn import functional as F

from vggsearch.arch import Architecture, Task
from vggsearch.data import Images, SearchData
from vggsearch.model import build
from vggsearch.runs import DataKey
from vggsearch.system import allowed_cores
from vggsearch.training.allocator import keeping_freed_memory
from vggsearch.training.evaluation import Evaluator
from vggsearch.training.narrow import NarrowBatchNorm, NarrowMaxPool, leave_biases
from vggsearch.training.net import pool_before_relu

NETS = {
    "÷ 32": "2x2-2x4-2x8-2x16+bn+gap",
    "÷ 16": "2x4-2x8-2x16-2x32+bn+gap",
    "÷ 8": "2x8-2x16-2x32-2x64+bn+gap",
    "÷ 4": "2x16-2x32-2x64-2x128+bn+gap",
    "÷ 2": "2x32-2x64-2x128-2x256+bn+gap",
}
IMAGES = {"÷ 32": 1536, "÷ 16": 1536, "÷ 8": 1536, "÷ 4": 768, "÷ 2": 512}
"""Of one measurement."""


@dataclass(frozen=True)
class Choice:
    layout: torch.memory_format = torch.channels_last
    batch: int = 64
    bfloat16: bool = False
    flush_denormals: bool = False
    narrow: bool = False
    """Whether layers are those of `precision: fastest`."""
    pool_first: bool = True
    """Whether max-pool comes before ReLU."""
    channels: int = 1
    """Of the images: more than one are copies of it, for kernels that like them even."""


OURS = Choice()
OTHERS = {
    "layers of `fastest`": replace(OURS, narrow=True),
    "bfloat16": replace(OURS, bfloat16=True),
    "both": replace(OURS, narrow=True, bfloat16=True),
    "contiguous": replace(OURS, layout=torch.contiguous_format),
    "batches of 32": replace(OURS, batch=32),
    "batches of 128": replace(OURS, batch=128),
    "batches of 256": replace(OURS, batch=256),
    "denormals flushed": replace(OURS, flush_denormals=True),
    "images of 4 channels": replace(OURS, channels=4),
    "ReLU before max-pool": replace(OURS, pool_first=False),
    "the same, both": replace(OURS, narrow=True, bfloat16=True, pool_first=False),
}


def made(net: str, choice: Choice, generator: torch.Generator) -> nn.Sequential:
    model = build(
        Architecture.parse(net),
        Task((choice.channels, 28, 28), 10),
        generator=generator,
        initialization="kaiming",
        batch_norm=NarrowBatchNorm if choice.narrow else nn.BatchNorm2d,
        max_pool=NarrowMaxPool if choice.narrow else nn.MaxPool2d,
    )
    if choice.narrow:
        leave_biases(model)
    if choice.pool_first:
        pool_before_relu(model)
    return model.to(memory_format=choice.layout).train()


def trainer(net: str, choice: Choice, images: int) -> Callable[[], None]:
    """What trains on so many images."""
    generator = torch.Generator().manual_seed(0)
    shape = (choice.channels, 28, 28)
    model = made(net, choice, generator)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, fused=True)
    x = torch.randn(choice.batch, *shape, generator=generator).contiguous(memory_format=choice.layout)
    y = torch.randint(0, 10, (choice.batch,), generator=generator)

    def train() -> None:
        torch.set_flush_denormal(choice.flush_denormals)
        for _ in range(images // choice.batch):
            with torch.autocast("cpu", torch.bfloat16, enabled=choice.bfloat16):
                logits = model(x)
            F.cross_entropy(logits.float(), y).backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return train


def seconds(work: Callable[[], None], clock: Callable[[], float]) -> float:
    begun = clock()
    work()
    return clock() - begun


def shown(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def evaluator(net: str, choice: Choice, *, folds: bool) -> Callable[[], None]:
    """What evaluates the net on 1024 images, in batches of 128 as in runs."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (1024, 1, 28, 28), generator=generator, dtype=torch.uint8)
    images = Images(pixels, torch.randint(0, 10, (1024,), generator=generator))
    key = DataKey(name="noise", digest="0" * 64, val_fraction=0.1, split_seed=0, split_digest="1" * 64)
    data = SearchData("noise", 10, images, images, (0.286,), (0.353,), key)
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=choice.bfloat16)
    evaluate = Evaluator(made(net, choice, generator), data, (28, 28), autocast, folds=folds)

    def work() -> None:
        evaluate(images)

    return work


def folding(name: str, rounds: int) -> None:
    for precision, choice in (("float32", OURS), ("bfloat16", replace(OURS, bfloat16=True))):
        folded, plain = (evaluator(NETS[name], choice, folds=folds) for folds in (True, False))
        for work in (folded, plain):
            work()
        found = [
            seconds(folded, time.process_time) / seconds(plain, time.process_time) for _ in range(rounds)
        ]
        print(f"| {name} | evaluation, folded, {precision} | {shown(found)} |", flush=True)


def one_core(name: str, rounds: int) -> None:
    torch.set_num_threads(1)
    net, images = NETS[name], IMAGES[name]
    works = {other: trainer(net, choice, images) for other, choice in OTHERS.items()}
    ours = trainer(net, OURS, images)
    for work in (ours, *works.values()):
        work()
    ratios: dict[str, list[float]] = {other: [] for other in works}
    for _ in range(rounds):
        for other, work in works.items():
            ratios[other].append(seconds(work, time.process_time) / seconds(ours, time.process_time))
    for other, found in ratios.items():
        print(f"| {name} | {other} | {shown(found)} |", flush=True)


def process(
    name: str, threads: int, pinned: list[int], start: "multiprocessing.synchronize.Barrier", repeats: int
) -> None:
    os.sched_setaffinity(0, pinned)
    torch.set_num_threads(threads)
    with keeping_freed_memory(needed=0, free=0):
        work = trainer(NETS[name], OURS, IMAGES[name])
        work()
        start.wait()
        for _ in range(repeats):
            work()
    start.wait()


def wall_s(name: str, processes: int, threads: int) -> float:
    """Wall seconds in which all of them train on as many images as one process a core would."""
    context, free = multiprocessing.get_context("spawn"), allowed_cores()
    start = context.Barrier(processes + 1)
    repeats = 4 * len(free) // processes
    made = [
        context.Process(
            target=process,
            args=(name, threads, [free[i]] if processes > 1 else free, start, repeats),
        )
        for i in range(processes)
    ]
    for one in made:
        one.start()
    start.wait()
    took = seconds(lambda: start.wait() and None, time.perf_counter)
    for one in made:
        one.join()
    return took


def all_cores(name: str, rounds: int) -> None:
    many = len(allowed_cores())
    found = [wall_s(name, 1, many) / wall_s(name, many, 1) for _ in range(rounds)]
    print(f"| {name} | one process of {many} threads, for {many} of one | {shown(found)} |", flush=True)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with keeping_freed_memory(needed=0, free=0):
        for name in NETS:
            one_core(name, rounds)
            folding(name, rounds)
    for name in ("÷ 8", "÷ 4"):
        all_cores(name, rounds)


if __name__ == "__main__":
    main()
