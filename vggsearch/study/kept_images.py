"""What a report keeps of the test images, so that it can be made again where they are not.

    images.json      the true class of every image, the names of the classes, and the pictures that are shown

The true classes are kept here once, and not in each run. Pixels are written as they are, so that no decoder
reads a file that may come from anyone.
"""

import base64
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from vggsearch.runs import RunRecord
from vggsearch.schema import Frozen

MOST_SIDE = 64
"""Most pixels of a picture's sides."""

MOST_NAMED = 1000
"""Most classes whose names are kept."""


class Picture(Frozen):
    """The pixels of one test image."""

    image: int = Field(ge=0, lt=2**31)
    """Its index in the test set."""
    pixels: str = Field(max_length=4 * MOST_SIDE**2)
    """Bytes of (channels, height, width) in that order, as base64."""


class KeptImages(Frozen):
    """`images.json`."""

    most_side: ClassVar[int] = MOST_SIDE
    """Most pixels of a picture's height and width."""

    labels: str | None = Field(default=None, max_length=4_000_000)
    """`Predictions.labels` of all runs that were tested on these images."""
    classes: tuple[Annotated[str, Field(max_length=200)], ...] = Field(default=(), max_length=MOST_NAMED)
    """Names of the classes; empty where they are not known."""
    shape: tuple[int, int, int] = (1, 1, 1)
    """(channels, height, width) of the pictures."""
    pictures: tuple[Picture, ...] = Field(default=(), max_length=100)
    absent: str = Field(default="", max_length=2000)
    """Why there are no pictures; empty where there are."""

    @model_validator(mode="after")
    def _pictures_of_that_shape(self) -> Self:
        channels, height, width = self.shape
        if channels not in (1, 3) or not (1 <= height <= MOST_SIDE and 1 <= width <= MOST_SIDE):
            raise ValueError(f"shape: 1 or 3 channels, and sides from 1 to {MOST_SIDE}")
        for one in self.pictures:
            if len(base64.b64decode(one.pixels, validate=True)) != channels * height * width:
                raise ValueError("pictures: another number of pixels than the shape has")
        return self

    @classmethod
    def of(cls, classes: tuple[str, ...], images: Iterable[int], pixels: npt.NDArray[np.uint8]) -> Self:
        """Keep the images with these indices; `pixels` has the shape [images, channels, height, width]."""
        channels, height, width = pixels.shape[1:]
        pictures = tuple(
            Picture(image=image, pixels=base64.b64encode(one.tobytes()).decode("ascii"))
            for image, one in zip(images, pixels, strict=True)
        )
        return cls(classes=classes, shape=(channels, height, width), pictures=pictures)

    def pixels(self, image: int) -> npt.NDArray[np.uint8] | None:
        """The picture with this index, of shape [channels, height, width]; None where it is not kept."""
        for one in self.pictures:
            if one.image == image:
                packed = np.frombuffer(base64.b64decode(one.pixels), dtype=np.uint8)
                return packed.reshape(self.shape)
        return None


def common_labels(runs: Iterable[RunRecord]) -> str | None:
    """The true classes, packed, that most of the runs were tested on; None where no run keeps any."""
    known = [run.test_predictions.labels for run in runs if run.test_predictions is not None]
    return Counter(known).most_common(1)[0][0] if known else None


def without_labels(run: RunRecord, labels: str | None) -> RunRecord:
    """The run without its true classes where they are `labels`."""
    return _exchanged(run, labels, None)


def with_labels(run: RunRecord, labels: str | None) -> RunRecord:
    """The inverse of `without_labels`; raises ValueError where the run was not tested on such images."""
    whole = _exchanged(run, None, labels)
    whole.test_classes()
    return whole


def _exchanged(run: RunRecord, old: str | None, new: str | None) -> RunRecord:
    predictions = run.test_predictions
    if predictions is None or old == new or predictions.labels != old:
        return run
    changed = predictions.model_copy(update={"labels": new})
    return run.model_copy(update={"test_predictions": changed})
