"""What known tricks would add to a short training, those that no recipe has; and what bfloat16 changes.

    python tests/benchmarks/tricks.py DATA_DIR FIRST_SEED SEEDS [TRICK ...]

A trick is named as its class is; by default all are made. The net sees the training images twice by the
recipe `sprint`, as it is and with each trick, from the same seeds, one process a core. Prints the mean
difference in validation accuracy to the recipe as it is, over the seeds, in percentage points, its standard
error, and the CPU time over the other's. The test images are not opened.
"""

import math
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vggsearch.data import Batches, SearchData, load_search_data, stream
from vggsearch.recipe import RECIPES, Budget, Recipe
from vggsearch.runs import RunKey
from vggsearch.system import allowed_cores
from vggsearch.training.allocator import keeping_freed_memory
from vggsearch.training.optimizer import learning_rate, set_learning_rate
from vggsearch.training.setup import Training, set_up

NET, EPOCHS = "1x8-1x32-1x64-1x128+bn+gap", 2
CPU = torch.device("cpu")


class Control:
    """The recipe as it is; each trick changes one thing of it."""

    changes: ClassVar[dict[str, object]] = {}
    """Of the recipe's fields."""

    def begin(self, run: Training) -> None:
        """Before the first step."""
        self.run = run
        self.recipe: Recipe = run.key.recipe
        self.data: SearchData = run.evaluator.data

    def batches(self, fraction: float) -> Batches:  # noqa: ARG002
        return self.run.batches

    def images(self, x: Tensor, fraction: float) -> Tensor:  # noqa: ARG002
        return x

    def rate(self, fraction: float) -> float:
        return learning_rate(self.recipe, fraction)

    def after_step(self, fraction: float) -> None: ...

    def end(self) -> None: ...


class Float32(Control):
    """Float32 where the recipe takes bfloat16."""

    changes: ClassVar[dict[str, object]] = {"precision": "float32"}


class Cosine(Control):
    """The learning rate falls along half a cosine."""

    def rate(self, fraction: float) -> float:
        warmup = self.recipe.warmup
        if fraction < warmup:
            return super().rate(fraction)
        return self.recipe.lr * (1 + math.cos(math.pi * (fraction - warmup) / (1 - warmup))) / 2


class WeightAveraging(Control):
    """Evaluated with an exponential mean of weights and batch statistics, of some fifty steps."""

    def begin(self, run: Training) -> None:
        super().begin(run)
        state = run.model.state_dict().values()
        self.state = [tensor for tensor in state if tensor.is_floating_point()]
        self.mean: list[Tensor] = []

    def after_step(self, fraction: float) -> None:
        if fraction > 0.5:
            if not self.mean:
                self.mean = [tensor.clone() for tensor in self.state]
            torch._foreach_lerp_(self.mean, self.state, 0.02)

    def end(self) -> None:
        torch._foreach_copy_(self.state, self.mean)


class BatchSizeRamp(Control):
    """Half the batch, at half the rate, for the first half of the images."""

    def begin(self, run: Training) -> None:
        super().begin(run)
        self.small = Batches(
            self.data.train,
            batch_size=self.recipe.batch_size // 2,
            mean=self.data.mean,
            std=self.data.std,
            side=(28, 28),
            shift_px=self.recipe.shift_px,
            flip=self.recipe.flip,
            order=stream(run.key.seed, "order", CPU),
            augment=stream(run.key.seed, "augmentation", CPU),
            channels_last=True,
        )

    def batches(self, fraction: float) -> Batches:
        return self.small if fraction < 0.5 else self.run.batches

    def rate(self, fraction: float) -> float:
        return super().rate(fraction) * (0.5 if fraction < 0.5 else 1)


class ProgressiveResizing(Control):
    """Images of 20 pixels for the first half."""

    def images(self, x: Tensor, fraction: float) -> Tensor:
        if fraction >= 0.5:
            return x
        small = F.interpolate(x, (20, 20), mode="bilinear", antialias=True)
        return small.contiguous(memory_format=torch.channels_last)


class Whitening(Control):
    """The first convolution begins as the whitening of the images' patches, and its negative."""

    def begin(self, run: Training) -> None:
        super().begin(run)
        first = next(module for module in run.model.modules() if isinstance(module, nn.Conv2d))
        pixels = (self.data.train.images[:2000].float() / 255 - self.data.mean[0]) / self.data.std[0]
        patches = F.unfold(pixels, first.kernel_size).transpose(1, 2).flatten(0, 1)
        values, vectors = torch.linalg.eigh(torch.cov(patches.T))
        filters = (vectors / (values + 0.01).sqrt()).T.flip(0)[: first.out_channels // 2]
        with torch.no_grad():
            first.weight.copy_(torch.cat((filters, -filters)).view_as(first.weight))


class Orthogonal(Control):
    """Convolutions begin orthogonal, with the gain of ReLU."""

    def begin(self, run: Training) -> None:
        super().begin(run)
        generator = stream(run.key.seed, "initialization", CPU)
        for module in run.model.modules():
            if isinstance(module, nn.Conv2d):
                weight = torch.empty(module.weight.shape)
                nn.init.orthogonal_(weight, math.sqrt(2), generator=generator)
                module.weight.data.copy_(weight)


TRICKS = (
    Float32,
    Cosine,
    WeightAveraging,
    BatchSizeRamp,
    ProgressiveResizing,
    Whitening,
    Orthogonal,
)


def trained(trick: Control, key: RunKey, data: SearchData) -> tuple[float, float]:
    """Validation accuracy in percent, and CPU seconds of training."""
    recipe = key.recipe.model_copy(update=trick.changes)
    key = key.model_copy(update={"recipe": recipe})
    run = set_up(key, data, CPU, report=None, deadline=math.inf)
    trick.begin(run)
    seen = 0
    total = (run.meter.total_steps or 0) * recipe.batch_size
    begun = time.process_time()
    while seen < total:
        batches = trick.batches(seen / total)
        x, y = batches.next_batch()
        fraction = (seen + len(y) / 2) / total
        set_learning_rate(run.optimizer, trick.rate(fraction))
        with run.evaluator.autocast:
            logits = run.model(trick.images(x, fraction))
        F.cross_entropy(logits.float(), y, label_smoothing=recipe.label_smoothing).backward()  # type: ignore[no-untyped-call]
        run.optimizer.step()
        run.optimizer.zero_grad(set_to_none=True)
        seen += len(y)
        trick.after_step(fraction)
    took = time.process_time() - begun
    trick.end()
    return 100 * run.evaluator(data.val).accuracy, took


def one_seed(where: Path, tricks: Sequence[type[Control]], seed: int) -> list[tuple[float, float]]:
    """All of them in turn, on this process's core."""
    torch.set_num_threads(1)
    data = load_search_data("fashion-mnist", data_dir=where, val_fraction=0.1, split_seed=0)
    key = RunKey(
        architecture=NET,
        input_shape=(1, 28, 28),
        num_classes=10,
        data=data.key,
        recipe=RECIPES["sprint"],
        budget=Budget(epochs=EPOCHS),
        seed=seed,
        device="cpu",
    )
    with keeping_freed_memory(needed=0, free=0):
        return [trained(trick(), key, data) for trick in tricks]


def main() -> None:
    where, first, seeds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    named = sys.argv[4:]
    tricks = [Control, *(trick for trick in TRICKS if not named or trick.__name__ in named)]
    free = allowed_cores()
    take = multiprocessing.get_context("spawn").Queue()
    for core in free:
        take.put(core)
    with multiprocessing.get_context("spawn").Pool(len(free), _pin, (take,)) as pool:
        found = list(pool.imap(partial(one_seed, where, tricks), range(first, first + seeds)))
    print(f"{NET}, {EPOCHS} epochs, n = {seeds}; control {statistics.mean(row[0][0] for row in found):.2f} %")
    for i, trick in enumerate(tricks[1:], 1):
        gains = [row[i][0] - row[0][0] for row in found]
        times = [row[i][1] / row[0][1] for row in found]
        error = statistics.stdev(gains) / math.sqrt(seeds)
        gain, slower = statistics.mean(gains), statistics.median(times)
        print(f"| {trick.__name__} | {gain:+.2f} ± {error:.2f} | {slower:.2f} |")


def _pin(take: "multiprocessing.Queue[int]") -> None:
    os.sched_setaffinity(0, {take.get()})


if __name__ == "__main__":
    main()
