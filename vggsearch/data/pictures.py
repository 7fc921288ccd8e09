"""A few test images, for people to look at, in grey or RGB. No torch.

Of images with other numbers of channels the first three are shown as red, green and blue, of two the first.

For reports of runs that were tested already. Nothing that chooses nets reads them.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from vggsearch.data.arrays import find
from vggsearch.data.formats import Labels, Pixels
from vggsearch.errors import DataError


def read_test_pictures(
    name: str, wanted: Sequence[int], labels: Labels, *, most_side: int, data_dir: Path | None = None
) -> Pixels:
    """Return the test images with the indices `wanted`, uint8 of shape [wanted, 1 or 3, H, W].

    `labels` are the classes of all test images when the runs were tested. Images of a longer side than
    `most_side` are made smaller. Raises `DataError` if files are absent, or if the labels are others now.
    """
    part = find(name).load("test", data_dir)
    if not np.array_equal(part.labels, labels):
        raise DataError(
            f"the test images of {name} must be those that the runs were tested on, and are others now: "
            "bring back the images of then, or name their folder with --data-dir"
        )
    return np.stack([_small(part.images[i], most_side) for i in wanted])


def _small(pixels: Pixels, most_side: int) -> Pixels:
    """One image [1 or 3, H, W], at most `most_side` high and wide, with its proportions."""
    pixels = pixels[: 3 if len(pixels) >= 3 else 1]
    channels, height, width = pixels.shape
    scale = min(1.0, most_side / max(height, width))
    if scale == 1:
        return np.array(pixels)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = Image.fromarray(pixels[0] if channels == 1 else np.moveaxis(pixels, 0, -1)).resize(size)
    small = np.asarray(image)
    return small[None] if channels == 1 else np.moveaxis(small, -1, 0)
