"""Where the CPU time of a training step goes: by operation, and by whether freed memory is kept.

    OMP_NUM_THREADS=1 python tests/benchmarks/where_time_goes.py [ARCHITECTURE [PRECISION]]

Images are noise of Fashion-MNIST's shape; the recipe is `fast`, in float32 or another precision. Operations
are timed one by one, by this thread's CPU time. Page faults and kernel time are of processes that each make
steps with the memory kept or not, in turn, three of either kind.
"""

import math
import resource
import subprocess
import sys
import time
from collections import defaultdict

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from vggsearch.data import Images, SearchData
from vggsearch.recipe import RECIPES, Budget
from vggsearch.runs.record import DataKey, RunKey
from vggsearch.training.allocator import keeping_freed_memory
from vggsearch.training.loop import step
from vggsearch.training.remembered import choose
from vggsearch.training.setup import Training, set_up

NET = "2x8-2x16-2x32-2x64+bn+gap"
WARM_UP, STEPS = 8, 30


def begin(net: str, precision: str) -> Training:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (6400, 1, 28, 28), generator=generator, dtype=torch.uint8)
    images = Images(pixels, torch.randint(0, 10, (6400,), generator=generator))
    key = DataKey(name="noise", digest="0" * 64, val_fraction=0.1, split_seed=0, split_digest="1" * 64)
    run_key = RunKey(
        architecture=net,
        input_shape=(1, 28, 28),
        num_classes=10,
        data=key,
        recipe=RECIPES["fast"].model_copy(update={"precision": precision}),
        budget=Budget(steps=10_000),
        seed=0,
        device="cpu",
    )
    data = SearchData("noise", 10, images, images, (0.286,), (0.353,), key)
    cpu = torch.device("cpu")
    run = set_up(run_key, data, cpu, report=None, deadline=math.inf, choice=choose(run_key, cpu))
    for _ in range(WARM_UP):
        step(run)
    return run


class Clock(TorchDispatchMode):
    """CPU nanoseconds of every operation, by its name."""

    def __init__(self) -> None:
        super().__init__()
        self.spent: dict[str, int] = defaultdict(int)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        begun = time.thread_time_ns()
        result = function(*args, **(kwargs or {}))
        self.spent[str(function)] += time.thread_time_ns() - begun
        return result


def by_operation(net: str, precision: str) -> None:
    run, clock = begin(net, precision), Clock()
    with clock:
        for _ in range(STEPS):
            step(run)
    whole = sum(clock.spent.values())
    print(f"{net}, {precision}: {whole / STEPS / 1e6:.1f} ms a step")
    for name, spent in sorted(clock.spent.items(), key=lambda item: -item[1])[:24]:
        print(f"{spent / whole:6.1%}  {name}")


def faults(net: str, precision: str, *, keep: bool) -> None:
    with keeping_freed_memory(needed=1, free=10 if keep else 0):
        run = begin(net, precision)
        before = resource.getrusage(resource.RUSAGE_SELF)
        for _ in range(STEPS):
            step(run)
        after = resource.getrusage(resource.RUSAGE_SELF)
    user, kernel = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    name = "kept" if keep else "usual"
    fault = (after.ru_minflt - before.ru_minflt) / STEPS
    print(
        f"{name:<6} {1000 * user / STEPS:7.2f} ms user {1000 * kernel / STEPS:6.2f} ms kernel "
        f"{fault:7.0f} page faults a step",
        flush=True,
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    chosen = sys.argv[1] if len(sys.argv) > 1 else NET
    multiplied_in = sys.argv[2] if len(sys.argv) > 2 else "float32"
    if len(sys.argv) > 3:
        faults(chosen, multiplied_in, keep=sys.argv[3] == "kept")
    else:
        by_operation(chosen, multiplied_in)
        for _ in range(3):
            for how in ("usual", "kept"):
                subprocess.run([sys.executable, __file__, chosen, multiplied_in, how], check=True)
