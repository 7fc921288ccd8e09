"""Candidates per hour: a study of vggsearch beside the script that one would write instead."""

import subprocess
import sys
from pathlib import Path

import pytest
from interleaved import note

HERE = Path(__file__).parent
NETS = {
    "÷ 16": ("2x4-2x8-2x16-2x32+bn+gap", 4.0),
    "÷ 8": ("2x8-2x16-2x32-2x64+bn+gap", 4.0),
    "÷ 4": ("2x16-2x32-2x64-2x128+bn+gap", 2.2),
}
TRIALS, STEPS, ROUNDS = 4, 250, 3


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
    net, goal = NETS[name]
    ratios, ours, plain = [], [], []

    def one_round() -> None:
        folder = tmp_path / str(len(ratios))
        folder.mkdir()
        plain.append(figures("plain.py", torchvision_root, net, TRIALS, STEPS)[-1])
        ours.append(figures("ours.py", fashion_mnist_dir, net, TRIALS, STEPS, folder)[-1])
        ratios.append(plain[-1] / ours[-1])

    benchmark.pedantic(one_round, rounds=ROUNDS)
    note(benchmark, f"{name}: candidates per hour, over the plain script", ratios, f">= {goal}")
    note(benchmark, f"{name}: candidates per hour", [3600 * TRIALS / s for s in ours], "")
    note(benchmark, f"{name}: candidates per hour, plain script", [3600 * TRIALS / s for s in plain], "")


@pytest.mark.parametrize("name", ["÷ 16", "÷ 8"])
def test_what_is_not_training(benchmark, name, fashion_mnist_dir, tmp_path):
    """Of runs of 30 s: evaluation, records, latency, handing over, waiting; the test images, too."""
    shares: list[float] = []

    def one_round() -> None:
        folder = tmp_path / str(len(shares))
        folder.mkdir()
        shares.append(figures("ours.py", fashion_mnist_dir, NETS[name][0], 4, "30s", folder)[0])

    benchmark.pedantic(one_round, rounds=2)
    note(
        benchmark,
        f"{name}: share of a 30-s run that is not training",
        shares,
        "<= 0.05, augmentation included",
    )
