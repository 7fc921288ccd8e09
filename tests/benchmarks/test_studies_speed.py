"""Candidates per hour: a study of vggsearch beside the script that one would write instead."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from interleaved import in_turn, note

from vggsearch.study.process import cores

HERE = Path(__file__).parent
NETS = {"÷ 16": (4, 4.0), "÷ 8": (8, 4.0), "÷ 4": (16, 2.2)}
"""Channels of the first block, and the goal."""

EPOCH, ROUNDS = 844, 3


def candidates(first: int) -> list[str]:
    """A net a core, which differ in their last block: it is small, and so their work is equal."""
    widths = [first * 8 - narrower * first // 2 for narrower in range(len(cores()))]
    return [f"2x{first}-2x{2 * first}-2x{4 * first}-2x{width}+bn+gap" for width in widths]


def figures(script: str, *arguments: object) -> list[float]:
    done = subprocess.run(
        [sys.executable, str(HERE / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(word) for word in done.stdout.split()]


@pytest.mark.parametrize("name", NETS)
def test_candidates_per_hour(benchmark, name, fashion_mnist_dir, torchvision_root):
    """A pass over the training images for each net, and a look at the validation images."""
    first, goal = NETS[name]
    nets = candidates(first)
    works = {
        "the plain script": ("plain.py", torchvision_root, EPOCH),
        "float32": ("ours.py", fashion_mnist_dir, EPOCH, "float32"),
        "fastest": ("ours.py", fashion_mnist_dir, EPOCH, "fastest"),
    }
    times = in_turn(
        benchmark, {work: partial(figures, *command, *nets) for work, command in works.items()}, rounds=ROUNDS
    )
    for precision in ("float32", "fastest"):
        ratios = times.ratios("the plain script", precision)
        note(
            benchmark,
            f"{name}: candidates per hour, {precision}, over the plain script",
            ratios,
            f">= {goal}",
        )
    for work in works:
        rates = [3600 * len(nets) / s for s in times.seconds[work]]
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
