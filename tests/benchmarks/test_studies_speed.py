"""Candidates per hour: a study of vggsearch beside the script that one would write instead."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from interleaved import note

from vggsearch.system import allowed_cores

HERE = Path(__file__).parent
NETS = {"÷ 16": (4, 4.0), "÷ 8": (8, 3.5), "÷ 4": (16, 2.5)}
"""Channels of the first block, and the goal, where the choices are left to the machine."""

STEPS, ROUNDS = 422, 3
"""Half a pass over the training images."""


def candidates(first: int) -> list[str]:
    """A net a core, which differ in their last block: it is small, and so their work is equal."""
    widths = [first * 8 - narrower * first // 2 for narrower in range(len(allowed_cores()))]
    return [f"2x{first}-2x{2 * first}-2x{4 * first}-2x{width}+bn+gap" for width in widths]


def figures(script: str, *arguments: object) -> list[float]:
    """What a script prints; it has as many threads as it would have at a prompt."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, str(HERE / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    return [float(word) for word in done.stdout.split()]


@pytest.mark.parametrize("name", NETS)
def test_candidates_per_hour(benchmark, name, fashion_mnist_dir, torchvision_root):
    """Half a pass over the training images for each net, and a look at the validation images."""
    first, goal = NETS[name]
    nets = candidates(first)
    works = {
        "the plain script": ("plain.py", torchvision_root, STEPS),
        "float32": ("ours.py", fashion_mnist_dir, STEPS, "float32"),
        "fastest": ("ours.py", fashion_mnist_dir, STEPS, "fastest"),
    }
    took: dict[str, list[float]] = {work: [] for work in works}

    def one_round() -> None:
        for work, command in works.items():
            took[work].append(figures(*command, *nets)[-1])

    benchmark.pedantic(one_round, rounds=ROUNDS)
    for precision in ("float32", "fastest"):
        pairs = zip(took["the plain script"], took[precision], strict=True)
        note(
            benchmark,
            f"{name}: candidates per hour, {precision}, over the plain script",
            [plain / ours for plain, ours in pairs],
            f">= {goal}" if precision == "fastest" else "",
        )
    for work in works:
        rates = [3600 * len(nets) / s for s in took[work]]
        note(benchmark, f"{name}: candidates per hour, {work}", rates, "")


@pytest.mark.parametrize("name", ["÷ 16", "÷ 8"])
def test_what_is_not_training(benchmark, name, fashion_mnist_dir):
    """Of runs of 30 s: evaluation, records, latency, handing over, waiting."""
    shares: list[float] = []

    def one_round() -> None:
        nets = candidates(NETS[name][0])
        shares.append(figures("ours.py", fashion_mnist_dir, "30s", "float32", *nets)[0])

    benchmark.pedantic(one_round, rounds=3)
    note(
        benchmark,
        f"{name}: share of a 30-s run that is not training",
        shares,
        "<= 0.05, augmentation included",
    )
