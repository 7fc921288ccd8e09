"""How accurate a net of the family is after so many seconds of training on one core, on the test images."""

import pytest
import torch
from interleaved import note

from vggsearch.data import data_key
from vggsearch.recipe import RECIPES, Budget
from vggsearch.runs import RunKey
from vggsearch.runs.record import Outcome
from vggsearch.study.executors import Finished, LocalExecutor
from vggsearch.study.process import cores
from vggsearch.training import device_model

NET = "1x16-1x32-1x64-1x128+bn+gap"
SEEDS = range(7001, 7011)


@pytest.mark.parametrize("seconds", [15, 20, 25, 30, 40])
def test_accuracy_after(benchmark, seconds, fashion_mnist_dir):
    where = data_key("fashion-mnist", data_dir=fashion_mnist_dir, val_fraction=0.1, split_seed=0)
    keys = [
        RunKey(
            architecture=NET,
            input_shape=(1, 28, 28),
            num_classes=10,
            data=where,
            recipe=RECIPES["sprint"],
            budget=Budget(seconds=seconds),
            seed=seed,
            evaluate_on="test",
            device="cpu",
            device_model=device_model(torch.device("cpu")),
        )
        for seed in SEEDS
    ]
    records = []

    def make_all() -> None:
        with LocalExecutor(len(cores()), "cpu", fashion_mnist_dir) as executor:
            left, going = list(keys), 0
            while left or going:
                while left and going < executor.slots:
                    executor.submit(left.pop(0))
                    going += 1
                for event in executor.wait():
                    if isinstance(event, Finished):
                        records.append(event.record)
                        going -= 1

    benchmark.pedantic(make_all, rounds=1)
    assert all(record.outcome is Outcome.COMPLETED for record in records)
    tested = [record.test_accuracy for record in records]
    note(benchmark, f"{seconds} s of one core: test accuracy", tested, ">= 0.920 within 90 s")
    epochs = [record.images / 54_000 for record in records]
    note(benchmark, f"{seconds} s of one core: epochs", epochs, "")
