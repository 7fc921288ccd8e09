"""Candidates per hour: a study of vggsearch beside the script that one would write instead."""

import subprocess
import sys
from pathlib import Path

import pytest
from interleaved import note

HERE = Path(__file__).parent
NETS = {"÷ 16": (4, 4.0), "÷ 8": (8, 4.0), "÷ 4": (16, 2.2)}
"""Channels of the first block, and the goal."""

EPOCH, ROUNDS = 844, 3


def candidates(first: int) -> list[str]:
    """Four nets that differ in their last block, which is small: equal work for both cores."""
    widths = [first * 8 - narrower * first // 2 for narrower in range(4)]
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
def test_candidates_per_hour(benchmark, name, fashion_mnist_dir, torchvision_root, tmp_path):
    """A pass over the training images for each of four nets, and a look at the validation images."""
    first, goal = NETS[name]
    nets = candidates(first)
    ratios, ours, plain = [], [], []

    def one_round() -> None:
        folder = tmp_path / str(len(ratios))
        folder.mkdir()
        plain.append(figures("plain.py", torchvision_root, EPOCH, *nets)[-1])
        ours.append(figures("ours.py", fashion_mnist_dir, EPOCH, folder, *nets)[-1])
        ratios.append(plain[-1] / ours[-1])

    benchmark.pedantic(one_round, rounds=ROUNDS)
    note(benchmark, f"{name}: candidates per hour, over the plain script", ratios, f">= {goal}")
    note(benchmark, f"{name}: candidates per hour", [3600 * len(nets) / s for s in ours], "")
    note(benchmark, f"{name}: candidates per hour, plain script", [3600 * len(nets) / s for s in plain], "")


@pytest.mark.parametrize("name", ["÷ 16", "÷ 8"])
def test_what_is_not_training(benchmark, name, fashion_mnist_dir, tmp_path):
    """Of runs of 30 s: evaluation, records, latency, handing over, waiting."""
    shares: list[float] = []

    def one_round() -> None:
        folder = tmp_path / str(len(shares))
        folder.mkdir()
        shares.append(figures("ours.py", fashion_mnist_dir, "30s", folder, *candidates(NETS[name][0]))[0])

    benchmark.pedantic(one_round, rounds=3)
    note(
        benchmark,
        f"{name}: share of a 30-s run that is not training",
        shares,
        "<= 0.05, augmentation included",
    )
