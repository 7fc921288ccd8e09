"""Times training steps of one net by several choices, on random images.

Steps are a run's own (`vggsearch.training.step`): batch, forward and backward pass, optimiser. Random numbers
come from generators made here, so that no run and no global generator is affected. On a CPU the time is this
process's CPU time, as in a budget in seconds.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from vggsearch.arch import Architecture, Task
from vggsearch.costs import cost
from vggsearch.data import Images, SearchData
from vggsearch.recipe import TRAINING_PASSES, Budget, Recipe
from vggsearch.runs import DataKey, RunKey
from vggsearch.system import return_freed_memory
from vggsearch.training.choices import Choice
from vggsearch.training.setup import Training, set_up
from vggsearch.training.step import step

TARGET_S = 0.6
"""Wall seconds after which no further round of timed steps begins."""

LIMIT_S = 2.0
"""The same, while there are fewer than `LEAST_ROUNDS`."""

LEAST_ROUNDS, MOST_ROUNDS = 3, 15
"""Timed steps of each choice: three, so that the median of them excludes an outlier. A net for which three
steps take longer than `LIMIT_S` is timed with fewer, and with at least one."""

STEP_MACS = 2e9
"""Multiply-adds of a timed step: batches are halved until a step has no more. About 0.05 s on one core."""

LEAST_BATCH = 2
"""Batch norm cannot train on one image where the feature map is one pixel."""

BATCHES = 4
"""Batches of random images in an epoch."""

_CPU = torch.device("cpu")
_DATA = DataKey(name="random", digest="0" * 64, val_fraction=0.5, split_seed=0, split_digest="0" * 64)

Timings = dict[Choice, list[float]]
"""Seconds of an image, of each timed step, in the order in which the choices were given."""


@dataclass(frozen=True)
class Clocks:
    """What times a step, and what bounds the measurement."""

    cpu: Callable[[], float] = time.process_time
    wall: Callable[[], float] = time.monotonic


def time_choices(
    architecture: Architecture,
    task: Task,
    recipe: Recipe,
    choices: Sequence[Choice],
    clocks: Clocks | None = None,
) -> Timings:
    """CPU seconds for each image of training steps of `architecture` by `recipe`, for each choice.

    With the number of threads that torch has now. A first step of each choice is not timed: it allocates
    memory and compiles kernels. Then one step of each choice is a round; every other round goes backwards, so
    that a machine that becomes slower affects all choices alike. All choices are in memory at once. Raises
    `ArchitectureError` where the net does not fit `task`.
    """
    clocks = clocks or Clocks()
    batch_size = timed_batch(recipe.batch_size, cost(architecture, task).macs)
    data = _random_images(task, batch_size)
    runs = {choice: _begin(architecture, task, recipe, batch_size, data, choice) for choice in choices}
    for run in runs.values():
        step(run)
    timings: Timings = {choice: [] for choice in choices}
    begun, rounds = clocks.wall(), 0
    while rounds < 1 or (
        rounds < MOST_ROUNDS and clocks.wall() - begun < (LIMIT_S if rounds < LEAST_ROUNDS else TARGET_S)
    ):
        for choice in choices if rounds % 2 == 0 else reversed(choices):
            at = clocks.cpu()
            step(runs[choice])
            timings[choice].append((clocks.cpu() - at) / batch_size)
        rounds += 1
    runs.clear()
    return_freed_memory()  # which would count as the run's peak memory
    return timings


def timed_batch(batch_size: int, macs: int) -> int:
    """The batch size, halved until a step of a net with `macs` an image has at most `STEP_MACS`."""
    while batch_size >= 2 * LEAST_BATCH and batch_size * macs * TRAINING_PASSES > STEP_MACS:
        batch_size //= 2
    return batch_size


def _begin(
    architecture: Architecture, task: Task, recipe: Recipe, batch_size: int, data: SearchData, choice: Choice
) -> Training:
    """A run about to begin."""
    # The time of a step does not depend on the weights, and whitening takes time.
    alike = recipe.model_copy(update={"batch_size": batch_size, "initialization": "kaiming"})
    key = RunKey(
        architecture=str(architecture),
        input_shape=task.input_shape,
        num_classes=task.num_classes,
        data=_DATA,
        recipe=alike,
        budget=Budget(steps=1),
        seed=0,
        device="cpu",
    )
    return set_up(key, data, _CPU, report=None, deadline=math.inf, choice=choice)


def _random_images(task: Task, batch_size: int) -> SearchData:
    generator = torch.Generator().manual_seed(0)
    count, channels = BATCHES * batch_size, task.input_shape[0]
    pixels = torch.randint(0, 256, (count, *task.input_shape), generator=generator, dtype=torch.uint8)
    images = Images(pixels, torch.randint(0, task.num_classes, (count,), generator=generator))
    return SearchData("random", task.num_classes, images, images, (0.5,) * channels, (0.3,) * channels, _DATA)


@contextlib.contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """One thread on a CPU: the same bits every time, and CPU seconds that mean training seconds."""
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
