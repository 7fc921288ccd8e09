"""What it costs to use for one net the choice that was measured with another net of the same setting.

    python tests/benchmarks/settings.py [NETS]

Nets are drawn at random from the spaces of two studies; the recipe is `sprint`, images are random of
Fashion-MNIST's shape. The first net of a setting (`vggsearch.training.remembered.Setting`) decides for all of
it. Prints, for every net that is not the first, its time by that choice over its time by the choice that is
fastest for it, and over its time in float32 with PyTorch's layers; then the number of settings and medians.
"""

import statistics
import sys
from pathlib import Path

import numpy as np
import torch

from vggsearch.arch import Task
from vggsearch.recipe import RECIPES
from vggsearch.study import SearchStudy, load_study
from vggsearch.training.choices import Choice, candidates, decide
from vggsearch.training.remembered import setting_of
from vggsearch.training.timing import one_thread, time_choices

STUDIES = ("quickstart", "thirty-seconds")
CPU, TASK = torch.device("cpu"), Task((1, 28, 28), 10)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    recipe, decided, ratios = RECIPES["sprint"], {}, []
    nets = []
    for name in STUDIES:
        study = load_study(Path("studies") / f"{name}.yaml")
        assert isinstance(study, SearchStudy)
        nets += list(study.space(TASK).sample(np.random.default_rng(0), count // len(STUDIES)))
    for net in nets:
        permitted = candidates(recipe, net, CPU)
        timings = time_choices(net, TASK, recipe, permitted)
        medians = {choice: statistics.median(times) for choice, times in timings.items()}
        setting = setting_of(net, TASK, recipe, permitted)
        if setting not in decided:
            decided[setting] = decide(timings)
            continue
        chosen: Choice = decided[setting]
        ratios.append((medians[chosen] / min(medians.values()), medians[chosen] / medians[permitted[0]]))
        print(f"{net}: {chosen}: {ratios[-1][0]:.2f} of the fastest, {ratios[-1][1]:.2f} of the plainest")
    print(f"{len(nets)} nets, {len(decided)} settings")
    for of, found in zip(("fastest", "plainest"), zip(*ratios, strict=True), strict=True):
        print(f"over the {of}: {statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})")


if __name__ == "__main__":
    with one_thread(CPU):
        main()
