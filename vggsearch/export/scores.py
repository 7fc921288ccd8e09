"""How well predictions agree with labels: accuracy, each class, and confusions. Pure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

Z = 1.959963984540054
"""Of a 95 % interval."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Of n labelled images of k classes."""

    labels: IntArray
    """[n]: true classes."""
    predicted: IntArray
    """[n]: predicted classes."""
    num_classes: int

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def correct(self) -> int:
        """Number of images whose prediction is right."""
        return int(np.count_nonzero(self.labels == self.predicted))

    @property
    def accuracy(self) -> float:
        """Fraction of images whose prediction is right."""
        return self.correct / self.images

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy."""
        return wilson(self.correct, self.images)

    @property
    def class_images(self) -> IntArray:
        """[k]: images of each class."""
        return np.bincount(self.labels, minlength=self.num_classes)

    @property
    def class_correct(self) -> IntArray:
        """[k]: how many of them are right."""
        return np.bincount(self.labels[self.labels == self.predicted], minlength=self.num_classes)

    @property
    def class_intervals(self) -> list[tuple[float, float] | None]:
        """95 % interval of each class's accuracy; None for a class without images."""
        counts = zip(self.class_correct.tolist(), self.class_images.tolist(), strict=True)
        return [wilson(right, images) if images else None for right, images in counts]

    @property
    def confusion(self) -> IntArray:
        """[k, k]: images of the class of the row that were taken for the class of the column."""
        pairs = np.bincount(self.labels * self.num_classes + self.predicted, minlength=self.num_classes**2)
        return pairs.reshape(self.num_classes, self.num_classes)

    @property
    def most_confused(self) -> list[int | None]:
        """For each class, the other one for which its images were taken most often; None if none was."""
        found: list[int | None] = [None] * self.num_classes
        wrong = self.labels != self.predicted
        pairs, counts = np.unique(
            self.labels[wrong] * self.num_classes + self.predicted[wrong], return_counts=True
        )
        for pair in pairs[np.argsort(counts, kind="stable")]:  # the most frequent one of a class comes last
            found[pair // self.num_classes] = int(pair % self.num_classes)
        return found


def wilson(correct: int, images: int) -> tuple[float, float]:
    """95 % interval of an accuracy of `correct` of `images` (Wilson 1927, doi:10.2307/2276774)."""
    share, spread = correct / images, Z**2 / images
    center = (share + spread / 2) / (1 + spread)
    reach = Z / (1 + spread) * (share * (1 - share) / images + spread / (4 * images)) ** 0.5
    return max(0.0, center - reach), min(1.0, center + reach)
