"""Nets that were trained for a moment, for tests."""

from pathlib import Path

import torch
from workplace import make_images

from vggsearch.data import load_search_data, load_test_images
from vggsearch.recipe import Budget, Recipe
from vggsearch.runs import RunKey
from vggsearch.training import train

RECIPE = Recipe(lr=0.1, momentum=0.9, nesterov=True, schedule="linear", warmup=0.1, batch_size=16)


class Trainer:
    """Trains nets on two classes of grey 8×8 images in its folder, and keeps their weights."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_images(folder / "images")
        self.name = f"folder:{folder / 'images'}"
        self.data = load_search_data(self.name, val_fraction=0.2)

    def __call__(
        self,
        architecture: str,
        side: int = 8,
        *,
        steps: int = 12,
        tested: bool = True,
        recipe: Recipe = RECIPE,
    ):
        """A record and the file of its weights."""
        key = RunKey(
            architecture=architecture,
            input_shape=(1, side, side),
            num_classes=2,
            data=self.data.key,
            recipe=recipe,
            budget=Budget(steps=steps),
            seed=0,
            device="cpu",
            evaluate_on="test" if tested else "validation",
        )
        file = self.folder / f"{key.digest}.safetensors"
        record = train(
            key,
            self.data,
            torch.device("cpu"),
            test_images=lambda: load_test_images(self.name),
            weights=file,
        )
        assert record.weights is not None
        return record, file
