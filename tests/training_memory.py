"""Predicted training memory compared with measurements: `python tests/training_memory.py`.

Every net trains in its own process. The measurement is the peak of its resident memory during `train`, minus
the memory held just before: libraries, images, and what every first run loads, because a tiny net trains
first. malloc is set to return freed memory at once, so that resident memory is memory in use. Below about
10 MB the error is up to 3 MB: pages of code and of malloc itself.

A study's workers keep freed memory instead, which is faster (`vggsearch.training.allocator`). `--kept`
measures how much they hold: more, and not the same amount twice, as it depends on where small blocks lie.
"""

import argparse
import contextlib
import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from vggsearch.arch import Head, Task, parse
from vggsearch.memory import TrainingMemory, training_memory
from vggsearch.recipe import RECIPES, Budget
from vggsearch.runs import DataKey, Outcome, RunKey
from vggsearch.space import Choice, Constraint, SearchSpace

if TYPE_CHECKING:
    from vggsearch.data import Images, SearchData

AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
"""Environment in which glibc returns memory as soon as it is freed (mallopt(3))."""

STEPS = 3
"""Training steps; the second is the first with momentum, and an evaluation follows each."""

VAL_IMAGES = 128
NUM_CLASSES = 10


@dataclass(frozen=True, slots=True)
class Case:
    """A net to train by the recipe `fast` with this batch size."""

    architecture: str
    """A name or the canonical text."""
    input_shape: tuple[int, int, int]
    batch_size: int

    @property
    def key(self) -> RunKey:
        """Key of its run."""
        return RunKey(
            architecture=str(parse(self.architecture)),
            input_shape=self.input_shape,
            num_classes=NUM_CLASSES,
            data=DataKey(
                name="blank", digest="0" * 64, val_fraction=0.5, split_seed=0, split_digest="1" * 64
            ),
            recipe=RECIPES["fast"].model_copy(update={"batch_size": self.batch_size}),
            budget=Budget(steps=STEPS),
            seed=0,
            device="cpu",
        )

    def data(self) -> "SearchData":
        """Two batches of black training images, and some validation images."""
        import torch

        from vggsearch.data import Images, SearchData

        def images(count: int) -> "Images":
            black = torch.zeros(count, *self.input_shape, dtype=torch.uint8)
            return Images(black, torch.arange(count) % NUM_CLASSES)

        half = (0.5,) * self.input_shape[0]
        train, val = images(2 * self.batch_size), images(VAL_IMAGES)
        return SearchData("blank", NUM_CLASSES, train, val, half, half, self.key.data)

    def predict(self) -> TrainingMemory:
        """Predicted memory of the run."""
        key = self.key
        copies = 2 * self.batch_size * prod(self.input_shape)
        return training_memory(
            parse(self.architecture), Task(self.input_shape, NUM_CLASSES), key.recipe, copies=copies
        )

    def measure(self, *, keeps: bool = False) -> int:
        """Bytes that the run takes in a new process, which `keeps` freed memory or returns it at once."""
        order = json.dumps([self.architecture, self.input_shape, self.batch_size, keeps])
        done = subprocess.run(
            [sys.executable, __file__, "--one", order],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | ({} if keeps else AT_ONCE),
        )
        return int(done.stdout)


ZOO_CASES = (
    Case("vgg11", (3, 32, 32), 16),
    Case("vgg11-bn/4", (3, 64, 64), 32),
    Case("vgg13/4", (3, 64, 64), 64),
    Case("vgg13-bn/2", (3, 32, 32), 32),
    Case("vgg16-1x1/4", (3, 64, 64), 16),
    Case("vgg16-1x1-bn/8", (3, 64, 64), 64),
    Case("vgg16", (3, 32, 32), 8),
    Case("vgg16-bn/4", (3, 96, 96), 16),
    Case("vgg19/4", (3, 64, 64), 16),
    Case("vgg19-bn/8", (3, 64, 64), 32),
    Case("d2l-vgg11/4", (1, 224, 224), 16),
    Case("d2l-vgg11/8", (1, 96, 96), 128),
)
"""Every net of the zoo, at a size that trains in seconds."""

SPACES = tuple(
    SearchSpace(
        num_blocks=(1, 2, 3, 4),
        convs_per_block=Choice((1, 2, 3), True),
        ratio=Choice((2, 4, 8), False),
        kernel_size=Choice((1, 3, 5, 7), True),
        batch_norm=(False, True),
        head=(Head(()), Head((256, 256)), Head((1024,))),
        channels=(64, 128, 256, 512),
        task=Task(shape, NUM_CLASSES),
        constraints=(Constraint("macs", 10**6, 3 * 10**8),),
    )
    for shape in ((1, 28, 28), (3, 48, 48), (3, 64, 64))
)


def members(count: int, seed: int) -> Iterator[Case]:
    """Nets drawn uniformly from each of `SPACES` in turn, with batches of 16 to 128."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        space = SPACES[i % len(SPACES)]
        yield Case(str(space.sample(rng, 1)[0]), space.task.input_shape, int(rng.choice((16, 32, 64, 128))))


def _train(case: Case, *, keeps: bool) -> int:
    """Bytes that a training takes in this process, after that of a tiny net."""
    import torch

    from vggsearch.devices import backend_of
    from vggsearch.system import return_freed_memory
    from vggsearch.training import train
    from vggsearch.training.allocator import keeping_freed_memory

    device, taken = torch.device("cpu"), 0
    backend = backend_of(device)
    for each in (Case("1x2-1x2k1+bn+fc4", (case.input_shape[0], 8, 8), 2), case):
        data = each.data()
        gc.collect()
        return_freed_memory()
        backend.reset_peak()
        before = backend.peak_bytes()
        assert before is not None
        with keeping_freed_memory(needed=0, free=0) if keeps else contextlib.nullcontext():
            record = train(each.key, data, device)
        assert record.outcome is Outcome.COMPLETED, record.reason
        assert record.peak_memory_bytes is not None
        taken = record.peak_memory_bytes - before
    return taken


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--members", type=int, default=24, help="random nets in addition to the zoo")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random nets")
    parser.add_argument("--kept", action="store_true", help="also measure what a study's workers hold")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one is not None:
        architecture, shape, batch_size, keeps = json.loads(chosen.one)
        print(_train(Case(architecture, tuple(shape), batch_size), keeps=keeps))
        return
    print("| net | input | batch | predicted, MB | measured | error | kept |")
    print("|---|---|---|---|---|---|---|")
    for case in (*ZOO_CASES, *members(chosen.members, chosen.seed)):
        predicted, measured = case.predict().total, case.measure()
        kept = f"{case.measure(keeps=True) / 1e6:.1f}" if chosen.kept else ""
        print(
            f"| {case.architecture} | {'×'.join(map(str, case.input_shape))} | {case.batch_size} "
            f"| {predicted / 1e6:.1f} | {measured / 1e6:.1f} | {predicted / measured - 1:+.1%} | {kept} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
