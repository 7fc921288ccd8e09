"""Ways to train several seeds of one net at once in one process; and how long each takes beside the others.

    python tests/benchmarks/seeds_at_once.py [DEVICE] [SEEDS] [ROUNDS] [PRECISION]

- **one by one**: a step of the first, a step of the second, ...; on CUDA each is one launch;
- **streams** (CUDA): the same launches, each net's on a stream of its own;
- **grouped**: one net whose convolutions have a group for each seed; batch norm and pooling do not mind;
- **vmap**: `torch.func.vmap` over the stacked weights.

Every seed has its own weights, order of images and augmentation in each of them, and after the same steps on
a CPU the same weights but for rounding (`test_seeds_at_once.py`); on a GPU the grouped and the vmapped nets
are trained some steps further by the warm-up before their capture. The fifth way, several processes, is in
`test_gpu.py`. Prints the time of a step of all seeds over that of one seed alone: medians with least and
most, on a CPU of one thread's CPU time. Images are noise of Fashion-MNIST's shape.
"""

import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vggsearch.data import Images, SearchData
from vggsearch.devices import backend_of, resolve_device, traits
from vggsearch.model import GlobalAveragePool
from vggsearch.recipe import RECIPES, Budget
from vggsearch.runs.record import DataKey, RunKey
from vggsearch.training import device_model
from vggsearch.training.allocator import keeping_freed_memory
from vggsearch.training.graph import captured_step, cuda_graph
from vggsearch.training.loop import compute
from vggsearch.training.optimizer import make_optimizer
from vggsearch.training.remembered import choose
from vggsearch.training.setup import Training, set_up

NETS = {
    "÷ 16": "2x4-2x8-2x16-2x32+bn+gap",
    "÷ 8": "2x8-2x16-2x32-2x64+bn+gap",
    "÷ 2": "2x32-2x64-2x128-2x256+bn+gap",
    "÷ 1": "2x64-2x128-2x256-2x512+bn+gap",
}
IMAGES = 12_800
Step = Callable[[], None]


@dataclass(frozen=True)
class Together:
    """What trains several runs."""

    step: Step
    """Makes a step of each."""
    weights: Callable[[], list[Tensor]]
    """All parameters in the order of the net's, each [seeds, ...]."""


Way = Callable[[Sequence[Training]], Together]


def set_up_seeds(net: str, seeds: int, device: torch.device, precision: str = "auto") -> list[Training]:
    """Trainings that differ in their seed, about to begin."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (IMAGES, 1, 28, 28), generator=generator, dtype=torch.uint8)
    images = Images(pixels, torch.randint(0, 10, (IMAGES,), generator=generator))
    data_key = DataKey(name="noise", digest="0" * 64, val_fraction=0.1, split_seed=0, split_digest="1" * 64)
    data = SearchData("noise", 10, images, images, (0.5,), (0.25,), data_key).to(device)
    keys = [
        RunKey(
            architecture=net,
            input_shape=(1, 28, 28),
            num_classes=10,
            data=data_key,
            recipe=RECIPES["fast"].model_copy(update={"precision": precision}),
            budget=Budget(steps=1_000_000),
            seed=seed,
            device=device.type,
        )
        for seed in range(seeds)
    ]
    return [
        set_up(key, data, device, report=None, deadline=math.inf, choice=choose(key, device)) for key in keys
    ]


def one_by_one(runs: Sequence[Training]) -> Together:
    launches = [captured_step(run, partial(compute, run)) for run in runs]

    def step() -> None:
        for run, launch in zip(runs, launches, strict=True):
            run.batches.advance()
            launch()

    return Together(step, partial(_stacked, runs))


def streams(runs: Sequence[Training]) -> Together:
    """On CUDA alone."""
    launches = [captured_step(run, partial(compute, run)) for run in runs]
    lanes = [torch.cuda.Stream() for _ in runs]
    for lane in lanes:
        lane.wait_stream(torch.cuda.current_stream())

    def step() -> None:
        for run, launch, lane in zip(runs, launches, lanes, strict=True):
            with torch.cuda.stream(lane):
                run.batches.advance()
                launch()

    def weights() -> list[Tensor]:
        torch.cuda.synchronize()
        return _stacked(runs)

    return Together(step, weights)


def _stacked(runs: Sequence[Training]) -> list[Tensor]:
    return [torch.stack(alike) for alike in zip(*(run.model.parameters() for run in runs), strict=True)]


class Grouped(nn.Module):
    """The nets of several runs as one: from [N, S, H, W], an image for each, to logits [N, S, classes]."""

    def __init__(self, runs: Sequence[Training]) -> None:
        super().__init__()
        self.seeds = len(runs)
        self.layers = nn.ModuleList()
        for alike in zip(*(_layers(run.model) for run in runs), strict=True):
            first = alike[0]
            if isinstance(first, nn.Conv2d):
                layer: nn.Module = nn.Conv2d(
                    self.seeds * first.in_channels,
                    self.seeds * first.out_channels,
                    first.kernel_size,
                    padding=first.padding,
                    groups=self.seeds,
                )
            elif isinstance(first, nn.BatchNorm2d):
                layer = type(first)(self.seeds * first.num_features)
            elif isinstance(first, nn.Linear):
                layer = nn.Conv1d(
                    self.seeds * first.in_features, self.seeds * first.out_features, 1, groups=self.seeds
                )
            else:
                layer = first
            with torch.no_grad():
                for name, weight in layer.named_parameters():
                    same = [dict(one.named_parameters())[name] for one in alike]
                    weight.copy_(torch.cat(same).view_as(weight))
                    weight.requires_grad_(same[0].requires_grad)
            self.layers.append(layer)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x[:, :, None])[:, :, 0] if isinstance(layer, nn.Conv1d) else layer(x)
        return x.view(len(x), self.seeds, -1)


def _layers(model: nn.Module) -> list[nn.Module]:
    kinds = (nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d, GlobalAveragePool, nn.Linear)
    return [layer for layer in model.modules() if isinstance(layer, kinds)]


def grouped(runs: Sequence[Training], layout: torch.memory_format = torch.channels_last) -> Together:
    device = runs[0].device
    net = Grouped(runs).to(device).to(memory_format=layout).train()
    optimizer = make_optimizer(net, runs[0].key.recipe)

    def work() -> None:
        batches = [run.batches.cut() for run in runs]
        x = torch.cat([x for x, _ in batches], dim=1).contiguous(memory_format=layout)
        y = torch.stack([y for _, y in batches], dim=1)
        with runs[0].evaluator.autocast:
            logits = net(x)
        _learn(logits.flatten(0, 1), y.flatten(), runs, optimizer)

    return Together(
        _as_captured_step(runs, work),
        lambda: [weight.reshape(len(runs), -1) for weight in net.parameters()],
    )


def vmapped(runs: Sequence[Training]) -> Together:
    model = runs[0].model
    weights, buffers = torch.func.stack_module_state([run.model for run in runs])
    optimizer = make_optimizer(model, runs[0].key.recipe)
    # Stacked, a weight has a dimension more: those that decay have three and more.
    optimizer.param_groups[0]["params"] = [w for w in weights.values() if w.ndim >= 3]
    optimizer.param_groups[1]["params"] = [w for w in weights.values() if w.ndim < 3]

    def one(weights: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
        return torch.func.functional_call(model, (weights, buffers), (x,))

    def work() -> None:
        batches = [run.batches.cut() for run in runs]
        x, y = torch.stack([x for x, _ in batches]), torch.stack([y for _, y in batches])
        with runs[0].evaluator.autocast:
            logits = torch.func.vmap(one)(weights, buffers, x)
        _learn(logits.flatten(0, 1), y.flatten(), runs, optimizer)

    return Together(_as_captured_step(runs, work), lambda: list(weights.values()))


def _learn(logits: Tensor, y: Tensor, runs: Sequence[Training], optimizer: torch.optim.Optimizer) -> None:
    """A step on the sum of the seeds' losses: each seed's own gradient."""
    smoothing = runs[0].key.recipe.label_smoothing
    loss = F.cross_entropy(logits.float(), y, label_smoothing=smoothing) * len(runs)
    torch.autograd.backward(loss)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _as_captured_step(runs: Sequence[Training], work: Step) -> Step:
    launch = work
    if traits(runs[0].device.type).graphs:

        def warm_up() -> None:
            for run in runs:
                run.batches.position.zero_()
            work()

        for run in runs:
            run.batches.advance()
        launch = cuda_graph(warm_up, work, [])

    def step() -> None:
        for run in runs:
            run.batches.advance()
        launch()

    return step


WAYS: dict[str, Way] = {
    "one by one": one_by_one,
    "streams": streams,
    "grouped": grouped,
    "grouped, contiguous": partial(grouped, layout=torch.contiguous_format),
    "vmap": vmapped,
}


def seconds(step: Step, steps: int, device: torch.device) -> float:
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    wait = backend_of(device).wait
    wait()
    begun = clock()
    for _ in range(steps):
        step()
    wait()
    return clock() - begun


def compare(
    name: str, seeds: int, rounds: int, device: torch.device, precision: str
) -> Iterator[tuple[str, list[float]]]:
    """For each way, the time of a step of all seeds over that of one seed alone, round by round."""
    steps = 5 if device.type == "cpu" else 100
    torch.backends.cudnn.benchmark = True  # as in a study's workers
    alone = one_by_one(set_up_seeds(NETS[name], 1, device, precision)).step
    kept = []  # a graph that ends may take along what libraries hold for others
    for way, make in WAYS.items():
        if way == "streams" and device.type != "cuda":
            continue
        # vmap does not go with the layers that `fastest` has on a CPU.
        if way == "vmap" and device.type == "cpu" and precision == "fastest":
            continue
        step = make(set_up_seeds(NETS[name], seeds, device, precision)).step
        kept.append(step)
        ratios = []
        for i in range(rounds + 1):
            both = [seconds(work, steps, device) for work in (alone, step)]
            if i:  # the first warms up
                ratios.append(both[1] / both[0])
        yield way, ratios


def main() -> None:
    given = dict(enumerate(sys.argv[1:]))
    device = torch.device(resolve_device(str(given.get(0, "auto"))))
    seeds, rounds, precision = int(given.get(1, 10)), int(given.get(2, 5)), str(given.get(3, "auto"))
    torch.set_num_threads(1)
    print(f"{seeds} seeds on {device_model(device)}, {precision}, over one; n = {rounds}", flush=True)
    with keeping_freed_memory(needed=1, free=10):
        for name in NETS:
            if device.type != "cpu" or name in ("÷ 16", "÷ 8"):
                for way, ratios in compare(name, seeds, rounds, device, precision):
                    spread = f"({min(ratios):.2f} to {max(ratios):.2f})"
                    print(f"| {name} | {way} | {statistics.median(ratios):.2f} {spread} |", flush=True)


if __name__ == "__main__":
    main()
