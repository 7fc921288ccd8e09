"""Images as tensors: training and validation images for a search, test images for selected runs."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vggsearch.data.arrays import find, split_part
from vggsearch.runs import DataKey


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Images and their labels, on one device."""

    images: Tensor
    """uint8, shape (N, C, H, W)."""
    labels: Tensor
    """int64, shape (N,)."""

    def to(self, device: torch.device) -> "Images":
        """Return the same images on `device`."""
        return Images(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True, slots=True, eq=False)
class SearchData:
    """The part of a data set that a search may see."""

    name: str
    num_classes: int
    train: Images
    val: Images
    mean: tuple[float, ...]
    """Mean of each channel over all training images, before the split; pixels from 0 to 1. `std` likewise."""
    std: tuple[float, ...]
    key: DataKey

    def to(self, device: torch.device) -> "SearchData":
        """Return the same data on `device`."""
        return replace(self, train=self.train.to(device), val=self.val.to(device))


def load_search_data(
    name: str, *, data_dir: Path | None = None, val_fraction: float = 0.1, split_seed: int = 0
) -> SearchData:
    """Load training and validation images of a data set, on the CPU. Reads no test image.

    `name` is one of `DATASETS`, `folder:PATH` or `arrays:PATH`. Downloads nothing: see `fetch`. Raises
    `DataError` if files are absent or damaged, or if there would be no training or no validation images.
    """
    source = find(name)
    part = source.load("train", data_dir)
    key, train, val = split_part(source, part, val_fraction, split_seed)
    return SearchData(
        name=name,
        num_classes=int(part.labels.max()) + 1,
        train=Images(torch.from_numpy(part.images[train]), torch.from_numpy(part.labels[train])),
        val=Images(torch.from_numpy(part.images[val]), torch.from_numpy(part.labels[val])),
        mean=part.mean,
        std=part.std,
        key=key,
    )


def load_test_images(name: str, *, data_dir: Path | None = None) -> Images:
    """Load the test images of a data set, on the CPU. No other function loads them.

    Only for runs that were selected before they started (`RunKey.evaluate_on`). Raises `DataError`.
    """
    part = find(name).load("test", data_dir)
    return Images(torch.from_numpy(np.array(part.images)), torch.from_numpy(np.array(part.labels)))
