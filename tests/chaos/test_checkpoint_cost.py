"""What checkpoints cost, measured: bytes and seconds of one, and its share of a run's time."""

import math
import statistics
import time
from pathlib import Path

import pytest
import torch
from training import CPU, DATA, shades

from vggsearch.data import SearchData
from vggsearch.recipe import RECIPES, Budget
from vggsearch.runs.record import RunKey
from vggsearch.training import Checkpoints
from vggsearch.training.checkpoint import INTERVAL_S, MAX_SHARE
from vggsearch.training.loop import step
from vggsearch.training.setup import set_up

REPEATS = 5

QUARTER = "1x16-1x32-2x64-2x128-2x128+fc4096,4096"
"""VGG-11 with a quarter of its channels and its whole head, as in d2l.ai."""


@pytest.mark.long_form
@pytest.mark.parametrize(("architecture", "side"), [("2x8-2x16-2x32-2x64+bn+gap", 28), (QUARTER, 224)])
def test_checkpoints_cost_two_percent_at_most(tmp_path: Path, architecture: str, side: int) -> None:
    torch.set_num_threads(1)
    data = SearchData("shades", 10, shades(256, 0), shades(40, 1), (0.5,), (0.3,), DATA)
    key = RunKey(
        architecture=architecture,
        input_shape=(1, side, side),
        num_classes=10,
        data=DATA,
        recipe=RECIPES["fast"],
        budget=Budget(steps=1000),
        seed=1,
        device="cpu",
    )
    run = set_up(key, data, CPU, report=None, deadline=math.inf)
    step(run)  # so that there is momentum
    kept = Checkpoints(tmp_path)
    took = []
    for number in range(1, REPEATS + 1):
        run.meter.steps = number
        begun_s = time.monotonic()
        kept.save(run)
        took.append(time.monotonic() - begun_s)
    size = sum(path.stat().st_size for path in tmp_path.iterdir()) / 2
    between_s = max(INTERVAL_S, took[-1] / MAX_SHARE)
    share = took[-1] / (between_s + took[-1])
    parameters = sum(weight.numel() for weight in run.model.parameters())
    print(
        f"\n{parameters} parameters: a checkpoint is {size / 1e6:.2f} MB and takes "
        f"{statistics.median(took):.3f} s (median of {REPEATS}, {min(took):.3f} to {max(took):.3f}); "
        f"one every {between_s:.0f} s, {share:.2%} of the time"
    )
    assert share <= MAX_SHARE
    assert len(list(tmp_path.glob("*.json"))) == 2
