"""What a bundle makes of images that a person names."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from vggsearch.data import GivenImages
from vggsearch.errors import BundleError
from vggsearch.export.bundle import Bundle
from vggsearch.export.scores import IntArray, Scores

BATCH = 128
"""Most images that are decoded, then classified together: what a small net keeps in a core's cache."""
BATCH_PIXELS = 2**20
"""Most pixels of a batch, for larger images."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The answers to N images, in their order."""

    images: GivenImages
    classes: IntArray
    """Shape (N,): the most likely class of each."""
    probabilities: npt.NDArray[np.float64]
    """Shape (N,): the softmax output of that class."""
    num_classes: int

    @property
    def scores(self) -> Scores | None:
        """How well they agree with the images' labels; None where there are no labels."""
        labels = self.images.labels
        return None if labels is None else Scores(labels, self.classes, self.num_classes)


@torch.inference_mode()
def classify(bundle: Bundle, images: GivenImages) -> Prediction:
    """Decode and classify images, a batch at a time.

    Raises `UnreadableImagesError`, which names all that cannot be decoded, and `BundleError` where the net
    has no finite answer.
    """
    shape = bundle.preprocess.image_shape
    pixels = max(shape[1] * shape[2], bundle.preprocess.input_shape[1] * bundle.preprocess.input_shape[2])
    batch_size = max(1, min(BATCH, BATCH_PIXELS // pixels))
    classes = np.zeros(len(images.files), dtype=np.int64)
    probabilities = np.zeros(len(images.files))
    done = 0
    net = bundle.module.net.to(memory_format=torch.channels_last)
    for batch in images.batches(shape, batch_size):
        x = bundle.module.normalize(torch.from_numpy(batch))
        logits = net(x.contiguous(memory_format=torch.channels_last)).double()
        most, best = logits.softmax(1).max(1)
        if not bool(most.isfinite().all()):
            raise BundleError(
                f"a net must have a finite answer, and that of {bundle.path} has none for some image: export "
                "it again"
            )
        classes[done : done + len(batch)] = best.numpy()
        probabilities[done : done + len(batch)] = most.numpy()
        done += len(batch)
    return Prediction(images, classes, probabilities, len(bundle.labels))
