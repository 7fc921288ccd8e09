"""`sample/`: a few images that the net was not trained on, as PNG, and its logits for each.

With other numbers of channels than 1 and 3 they are NumPy files: bytes [C, H, W].
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from vggsearch.data import Images

SAMPLE = "sample"
LOGITS = "logits.json"


@dataclass(frozen=True, slots=True)
class Sample:
    """One image."""

    name: str
    """File name in `sample/`."""
    label: str
    """Its class."""
    content: bytes
    """A PNG file, or a NumPy file."""
    logits: tuple[float, ...]


def choose_samples(images: Images, logits: Tensor, labels: Sequence[str], count: int) -> tuple[Sample, ...]:
    """The first image of each of `count` classes, spread evenly over all of them."""
    classes = [i * len(labels) // count for i in range(count)] if count < len(labels) else range(len(labels))
    found = [int(there[0]) for one in classes if len(there := (images.labels == one).nonzero())]
    return tuple(
        Sample(
            name=f"{number:02d}.{'png' if images.images.shape[1] in (1, 3) else 'npy'}",
            label=labels[int(images.labels[index])],
            content=_file(images.images[index]),
            logits=tuple(logits[index].tolist()),
        )
        for number, index in enumerate(found)
    )


def write_samples(folder: Path, samples: Sequence[Sample]) -> None:
    """Write `sample/` into the folder of a bundle: the images, and one JSON file with their logits."""
    (folder / SAMPLE).mkdir()
    for one in samples:
        (folder / SAMPLE / one.name).write_bytes(one.content)
    listed = [{"file": one.name, "label": one.label, "logits": one.logits} for one in samples]
    (folder / SAMPLE / LOGITS).write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")


def _file(image: Tensor) -> bytes:
    """An image of bytes [C, H, W] as a PNG file, or as a NumPy file."""
    file = io.BytesIO()
    if len(image) not in (1, 3):
        np.save(file, image.numpy(), allow_pickle=False)
        return file.getvalue()
    pixels = image.permute(1, 2, 0).squeeze(2).contiguous().numpy()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
