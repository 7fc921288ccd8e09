"""The class that a net predicted for each test image, in a few thousand characters of a record.

One of k classes takes ⌈log₂ k⌉ bits: true classes of 10 000 images of 10 classes take 5 kB, as base64 6.7 kB.
Predicted classes are kept only of the images that the net got wrong, because a right one is the true class.
"""

import base64
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from vggsearch.schema import Frozen

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

MOST_MISTAKES = 20
"""Number of mistakes whose probability is kept."""

_Packed = Annotated[
    str,
    Field(max_length=4_000_000, pattern=r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"),
]


class Mistake(Frozen):
    """A test image that the net got wrong."""

    image: int = Field(ge=0, lt=2**31)
    """Its index in the test set."""
    probability: float = Field(ge=0, le=1)
    """Of the predicted class, by the net's softmax."""


class Predictions(Frozen):
    """True and predicted classes of all test images, packed; see `Predictions.of` and `unpack`."""

    images: int = Field(ge=1, lt=2**31)
    labels: _Packed | None
    """The true class of each image, in the test set's order. None in a report's data, which keep it once."""
    mistaken: _Packed
    """The predicted class of each image that the net got wrong, in the same order."""
    surest: tuple[Mistake, ...] = Field(default=(), max_length=MOST_MISTAKES)
    """The mistakes of highest probability, highest first."""

    @classmethod
    def of(
        cls,
        labels: IntArray,
        predicted: IntArray,
        probability: npt.NDArray[np.floating],
        num_classes: int,
    ) -> Self:
        """Pack the classes of all images; all arrays have the shape [images].

        `probability` is that of the predicted class. Mistakes without a finite one are not among `surest`.
        """
        wrong = labels != predicted
        known = np.flatnonzero(wrong & np.isfinite(probability))
        order = known[np.argsort(-probability[known], kind="stable")][:MOST_MISTAKES]
        return cls(
            images=len(labels),
            labels=_pack(labels, num_classes),
            mistaken=_pack(predicted[wrong], num_classes),
            surest=tuple(
                Mistake(image=int(i), probability=round(min(1.0, float(probability[i])), 6)) for i in order
            ),
        )

    def unpack(self, correct: BoolArray, num_classes: int) -> tuple[IntArray, IntArray] | None:
        """Return true and predicted classes, of shape [images]; None where `labels` is None.

        Args:
            correct: Whether the predicted class of each image is the true one, of shape [images].
            num_classes: The number of classes with which they were packed.

        Raises:
            ValueError: What is packed does not fit `correct` or `num_classes`.
        """
        wrong = np.flatnonzero(~correct)
        mistaken = _unpack(self.mistaken, len(wrong), num_classes, "mistaken")
        if self.labels is None:
            return None
        labels = _unpack(self.labels, self.images, num_classes, "labels")
        if (labels[wrong] == mistaken).any():
            raise ValueError("mistaken: the true class of an image that was got wrong")
        predicted = labels.copy()
        predicted[wrong] = mistaken
        return labels, predicted

    def check_mistakes(self, correct: BoolArray) -> None:
        """Raise ValueError where `surest` are not different images that `correct` denies, in their order."""
        images = [one.image for one in self.surest]
        sureness = [one.probability for one in self.surest]
        if len(set(images)) < len(images) or sureness != sorted(sureness, reverse=True):
            raise ValueError("surest: different images, the highest probability first")
        if any(image >= len(correct) or correct[image] for image in images):
            raise ValueError("surest: images that were got wrong")


def _bits(num_classes: int) -> int:
    return max(1, (num_classes - 1).bit_length())


def _pack(classes: IntArray, num_classes: int) -> str:
    """Classes one after the other, each in `_bits` bits, the most significant first, as base64."""
    places = np.arange(_bits(num_classes))[::-1]
    bits = (classes[:, None] >> places & 1).astype(np.uint8)
    return base64.b64encode(np.packbits(bits).tobytes()).decode("ascii")


def _unpack(text: str, count: int, num_classes: int, name: str) -> IntArray:
    """The `count` classes of `_pack`; raises ValueError for fewer, more, or a class that is not."""
    size, packed = _bits(num_classes), np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8)
    if len(packed) != -(-count * size // 8):
        raise ValueError(f"{name}: {len(packed)} bytes do not hold {count} classes of {num_classes}")
    bits = np.unpackbits(packed)
    if bits[count * size :].any():
        raise ValueError(f"{name}: more than {count} classes")
    classes = np.zeros(count, dtype=np.int64)
    for place in bits[: count * size].reshape(count, size).T:
        classes = classes << 1 | place
    if count and classes.max() >= num_classes:
        raise ValueError(f"{name}: a class that is not below {num_classes}")
    return classes
