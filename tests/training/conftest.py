"""A data set that a small net learns in a few steps: which of four quadrants is bright."""

import pytest
import torch

from vggsearch.data import Images, SearchData
from vggsearch.recipe import Budget, Recipe
from vggsearch.runs.record import DataKey, RunKey


def quadrants(count: int, seed: int) -> Images:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 4
    images = torch.randint(0, 100, (count, 1, 8, 8), generator=generator, dtype=torch.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        row, column = 4 * (label // 2), 4 * (label % 2)
        image[0, row : row + 4, column : column + 4] += 60
    return Images(images, labels)


@pytest.fixture(scope="session")
def data():
    key = DataKey(name="quadrants", digest="0" * 64, val_fraction=0.2, split_seed=0, split_digest="1" * 64)
    return SearchData(
        name="quadrants",
        num_classes=4,
        train=quadrants(640, 0),
        val=quadrants(160, 1),
        mean=(0.25,),
        std=(0.13,),
        key=key,
    )


@pytest.fixture(scope="session")
def test_images():
    return quadrants(120, 2)


@pytest.fixture(scope="session")
def make_key(data):
    def make(**changes):
        fields = {
            "architecture": "1x8-1x8+bn+gap",
            "input_shape": (1, 8, 8),
            "num_classes": 4,
            "data": data.key,
            "recipe": Recipe(
                lr=0.1, momentum=0.9, nesterov=True, schedule="linear", warmup=0.1, batch_size=32
            ),
            "budget": Budget(steps=40),
            "seed": 7,
            "device": "cpu",
        }
        return RunKey(**(fields | changes))

    return make
